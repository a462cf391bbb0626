/**
 * The frames of a referred camera check, one after the other: a radio button each, so that the arrow keys go through them by themselves.
 * Without this script the table of all frames says the same.
 */

const data = document.querySelector("#frames-data");
const strip = document.querySelector("#strip");

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

function show(known, frame) {
  document.querySelector("#viewer-title").textContent = fill(known.title, { number: frame.seq, time: frame.time }) + (frame.probe ? ` · ${known.compared}` : "");
  document.querySelector("#viewer-prompt").textContent = frame.prompt;
  const hints = document.querySelector("#viewer-hints");
  hints.textContent = frame.hints.join(" · ");
  hints.hidden = !frame.hints.length;
  const rows = document.querySelector("#viewer-rows");
  rows.replaceChildren(...frame.values.map((value) => {
    const row = document.querySelector("#viewer-row").content.firstElementChild.cloneNode(true);
    [value.label, value.value, value.asked, value.means].forEach((text, place) => { row.children[place].textContent = text; });
    if (value.fits === false) row.lastElementChild.classList.add("value--off");
    return row;
  }));
  const picture = strip.querySelector(`input[value="${frame.seq}"]`).parentElement.querySelector("img");
  const image = document.querySelector("#viewer-image");
  image.hidden = !picture;
  document.querySelector("#viewer-cover").hidden = Boolean(picture);
  if (picture) image.src = picture.src;
}

if (data && strip) {
  const known = JSON.parse(data.textContent);
  const of = new Map(known.frames.map((frame) => [String(frame.seq), frame]));
  strip.hidden = false;
  document.querySelector("#viewer").hidden = false;
  strip.addEventListener("change", (event) => {
    show(known, of.get(event.target.value));
    event.target.parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  const first = known.frames.find((frame) => frame.probe) ?? known.frames[0];
  strip.querySelector(`input[value="${first.seq}"]`).checked = true;
  show(known, first);
}

// what goes against the person, or sends them back, needs words
const form = document.querySelector("#decide");
if (form) {
  const reason = form.querySelector("#reason");
  const ask = () => {
    const chosen = form.querySelector("input[name=decision]:checked");
    reason.required = Boolean(chosen) && !("needsNoWords" in chosen.dataset);
  };
  form.addEventListener("change", ask);
  ask();
}
