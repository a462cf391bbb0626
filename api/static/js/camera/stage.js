/**
 * What the person sees while the camera runs: prompt, arrow, progress, hint, and the colour around the oval.
 */

const COLOUR_HOLD_MS = 500; // at most two changes a second
const HINT_HOLD_MS = 1500; // long enough to be read before the next one

const ICONS = { look_straight: "eyes", turn_left: "arrow-left", turn_right: "arrow-right", blink: "eyes", watch_colours: "light", done: "done" };

const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

export class Stage {
  constructor(root, words, voice) {
    this.stage = root.querySelector("#stage");
    this.prompt = root.querySelector("#prompt");
    this.hint = root.querySelector("#hint");
    this.progress = root.querySelector("#progress");
    this.arrow = root.querySelector("#arrow");
    this.icons = this.arrow.querySelector("use").getAttribute("href").split("#")[0];
    this.words = words;
    this.voice = voice;
    this.changedAt = -Infinity;
    this.hintAt = -Infinity;
    this.colour = null;
  }

  open() {
    this.stage.hidden = false;
    document.body.classList.add("is-running");
    window.scrollTo(0, 0);
  }

  close() {
    this.stage.hidden = true;
    document.body.classList.remove("is-running");
    this.#fill(null);
    this.voice.hush();
  }

  /** Shows a step; resolves once it is really on the screen, so that frames taken from then on belong to it. */
  async show(guide) {
    this.say(guide);
    if (guide.colour !== this.colour) {
      const wait = this.changedAt + COLOUR_HOLD_MS - performance.now();
      if (wait > 0) await sleep(wait);
      this.#fill(guide.colour);
    }
    await painted();
  }

  say(guide) {
    this.#arrow(guide.prompt);
    const words = this.words.prompts[guide.prompt];
    if (this.prompt.textContent !== words) {
      this.prompt.textContent = words;
      this.hint.textContent = "";
      this.stage.classList.remove("stage--hint");
    }
    this.voice.say(words);
    this.progressed(guide);
  }

  progressed(guide) {
    const value = Math.round(guide.progress * 100);
    this.progress.value = value;
    this.progress.textContent = `${value}%`;
  }

  /** Shows the most useful hint, not faster than one can read. */
  hinted(hints) {
    const words = this.words.hints[hints[0]] ?? "";
    const now = performance.now();
    if (words === this.hint.textContent || now - this.hintAt < HINT_HOLD_MS) return;
    this.hintAt = now;
    this.hint.textContent = words;
    this.stage.classList.toggle("stage--hint", words !== "");
    if (words) this.voice.say(words, { urgent: false });
  }

  notice(words) {
    this.hintAt = performance.now();
    this.hint.textContent = words;
  }

  #arrow(prompt) {
    this.arrow.querySelector("use").setAttribute("href", `${this.icons}#${ICONS[prompt] ?? "eyes"}`);
    this.arrow.classList.toggle("stage__arrow--left", prompt === "turn_left");
    this.arrow.classList.toggle("stage__arrow--right", prompt === "turn_right");
  }

  #fill(colour) {
    this.colour = colour;
    this.changedAt = performance.now();
    this.stage.style.backgroundColor = colour ?? "";
  }
}
