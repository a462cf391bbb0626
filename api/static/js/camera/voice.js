/**
 * The prompts aloud, with the browser's own voices. Everything spoken is also on the screen.
 */

export class Voice {
  constructor(languageTag, button) {
    this.language = languageTag;
    this.button = button;
    this.on = window.sessionStorage.getItem("voice") !== "off";
    this.last = "";
    button.hidden = !("speechSynthesis" in window);
    this.#show();
    button.addEventListener("click", () => {
      this.on = !this.on;
      window.sessionStorage.setItem("voice", this.on ? "on" : "off");
      if (!this.on) this.hush();
      else this.say(this.last, { again: true });
      this.#show();
    });
  }

  /** Says the words unless they were the last ones said; interrupts what is being said only when urgent. */
  say(words, { again = false, urgent = true } = {}) {
    if (!words || (words === this.last && !again)) return;
    if (!urgent && window.speechSynthesis?.speaking) return;
    this.last = words;
    if (!this.on || !("speechSynthesis" in window)) return;
    const speech = new SpeechSynthesisUtterance(words);
    speech.lang = this.language;
    speech.rate = 0.9;
    const voices = window.speechSynthesis.getVoices();
    const voice = voices.find((each) => each.localService && each.lang.replace("_", "-").startsWith(this.language.slice(0, 2)));
    if (!voice && voices.length > 0) return; // only voices that live elsewhere: nothing that is said goes to a server
    if (voice) speech.voice = voice;
    window.speechSynthesis.cancel();
    window.speechSynthesis.speak(speech);
  }

  hush() {
    window.speechSynthesis?.cancel();
  }

  #show() {
    this.button.setAttribute("aria-pressed", String(this.on));
  }
}
