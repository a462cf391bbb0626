/**
 * Pictures from the camera as JPEG, each camera frame at most once: the same frame sent twice would look like a frozen picture.
 * The frames are never mirrored, padded or cropped; only the preview on the screen is a mirror.
 */

export class Grabber {
  /**
   * want(): {settings: {fps, quality, side_px}, step} for a frame now, or null to let it pass.
   * got(blob, capturedAt, step): a new picture, with the step that was on the screen when it was taken.
   */
  constructor(video, want, got) {
    this.video = video;
    this.want = want;
    this.got = got;
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { alpha: false });
    this.due = 0;
    this.encoding = false;
    this.running = false;
    this.lastTime = -1;
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.due = 0;
    this.#next();
  }

  stop() {
    this.running = false;
  }

  #next() {
    if (!this.running) return;
    if ("requestVideoFrameCallback" in this.video) {
      this.video.requestVideoFrameCallback((now) => this.#frame(now));
    } else {
      requestAnimationFrame((now) => {
        const fresh = this.video.currentTime !== this.lastTime;
        this.lastTime = this.video.currentTime;
        if (fresh) this.#frame(now);
        else this.#next();
      });
    }
  }

  #frame(now) {
    if (!this.running) return;
    this.#next();
    const wanted = this.encoding || this.video.videoWidth === 0 ? null : this.want();
    if (!wanted) return;
    const { settings, step } = wanted;
    const interval = 1000 / settings.fps;
    if (now < this.due - interval / 10) return;
    this.due = Math.max(this.due + interval, now + interval / 2); // keeps the average rate when the camera's own is no multiple of it
    this.#encode(settings, performance.now(), step);
  }

  #encode(settings, capturedAt, step) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, settings.side_px / Math.max(width, height));
    const size = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    this.pen.drawImage(this.video, 0, 0, ...size);
    this.encoding = true;
    this.canvas.toBlob(
      (blob) => {
        this.encoding = false;
        if (blob && this.running) this.got(blob, capturedAt, step);
      },
      "image/jpeg",
      settings.quality,
    );
  }
}
