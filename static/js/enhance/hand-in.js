// Hands the paper in without leaving the page, and tries again by itself: a broken connection leaves no dead page behind.
export default function (form) {
  const texts = form.dataset;
  const note = form.querySelector("[data-role=failed]");
  const button = form.querySelector("button[type=submit]");
  let tries = 0;
  document.addEventListener("qizhou:time-up", () => setTimeout(() => location.assign(texts.result), 1500));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    button.textContent = texts.working;
    send();
  });

  async function send() {
    let answer = null;
    try {
      answer = await fetch(form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
        signal: AbortSignal.timeout ? AbortSignal.timeout(15000) : undefined,
      });
    } catch { /* offline or too slow: the same operation is sent again */ }
    if (answer && answer.ok && !answer.redirected) { location.assign(texts.result); return; }
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
