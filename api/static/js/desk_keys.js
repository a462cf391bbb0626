/**
 * Work by keyboard on staff pages. Everything that a key does can be done without it, and without this script.
 *
 * [data-row]          rows to walk through with j and k, or the arrows once one of them has the focus; Enter follows its first link
 * [data-key="x"]      x presses a button or link, goes into a field, opens a folded part
 * [data-key-label]    what the help says of it; otherwise its own text
 * #keys-help          the dialog that ? opens; [data-keys-open] opens it too, [data-keys-switch] turns single keys off and on
 *
 * Single keys can be turned off, for those whose voice control or tremor would press them (WCAG 2.1.4).
 */

const STORE = "lifecert-single-keys";
const dialog = document.querySelector("#keys-help");
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
const linkOf = (row) => row.querySelector("a[href]");

function allowed() {
  try {
    return localStorage.getItem(STORE) !== "off";
  } catch {
    return true; // storage is closed: keys work, nothing is remembered
  }
}

function typing(target) {
  return target instanceof Element && (target.isContentEditable || target.matches("select, textarea, input:not([type=checkbox], [type=radio], [type=submit], [type=button])"));
}

function walk(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const to = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  linkOf(all[to])?.focus();
  all[to].scrollIntoView({ block: "nearest" });
  return true;
}

function activate(element) {
  if (element.matches("summary, details")) {
    const part = element.closest("details");
    part.open = true;
    (part.querySelector("input:not([type=hidden]), textarea, select, button") ?? part.querySelector("summary")).focus();
  } else if (element.matches("input:not([type=submit], [type=button]), textarea, select")) {
    element.focus();
  } else {
    element.click();
  }
}

function help() {
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("[data-keys-list]");
  list.querySelectorAll("[data-made]").forEach((line) => line.remove());
  for (const element of document.querySelectorAll("[data-key]")) {
    if (!element.checkVisibility() || dialog.contains(element)) continue;
    const line = document.createElement("div");
    const name = document.createElement("dt");
    const key = document.createElement("kbd");
    const words = document.createElement("dd");
    line.dataset.made = "";
    key.textContent = element.dataset.key;
    words.textContent = element.dataset.keyLabel || element.textContent.trim();
    name.append(key);
    line.append(name, words);
    list.append(line);
  }
  dialog.querySelectorAll("[data-keys-rows]").forEach((line) => { line.hidden = rows().length === 0; });
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const inRow = event.target instanceof Element && event.target.closest("[data-row]");
  if (inRow && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    if (walk(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    return;
  }
  if (!allowed()) return;
  if (event.key === "?") {
    event.preventDefault();
    help();
  } else if (event.key === "j" || event.key === "k") {
    if (walk(event.key === "j" ? 1 : -1)) event.preventDefault();
  } else if (/^[a-z0-9]$/.test(event.key) && !event.repeat) {
    const element = [...document.querySelectorAll(`[data-key="${event.key}"]`)].find((one) => one.checkVisibility() && !one.disabled);
    if (element) {
      event.preventDefault();
      activate(element);
    }
  }
});

for (const button of document.querySelectorAll("[data-keys-open]")) {
  button.hidden = !dialog;
  button.addEventListener("click", help);
}

const box = document.querySelector("[data-keys-switch]");
if (box) {
  box.checked = allowed();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(STORE, box.checked ? "on" : "off");
    } catch {
      box.checked = true;
    }
  });
}
