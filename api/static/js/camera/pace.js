/**
 * How much to send: full pictures on a good line, smaller and fewer on a slow one. Pure, so that it can be tested alone.
 */

export const LEVELS = Object.freeze([
  { fps: 8, quality: 0.9, side_px: 640 },
  { fps: 8, quality: 0.8, side_px: 640 },
  { fps: 6, quality: 0.75, side_px: 480 },
  { fps: 5, quality: 0.7, side_px: 480 },
  { fps: 4, quality: 0.6, side_px: 480 },
]);

const SLOW_MS = 240; // a full server answers in 250 ms and more: everybody sends less then, rather than all waiting
const QUICK_MS = 130;
const WEIGHT = 0.3;
const ANSWERS_BEFORE_CHANGE = 4;

export class Pace {
  constructor() {
    this.level = 1;
    this.mean_ms = null;
    this.answers = 0;
  }

  get settings() {
    return LEVELS[this.level];
  }

  /** Takes in how long one frame took from sending to its answer. */
  answered(took_ms) {
    this.mean_ms = this.mean_ms === null ? took_ms : this.mean_ms + WEIGHT * (took_ms - this.mean_ms);
    this.answers += 1;
    if (this.answers < ANSWERS_BEFORE_CHANGE) return;
    if (this.mean_ms > SLOW_MS && this.level < LEVELS.length - 1) this.#move(1);
    else if (this.mean_ms < QUICK_MS && this.level > 0) this.#move(-1);
  }

  /** A frame did not get through: straight to the smallest. */
  lost() {
    this.level = LEVELS.length - 1;
    this.answers = 0;
  }

  #move(by) {
    this.level += by;
    this.answers = 0;
  }
}
