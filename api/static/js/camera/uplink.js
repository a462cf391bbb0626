/**
 * Frames on their way: at most two at a time, each one sent until it is answered, in the order they were taken.
 */

const IN_FLIGHT = 2;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const TRIES = 12;

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

export class Uplink {
  /** on: {answer(answer), broken(error), line(isUp)}. */
  constructor(api, session, pace, on) {
    this.api = api;
    this.session = session;
    this.pace = pace;
    this.on = on;
    this.seq = 0;
    this.open = 0;
    this.closed = false;
    this.down = false;
  }

  /** Whether another frame may be taken now. */
  get ready() {
    return !this.closed && !this.down && this.open < IN_FLIGHT;
  }

  close() {
    this.closed = true;
  }

  async send(blob, captured_at_ms, step) {
    const frame = { seq: this.seq, captured_at_ms, step, blob };
    this.seq += 1;
    this.open += 1;
    try {
      const answer = await this.#untilAnswered(frame);
      if (answer && !this.closed) this.on.answer(answer);
    } catch (error) {
      if (!this.closed) {
        this.closed = true;
        this.on.broken(error);
      }
    } finally {
      this.open -= 1;
    }
  }

  async #untilAnswered(frame) {
    let wait = FIRST_WAIT_MS;
    for (let attempt = 1; !this.closed; attempt += 1) {
      const sent = performance.now();
      try {
        const answer = await this.api.frame(this.session, frame);
        this.pace.answered(performance.now() - sent);
        this.#line(true);
        return answer;
      } catch (error) {
        const again = error.passing || (error.status === 429 && error.retryAfter_s <= 10);
        if (!again || attempt === TRIES) throw error;
        if (error.passing) this.#line(false);
        this.pace.lost();
        await sleep(Math.max(wait, error.retryAfter_s * 1000));
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    }
    return null;
  }

  #line(isUp) {
    if (this.down === !isUp) return;
    this.down = !isUp;
    this.on.line(isUp);
  }
}
