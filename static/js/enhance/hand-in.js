// Hands the paper in without leaving the page, and tries again by itself: a broken connection leaves no dead page behind.
// What this device still keeps of the paper is sent first; once the paper is in, nothing of it stays on the device.
import { sendKept } from "./kept-answers.js";

export default function (form) {
  const texts = form.dataset;
  const note = form.querySelector("[data-role=failed]");
  const button = form.querySelector("button[type=submit]");
  const token = () => form.elements.csrf_token.value;
  let tries = 0;
  document.addEventListener("qizhou:time-up", () => setTimeout(over, 1500));
  document.addEventListener("qizhou:clock", (event) => { if (event.detail.paused || event.detail.break?.since) location.assign(texts.paper); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    button.textContent = texts.working;
    send();
  });
  if (texts.unsent) first();

  // Answers that never reached the server wait on this device: they are sent before anybody decides to hand in.
  async function first() {
    const { sent, left } = await sendKept(texts, token).catch(() => ({}));
    if (left) { note.textContent = texts.unsent.replace("{n}", left); note.hidden = false; }
    else if (sent) location.reload();
  }
  // Time seems to be up: the server is asked before anything is done about it, for it may have been given more.
  async function over() {
    try {
      const answer = await fetch(texts.clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      const told = await answer.json();
      document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
      if (told.state !== "open") location.assign(texts.result);
    } catch { setTimeout(over, 3000); }
  }
  async function send() {
    let answer = null;
    const kept = texts.attempt ? await sendKept(texts, token).catch(() => null) : null;
    try {
      answer = await fetch(form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
        signal: AbortSignal.timeout ? AbortSignal.timeout(15000) : undefined,
      });
    } catch { /* offline or too slow: the same operation is sent again */ }
    if (answer && answer.ok && !answer.redirected) {
      await kept?.queue?.wipe().catch(() => {});
      location.assign(texts.result);
      return;
    }
    const signedOut = answer && (answer.status === 401 || answer.status === 400 || answer.redirected);
    if (signedOut && await renewed()) { send(); return; }
    if (answer && answer.status >= 402 && answer.status < 500) { location.assign(texts.result); return; }
    tries += 1;
    note.textContent = signedOut ? texts.signedOut : texts.failed;
    note.hidden = false;
    setTimeout(send, Math.min(15000, 1000 * 2 ** tries));
  }

  async function renewed() {
    try {
      const answer = await fetch(texts.clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) return false;
      const fresh = (await answer.json()).csrf_token;
      const field = form.elements.csrf_token;
      if (!fresh || field.value === fresh) return false;
      field.value = fresh;
      return true;
    } catch { return false; }
  }
}
