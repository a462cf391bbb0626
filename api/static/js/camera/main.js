/**
 * The camera page: opens the camera, starts a verification, sends frames, follows the guide of each answer, and goes to the result.
 */

import { Api } from "./api.js";
import { Grabber } from "./grabber.js";
import { Pace } from "./pace.js";
import { Stage } from "./stage.js";
import { CameraTrouble, closeCamera, openCamera } from "./stream.js";
import { Uplink } from "./uplink.js";
import { Voice } from "./voice.js";

const WARN_BEFORE_END_MS = 30000;
const FINISH_TRIES = 6;

const root = document.querySelector("#camera");
const words = JSON.parse(root.querySelector("#camera-words").textContent);
const video = root.querySelector("#preview");
const voice = new Voice(document.documentElement.lang, root.querySelector("#sound"));
const stage = new Stage(root, words, voice);
const api = new Api(document.querySelector('meta[name="csrf-token"]').content);
const before = root.querySelector("#before");

let run = null; // the one verification that is going on
let wakeLock = null;

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const newKey = () => (crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""));

/** Ends whatever runs; the server is told, so that the person can begin again at once. */
function halt({ tell = true } = {}) {
  const ended = run;
  run = null;
  if (ended) {
    ended.grabber?.stop();
    ended.uplink?.close();
    clearTimeout(ended.warning);
    clearTimeout(ended.end);
    if (tell && ended.session) api.abandon(ended.session).catch(() => {});
  }
  closeCamera(video);
  wakeLock?.release().catch(() => {});
  wakeLock = null;
  stage.close();
}

function trouble(code) {
  halt();
  before.hidden = true;
  let shown = null;
  for (const panel of root.querySelectorAll("[data-trouble]")) {
    panel.hidden = panel.dataset.trouble !== code;
    if (!panel.hidden) shown = panel;
  }
  if (!shown) {
    shown = root.querySelector('[data-trouble="service"]');
    shown.hidden = false;
  }
  shown.focus();
  window.scrollTo(0, 0);
}

async function begin() {
  halt();
  for (const panel of root.querySelectorAll("[data-trouble]")) panel.hidden = true;
  before.hidden = true;
  const mine = { shown: null, lastSeq: -1, showing: Promise.resolve(), finishing: false };
  run = mine;
  stage.open();
  stage.notice(words.opening);
  try {
    const camera = await openCamera(video);
    if (run !== mine) return closeCamera(video);
    for (const event of ["ended", "mute"]) camera.track.addEventListener(event, () => run === mine && !mine.finishing && trouble("paused"));
    wakeLock = await navigator.wakeLock?.request("screen").catch(() => null);
    await startSession(mine, camera.label);
  } catch (error) {
    if (run !== mine) return;
    trouble(error instanceof CameraTrouble ? error.trouble : troubleOf(error));
  }
}

function troubleOf(error) {
  if (error.passing) return "line";
  const known = { consent_missing: "consent", reference_missing: "reference", tries_used_up: "tries", person_unknown: "session", authentication_required: "session", csrf_failed: "session", person_deceased: "counter", channel_not_allowed: "staff", too_many_requests: "tries" };
  return known[error.code] ?? "service";
}

async function startSession(mine, cameraLabel) {
  const request = { kind: root.dataset.kind, channel: root.dataset.channel };
  if (root.dataset.person) request.person_id = root.dataset.person;
  if (cameraLabel) request.camera_label = cameraLabel.slice(0, 200);
  const started = await api.start(root.dataset.startUrl, request, newKey());
  const session = { id: started.verification_id, token: started.token, url: `${root.dataset.startUrl}/${encodeURIComponent(started.verification_id)}` };
  if (run !== mine) return void api.abandon(session).catch(() => {});
  mine.session = session;
  mine.startedAt = performance.now();
  mine.pace = new Pace();
  mine.uplink = new Uplink(api, session, mine.pace, {
    answer: (answer) => run === mine && follow(mine, answer),
    broken: (error) => run === mine && broke(mine, error),
    line: (isUp) => stage.notice(isUp ? "" : words.line_lost),
  });
  mine.grabber = new Grabber(
    video,
    () => (mine.shown && mine.uplink.ready && !mine.finishing ? { settings: mine.pace.settings, step: mine.shown.step_token } : null),
    (blob, capturedAt, step) => mine.uplink.send(blob, Math.round(capturedAt - mine.startedAt), step),
  );
  watchTheClock(mine, started.expires_at);
  await show(mine, started.guide);
  if (run === mine) mine.grabber.start();
}

function watchTheClock(mine, expiresAt) {
  // the server's and the phone's clock may differ: count from the answer, never beyond what the server said
  const left = Math.max(0, Date.parse(expiresAt) - Date.now());
  if (left > WARN_BEFORE_END_MS) {
    mine.warning = setTimeout(() => {
      stage.notice(words.soon_over);
      voice.say(words.soon_over, { urgent: false });
    }, left - WARN_BEFORE_END_MS);
  }
}

/** One change of step after another; frames are taken again once the new step is on the screen. */
function show(mine, guide) {
  mine.showing = mine.showing.then(async () => {
    if (run !== mine) return;
    if (mine.shown && guide.step_token === mine.shown.step_token) return stage.progressed(guide);
    const changesColour = (mine.shown?.colour ?? null) !== guide.colour;
    if (changesColour) await stage.show(guide);
    else stage.say(guide);
    if (run === mine) mine.shown = guide;
  });
  return mine.showing;
}

function follow(mine, answer) {
  if (mine.finishing || answer.seq < mine.lastSeq) return;
  mine.lastSeq = answer.seq;
  if (answer.complete) return void finish(mine);
  if (!mine.uplink.down) stage.hinted(answer.hints);
  show(mine, answer.guide);
}

function broke(mine, error) {
  if (mine.finishing) return; // a frame that was still on its way when enough was seen
  if (error.code === "verification_closed" || error.code === "too_many_frames" || error.code === "session_expired") return finish(mine);
  trouble(troubleOf(error));
}

async function finish(mine) {
  mine.finishing = true;
  mine.grabber.stop();
  stage.say({ prompt: "done", progress: 1 });
  let wait = 500;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await api.finish(mine.session);
      break;
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) break; // the result page says what came of it
      if (attempt === FINISH_TRIES) return trouble("line");
      stage.notice(words.line_lost);
      await sleep(Math.max(wait, error.retryAfter_s * 1000));
      wait *= 2;
    }
  }
  if (run !== mine) return;
  const form = root.querySelector("#done");
  form.elements.verification_id.value = mine.session.id;
  form.elements.token.value = mine.session.token;
  halt({ tell: false });
  before.hidden = true;
  form.submit();
}

root.querySelector("#open").hidden = false;
root.querySelector("#open").addEventListener("click", begin);
root.querySelector("#stop").addEventListener("click", () => {
  halt();
  before.hidden = false;
  root.querySelector("#open").focus();
});
root.querySelector("#gentle")?.addEventListener("click", () => {
  halt();
  window.location.assign(root.dataset.gentleUrl);
});
for (const button of root.querySelectorAll("[data-again]")) button.addEventListener("click", begin);
document.addEventListener("visibilitychange", () => {
  if (document.hidden && run && !run.finishing) trouble("paused");
});
window.addEventListener("pagehide", () => halt());
