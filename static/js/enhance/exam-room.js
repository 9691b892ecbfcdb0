// What a page tells the room and hears from it: that it is there, what it noticed (facts, never verdicts), which device holds
// the paper, pauses, breaks and time given. A report every twenty seconds, every five while the paper is covered.
import { operation } from "./exam-answers.js";

const EVERY_MS = 20000;
const COVERED_MS = 5000;

export class Room {
  constructor(texts, page) {
    Object.assign(this, { texts, page, device: "" });
    this.facts = [];
    this.gone = false;
    this.isOut = false;
    this.isAway = false;
    this.isCovered = false;
    this.held = false;
    this.section = Number(texts.section);
    this.cover = document.querySelector("[data-role=cover]");
    this.elsewhere = document.querySelector("[data-role=elsewhere]");
    this.elsewhere.querySelector("button").addEventListener("click", () => this.claim(true));
    document.addEventListener("visibilitychange", () => this.looked(document.hidden));
    window.addEventListener("blur", () => this.looked(true));
    window.addEventListener("focus", () => this.looked(false));
    document.addEventListener("qizhou:clock", (event) => this.heard(event.detail));
    this.timer = setTimeout(() => this.round(), EVERY_MS);
  }

  looked(away) {
    if (away === this.isAway) return;
    this.isAway = away;
    this.note(away ? "focus_lost" : "focus_back");
  }

  note(kind, more = {}) {
    if (this.gone) return;
    this.facts.push({ op: operation(), kind, at: new Date().toISOString(), ...more });
    if (this.facts.length > 400) this.facts.splice(0, this.facts.length - 400);
  }

  async round() {
    await this.report();
    if (!this.gone) this.timer = setTimeout(() => this.round(), this.isCovered ? COVERED_MS : EVERY_MS);
  }

  async ask(address, body) {
    const answer = await fetch(address, {
      method: "POST", credentials: "same-origin", keepalive: true, signal: AbortSignal.timeout ? AbortSignal.timeout(8000) : undefined,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.page.token() }, body: JSON.stringify(body),
    });
    return { status: answer.status, told: await answer.json().catch(() => ({})) };
  }

  async report() {
    if (this.gone || this.isOut) return;
    const facts = this.facts.slice(0, 50);
    try {
      const { status, told } = await this.ask(this.texts.events, { op: operation(), device: this.device, unsent: Math.min(this.page.unsent(), 1000), hidden: document.hidden, facts });
      if (status === 200 || status === 422) this.facts = this.facts.filter((fact) => !facts.includes(fact));
      if (status === 200) document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
      if (status === 409 && told.error === "taken-over") this.out(told.message);
      if (status === 409 && told.error === "ended") this.page.ended(told.result);
    } catch { /* offline: the facts wait and are told later */ }
  }

  // Hold the paper on this device; `take`: somebody pressed the button that takes it over from another one.
  async claim(take) {
    try {
      const { status, told } = await this.ask(this.texts.device, { op: operation(), device: this.device, take });
      if (status === 200) {
        const back = this.isOut;
        Object.assign(this, { isOut: false, held: true });
        this.elsewhere.hidden = true;
        this.showPaper(true);
        if (back) this.page.go();
        this.report();
      }
      if (status === 409 && told.error === "held-elsewhere") this.out(this.texts.elsewhereOpen, told.message);
      if (status === 409 && told.error === "ended") this.page.ended(told.result);
    } catch { /* offline: the paper is held when the first report gets through */ }
  }

  out(message, detail) {
    this.isOut = true;
    this.elsewhere.hidden = false;
    if (!this.held) this.showPaper(false);        // what was written here stays in view; a paper never held here does not open
    this.elsewhere.querySelector("[data-role=elsewhere-detail]").textContent = detail || "";
    this.page.stop(message);
  }

  // The room's word on pause, break and section. An answer about a save says nothing of them.
  heard(told) {
    if (told.section !== undefined && told.section !== this.section) { this.page.moved(); return; }
    if (told.paused === undefined) return;
    const onBreak = Boolean(told.break && told.break.since);
    if (onBreak) { this.page.moved(); return; }
    if (told.paused === this.isCovered) return;
    this.isCovered = told.paused;
    this.cover.hidden = !told.paused;
    this.showPaper(!told.paused);
    if (told.paused) this.cover.querySelector("h1").focus();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.round(), told.paused ? COVERED_MS : EVERY_MS);
  }

  showPaper(isShown) {
    for (const part of document.querySelectorAll("[data-role=paper]")) part.hidden = !isShown;
  }

  leave() { this.gone = true; clearTimeout(this.timer); }
}
