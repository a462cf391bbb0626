/**
 * The JSON doors of the service, as the camera page uses them.
 */

/** An answer that is not a success. status 0: no answer at all. code: the problem's stable code. */
export class ApiError extends Error {
  constructor(status, code, retryAfter_s = 0) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.retryAfter_s = retryAfter_s;
  }

  /** Worth sending again, unchanged. */
  get passing() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const ANSWER_LIMIT_MS = 20000;

export class Api {
  constructor(csrfToken) {
    this.csrfToken = csrfToken;
  }

  start(url, body, key) {
    return this.#call(url, { body: JSON.stringify(body), type: "application/json", headers: { "Idempotency-Key": key } });
  }

  frame(session, frame) {
    const query = new URLSearchParams({ seq: frame.seq, captured_at_ms: frame.captured_at_ms, step: frame.step });
    return this.#call(`${session.url}/frames?${query}`, { body: frame.blob, type: "image/jpeg", headers: { "Lifecert-Session": session.token } });
  }

  finish(session) {
    return this.#call(`${session.url}/finish`, { headers: { "Lifecert-Session": session.token } });
  }

  abandon(session) {
    return this.#call(`${session.url}/abandon`, { headers: { "Lifecert-Session": session.token }, keepalive: true });
  }

  async #call(url, { body = null, type = null, headers = {}, keepalive = false }) {
    const all = { Accept: "application/json", "X-CSRFToken": this.csrfToken, ...headers };
    if (type) all["Content-Type"] = type;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), ANSWER_LIMIT_MS);
    let answer;
    let content = null;
    try {
      answer = await fetch(url, { method: "POST", body, headers: all, credentials: "same-origin", keepalive, signal: limit.signal });
      content = await answer.json().catch(() => null);
    } catch {
      throw new ApiError(0, "no_answer");
    } finally {
      clearTimeout(timer);
    }
    if (!answer.ok) throw new ApiError(answer.status, content?.code ?? "unknown", Number(answer.headers.get("Retry-After")) || 0);
    return content;
  }
}
