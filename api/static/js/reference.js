/**
 * The reference page of the counter: a picture from the camera or a file, its quality shown before it is saved.
 */

import { closeCamera, openCamera } from "./camera/stream.js";

const form = document.querySelector("#reference");
const file = form.querySelector("#picture");
const live = form.querySelector("#live");
const chosen = form.querySelector("#chosen");
const empty = form.querySelector("#empty");
const take = form.querySelector("#take");
const useCamera = form.querySelector("#use-camera");
const problem = form.querySelector("#camera-problem");
const quality = form.querySelector("#quality");
const JPEG_QUALITY = 0.95;

let address = null;
let checking = 0;

function show(blob) {
  if (address) URL.revokeObjectURL(address);
  address = blob ? URL.createObjectURL(blob) : null;
  chosen.hidden = !blob;
  empty.hidden = Boolean(blob);
  live.hidden = true;
  take.hidden = true;
  if (address) chosen.src = address;
}

/** Asks the server how good the picture is; an older answer never replaces a newer one. */
async function check() {
  checking += 1;
  const mine = checking;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.checkUrl, { method: "POST", body: new FormData(form), headers: { "X-Fragment": "1" }, credentials: "same-origin" });
    const html = await answer.text();
    if (mine !== checking || !answer.headers.get("Content-Type")?.startsWith("text/html")) return;
    quality.replaceChildren(document.createRange().createContextualFragment(html));
  } finally {
    if (mine === checking) form.removeAttribute("aria-busy");
  }
}

async function startCamera() {
  problem.hidden = true;
  try {
    await openCamera(live);
    live.hidden = false;
    chosen.hidden = true;
    empty.hidden = true;
    take.hidden = false;
    take.focus();
  } catch {
    problem.hidden = false;
  }
}

function takePicture() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [live.videoWidth, live.videoHeight];
  canvas.getContext("2d", { alpha: false }).drawImage(live, 0, 0);
  canvas.toBlob(
    (blob) => {
      const carrier = new DataTransfer();
      carrier.items.add(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      file.files = carrier.files;
      form.elements.source.value = "camera";
      closeCamera(live);
      show(blob);
      check();
    },
    "image/jpeg",
    JPEG_QUALITY,
  );
}

file.addEventListener("change", () => {
  form.elements.source.value = "file";
  closeCamera(live);
  const [picture] = file.files;
  show(picture ?? null);
  quality.replaceChildren();
  if (picture) check();
});
form.querySelector("#check").hidden = true; // the script checks by itself
useCamera.hidden = !navigator.mediaDevices?.getUserMedia;
useCamera.addEventListener("click", startCamera);
take.addEventListener("click", takePicture);
window.addEventListener("pagehide", () => closeCamera(live));
