/**
 * The recording harness: prompts by a fixed script, every frame to the server, nothing decided.
 */

import { Grabber } from "./camera/grabber.js";
import { Stage } from "./camera/stage.js";
import { CameraTrouble, closeCamera, openCamera } from "./camera/stream.js";
import { Voice } from "./camera/voice.js";

const SETTINGS = { fps: 10, quality: 0.92, side_px: 640 };
const IN_FLIGHT = 3;

const root = document.querySelector("#harness");
const script = JSON.parse(root.querySelector("#harness-script").textContent);
const words = { prompts: Object.fromEntries(script.map((step) => [step.prompt, step.words])), hints: {} };
const form = root.querySelector("#recording");
const video = root.querySelector("#preview");
const voice = new Voice(document.documentElement.lang, root.querySelector("#sound"));
const stage = new Stage(root, words, voice);
const token = document.querySelector('meta[name="csrf-token"]').content;
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

let run = null;

function halt() {
  run?.grabber?.stop();
  run = null;
  closeCamera(video);
  stage.close();
}

function trouble(code) {
  halt();
  const panel = root.querySelector(`[data-trouble="${code}"]`) ?? root.querySelector('[data-trouble="service"]');
  panel.hidden = false;
  panel.focus();
}

async function record(event) {
  event.preventDefault();
  root.querySelector("#saved").hidden = true;
  for (const panel of root.querySelectorAll("[data-trouble]")) panel.hidden = true;
  const mine = { open: 0, lost: false, step: 0 };
  run = mine;
  try {
    const answer = await fetch(root.dataset.startUrl, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    root.querySelector("#form-problem").hidden = answer.status !== 422;
    if (answer.status === 422) return void (run = null);
    if (!answer.ok) return trouble("service");
    const { frames_url: framesUrl } = await answer.json();
    stage.open();
    await openCamera(video);
    const startedAt = performance.now();
    mine.grabber = new Grabber(
      video,
      () => (mine.open < IN_FLIGHT ? { settings: SETTINGS, step: mine.step } : null),
      async (blob, capturedAt, step) => {
        mine.open += 1;
        const sent = await fetch(`${framesUrl}?at_ms=${Math.round(capturedAt - startedAt)}&step=${step}`, { method: "POST", body: blob, headers: { "Content-Type": "image/jpeg", "X-CSRFToken": token }, credentials: "same-origin" }).catch(() => null);
        mine.open -= 1;
        if (!sent?.ok) mine.lost = true;
      },
    );
    mine.grabber.start();
    let done = 0;
    for (const step of script) {
      if (run !== mine) return;
      mine.step = done;
      stage.say({ prompt: step.prompt, progress: done / script.length });
      await sleep(step.seconds * 1000);
      done += 1;
    }
    if (run !== mine) return;
    mine.grabber.stop();
    while (mine.open > 0) await sleep(50);
    if (mine.lost) return trouble("service");
    halt();
    root.querySelector("#saved").hidden = false;
  } catch (error) {
    trouble(error instanceof CameraTrouble ? error.trouble : "service");
  }
}

form.addEventListener("submit", record);
root.querySelector("#stop").addEventListener("click", halt);
window.addEventListener("pagehide", halt);
