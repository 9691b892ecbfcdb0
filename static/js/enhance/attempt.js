// A paper that saves by itself: one question in view, every change sent at once, nothing called saved before the server
// says so. What is not yet sent waits in this page, is tried again with growing pauses, and keeps the page from closing.
const PAUSES = [1000, 2000, 4000, 8000, 15000];

export default function (root) {
  const texts = root.dataset;
  const find = (role, within = document) => within.querySelector(`[data-role=${role}]`);
  const questions = new Map();
  const links = new Map([...document.querySelectorAll(".palette [data-to]")].map((link) => [Number(link.dataset.to), link]));
  const banner = { box: find("banner"), fact: find("banner-fact"), next: find("banner-next") };
  let current = Number(texts.current);
  let token = texts.csrf;
  let sending = false;
  let failures = 0;
  let trouble = "";
  let retry = 0;
  let ended = false;
  let leaving = false;

  for (const form of root.querySelectorAll("form[data-question]")) {
    const number = Number(form.dataset.question);
    const state = { number, form, kind: form.dataset.kind, version: Number(form.elements.version.value), wants: null, op: "", typing: 0, conflict: false };
    state.saved = JSON.stringify(read(state));
    questions.set(number, state);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => { if (isAnswer(event.target)) changed(state, 0); });
    form.addEventListener("input", (event) => { if (isAnswer(event.target)) changed(state, isTyped(event.target) ? 900 : 0); });
    const flag = find("flag", form);
    flag.hidden = false;
    flag.querySelector("input").addEventListener("change", (event) => {
      links.get(number).classList.toggle("is-flag", event.target.checked);
      describe(state);
    });
    find("keep-theirs", form).addEventListener("click", () => settle(state, false));
    find("keep-mine", form).addEventListener("click", () => settle(state, true));
    hints(state);
  }
  for (const item of document.querySelectorAll("[data-role=js-only]")) item.hidden = false;
  find("auto").textContent = texts.auto;
  for (const [number, link] of links) link.addEventListener("click", (event) => { event.preventDefault(); show(number, true); });
  onPress("back", () => show(current - 1, true));
  onPress("next", () => (current === questions.size ? toCheck() : show(current + 1, true)));
  onPress("check", toCheck);
  window.addEventListener("popstate", () => show(Number(new URLSearchParams(location.search).get("q")) || Number(texts.current), false));
  window.addEventListener("online", () => send(true));
  window.addEventListener("beforeunload", (event) => { if (!leaving && !ended && [...questions.values()].some((state) => state.wants)) event.preventDefault(); });
  document.addEventListener("qizhou:clock", (event) => { if (event.detail.csrf_token) token = event.detail.csrf_token; });
  document.addEventListener("qizhou:time-up", timeUp);
  show(current, false);

  // ── reading answers ─────────────────────────────────────────────────────────────────────────────────────────
  function isAnswer(field) { return field.name === "a" || (field.name || "").startsWith("a."); }
  function isTyped(field) { return field.tagName === "TEXTAREA" || field.type === "text"; }
  function read({ form, kind }) {
    const fields = [...form.elements].filter(isAnswer);
    if (kind === "single") return one("choice", fields.find((field) => field.checked)?.value);
    if (kind === "true_false") {
      const chosen = fields.find((field) => field.checked);
      return chosen ? { value: chosen.value === "true" } : {};
    }
    if (kind === "multiple") return some("choices", fields.filter((field) => field.checked).map((field) => field.value).sort());
    if (kind === "matching") return many("pairs", fields, (value) => value);
    if (kind === "ordering") return many("positions", fields, Number);
    if (kind === "cloze") return many("blanks", fields, (value) => value.trim());
    return one("text", fields[0].value.trim());
  }
  function one(name, value) { return value ? { [name]: value } : {}; }
  function some(name, list) { return list.length ? { [name]: list } : {}; }
  function many(name, fields, turn) {
    const given = fields.filter((field) => field.value.trim()).map((field) => [field.dataset.entry, turn(field.value)]);
    return given.length ? { [name]: Object.fromEntries(given.sort()) } : {};
  }
  function write(state, answer) {
    for (const field of [...state.form.elements].filter(isAnswer)) {
      const entry = field.dataset.entry;
      if (field.type === "radio") field.checked = answer.choice === field.value || (state.kind === "true_false" && String(answer.value) === field.value);
      else if (field.type === "checkbox") field.checked = (answer.choices || []).includes(field.value);
      else if (entry) field.value = (answer.pairs || answer.positions || answer.blanks || {})[entry] ?? "";
      else field.value = answer.text || "";
    }
    hints(state);
  }
  function hints(state) {
    if (state.kind === "ordering") {
      const places = Object.values(read(state).positions || {});
      find("twice", state.form).hidden = new Set(places).size === places.length;
    }
    if (state.kind === "numeric") {
      // The server reads numbers generously (full-width digits, separators, the unit); this only warns of what it cannot read.
      const unit = state.form.querySelector(".with-unit span").textContent.trim();
      let text = (read(state).text || "").normalize("NFKC").replace(/\u3002/g, ".").replace(/[\u2212\u2013]/g, "-").replace(/^\u00a5/, "").trim();
      for (const word of [unit, "\u5143"]) if (word && text.endsWith(word)) text = text.slice(0, -word.length);
      text = text.replace(/[,\u3001'\u2019\s]/g, "");
      find("unreadable", state.form).hidden = text === "" || /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text);
    }
  }

  // ── saving ──────────────────────────────────────────────────────────────────────────────────────────────────
  function changed(state, pause) {
    if (ended || state.conflict) return;
    hints(state);
    const answer = read(state);
    const text = JSON.stringify(answer);
    if (text === (state.wants ? JSON.stringify(state.wants) : state.saved)) return;
    state.wants = answer;
    state.op = crypto.randomUUID ? crypto.randomUUID() : `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    draw(state);
    clearTimeout(state.typing);
    state.ready = pause === 0;
    if (pause) state.typing = setTimeout(() => { state.ready = true; send(false); }, pause);
    else send(false);
  }
  function unsent() { return [...questions.values()].filter((state) => state.wants && !state.conflict); }
  async function send(now) {
    if (sending || ended) return;
    const state = unsent().find((each) => each.ready || now);
    if (!state) return;
    clearTimeout(retry);
    sending = true;
    const { op, wants, version } = state;
    draw(state);
    let answer = null;
    let told = {};
    try {
      answer = await fetch(texts.save, {
        method: "POST", credentials: "same-origin", signal: AbortSignal.timeout ? AbortSignal.timeout(12000) : undefined,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
        body: JSON.stringify({ op, position: state.number, version, answer: wants }),
      });
      told = await answer.json();
    } catch { answer = answer && answer.ok ? null : answer; }
    sending = false;
    if (answer && answer.ok && told.version !== undefined) taken(state, op, wants, told);
    else if (answer && answer.status === 409 && told.error === "late") late(told);
    else if (answer && answer.status === 409 && told.error === "stale") stale(state, told);
    else if (answer && (answer.status === 422 || (answer.status === 409 && told.error))) refused(state, op, told);
    else await failed(answer, told);
    if (!ended && !trouble && unsent().some((each) => each.ready)) send(false);
  }
  function taken(state, op, answer, told) {
    failures = 0;
    trouble = "";
    state.version = told.version;
    state.form.elements.version.value = told.version;
    state.saved = JSON.stringify(answer);
    if (state.op === op) state.wants = null;
    if (told.receipt) {
      const line = find("receipt", state.form);
      find("receipt-text", line).textContent = texts.saved.replace("{n}", state.number).replace("{time}", told.saved_time);
      line.querySelector("code").textContent = told.receipt;
      line.hidden = false;
    }
    draw(state);
    tell();
    document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
  }
  function refused(state, op, told) {
    if (state.op === op) state.wants = null;
    find("waiting", state.form).hidden = false;
    find("waiting", state.form).querySelector("span").textContent = told.message || texts.refused;
    describe(state);
  }
  async function failed(answer, told) {
    failures += 1;
    trouble = answer === null ? "offline" : answer.status === 401 || told.error === "csrf" ? "signedOut" : "busy";
    if (trouble === "signedOut" && await renewed()) { trouble = ""; failures = 0; return; }
    tell();
    clearTimeout(retry);
    retry = setTimeout(() => { trouble = ""; send(true); }, PAUSES[Math.min(failures, PAUSES.length) - 1]);
  }
  async function renewed() {
    try {
      const answer = await fetch(texts.clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) return false;
      const fresh = (await answer.json()).csrf_token;
      if (!fresh || fresh === token) return false;
      token = fresh;
      return true;
    } catch { return false; }
  }
  function late(told) {
    ended = true;
    banner.box.hidden = false;
    banner.fact.textContent = texts.over;
    const link = document.createElement("a");
    link.href = told.result || texts.result;
    link.textContent = texts.toResult;
    banner.next.replaceChildren(`${told.message} `, link);
    for (const state of questions.values()) {
      state.wants = null;
      for (const field of state.form.elements) if (isAnswer(field)) field.disabled = true;
      draw(state);
    }
  }
  function stale(state, told) {
    state.conflict = true;
    state.theirs = told;
    const box = find("conflict", state.form);
    find("theirs", box).textContent = told.theirs || "—";
    find("yours", box).textContent = told.yours || "—";
    box.hidden = false;
    show(state.number, true);
    draw(state);
  }
  function settle(state, mine) {
    state.conflict = false;
    state.version = state.theirs.version;
    state.form.elements.version.value = state.version;
    state.saved = JSON.stringify(state.theirs.answer);
    find("conflict", state.form).hidden = true;
    state.wants = null;
    if (mine) changed(state, 0);
    else write(state, state.theirs.answer);
    draw(state);
  }

  // ── showing ─────────────────────────────────────────────────────────────────────────────────────────────────
  function draw(state) {
    const waiting = find("waiting", state.form);
    waiting.hidden = !state.wants;
    if (state.wants) waiting.querySelector("span").textContent = sending && !trouble ? texts.sending : texts.waiting;
    describe(state);
    const done = [...questions.values()].filter((each) => each.saved !== "{}").length;
    find("answered").textContent = texts.answered.replace("{done}", done).replace("{all}", questions.size);
  }
  function describe(state) {
    const link = links.get(state.number);
    const waits = Boolean(state.wants) || state.conflict;
    const saved = state.saved !== "{}";
    link.classList.toggle("is-wait", waits);
    link.classList.toggle("is-saved", saved && !waits);
    const words = [waits ? texts.isWait : saved ? texts.isSaved : texts.isOpen];
    if (link.classList.contains("is-flag")) words.push(texts.isFlag);
    link.querySelector(".sr").textContent = words.join(", ");
  }
  function tell() {
    const list = unsent().map((state) => state.number).join(", ");
    banner.box.hidden = !(trouble && list);
    if (!list || !trouble) return;
    banner.fact.textContent = texts[trouble];
    banner.next.textContent = texts[`${trouble}Next`].replace("{list}", list);
  }
  function show(number, moved) {
    current = Math.min(Math.max(number, 1), questions.size);
    for (const state of questions.values()) state.form.hidden = state.number !== current;
    for (const [each, link] of links) { if (each === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
    find("back").hidden = current === 1;
    find("next").querySelector("span").textContent = current === questions.size ? texts.checking : texts.next;
    if (!moved) return;
    history.pushState(null, "", `?q=${current}`);
    window.scrollTo(0, 0);
    document.getElementById(`q${current}-h`).focus({ preventScroll: true });
  }
  function onPress(role, act) {
    find(role).addEventListener("click", (event) => { event.preventDefault(); act(); });
  }

  // ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────
  async function flushed(most) {
    const start = performance.now();
    for (const state of questions.values()) { clearTimeout(state.typing); state.ready = true; }
    while (unsent().length && performance.now() - start < most) {
      trouble = "";
      await send(true);
      if (unsent().length) await new Promise((done) => setTimeout(done, 400));
    }
    return unsent().length === 0 && ![...questions.values()].some((state) => state.conflict);
  }
  async function toCheck() {
    if (await flushed(4000)) { leaving = true; location.assign(texts.check); return; }
    const conflicted = [...questions.values()].find((state) => state.conflict);
    if (conflicted) { show(conflicted.number, true); return; }
    banner.box.hidden = false;
    banner.fact.textContent = texts.held;
    banner.next.textContent = texts.offlineNext.replace("{list}", unsent().map((state) => state.number).join(", "));
  }
  async function timeUp() {
    banner.box.hidden = false;
    banner.fact.textContent = texts.timeUp;
    banner.next.textContent = "";
    await flushed(8000);
    if (ended) return;
    try {
      const answer = await fetch(texts.clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      const told = await answer.json();
      if (told.state === "open") { banner.box.hidden = true; document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told })); return; }
      if (!unsent().length) { leaving = true; location.assign(texts.result); }
    } catch { tell(); }
  }
}
