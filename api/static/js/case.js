/**
 * The page of a case. Parts that take longer are fetched after the page is there, and faces when they are asked for; without this
 * script each is a link to a page of its own.
 *
 * [data-part="address"]        replaced by what is at the address; data-failed: what is said when it does not come
 * a[href*="/desk/face-pair/"]  opens the pair in place, still covered; its button uncovers it in place
 */

const HEADERS = { "X-Requested-With": "fetch" };

/** The body of an answer of our own pages; an error for anything else, such as the sign-in after a session has ended. */
async function page(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function load(part) {
  const loading = part.querySelector("[data-loading]");
  const link = part.querySelector("p:not([data-loading])");
  part.setAttribute("aria-busy", "true");
  loading.hidden = false;
  link.hidden = true;
  try {
    const found = await page(part.dataset.part, { headers: HEADERS });
    part.closest("section")?.querySelector(".case__signals")?.remove(); // the short form of what now stands there in full
    part.replaceChildren(...found.body.childNodes);
  } catch {
    loading.textContent = part.dataset.failed;
    link.hidden = false;
  }
  part.removeAttribute("aria-busy");
}

/** Both sides of a pair, taken out of its page; its form is sent from here and answered here. */
async function showPair(box, address, options) {
  box.setAttribute("aria-busy", "true");
  try {
    const found = await page(address, options);
    const main = found.querySelector("main");
    main.querySelector("h1")?.remove();
    for (const back of main.querySelectorAll(":scope > .actions")) back.remove();
    box.replaceChildren(...main.childNodes);
    const form = box.querySelector("form");
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      showPair(box, address, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    });
    const cover = box.querySelector("a.btn-main");
    cover?.addEventListener("click", (event) => {
      event.preventDefault();
      showPair(box, address);
    });
    (form?.querySelector("button") ?? cover)?.focus();
  } catch {
    window.location.assign(address);
  }
  box.removeAttribute("aria-busy");
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest('.case a[href*="/desk/face-pair/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const box = document.createElement("div");
  box.dataset.facePair = "";
  link.parentElement.replaceWith(box);
  showPair(box, link.href);
});

for (const part of document.querySelectorAll("[data-part]")) load(part);
document.querySelector("#problems, #overtaken")?.scrollIntoView({ block: "center" });
if (!document.querySelector(":target")) document.querySelector(".is-invalid, [aria-invalid=true]")?.focus({ preventScroll: true });
