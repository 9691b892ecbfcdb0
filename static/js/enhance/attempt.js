// A paper that saves by itself: one question in view, every change kept on the device (sealed, where the browser allows it)
// and sent at once, nothing called saved before the server says so. What the server's word is still out on is sent again
// as the same operation, so that a broken connection neither loses an answer nor makes it its own rival.
import { chooseByKey, hintAt, isAnswer, isTyped, operation, readAnswer, sameAnswer, writeAnswer } from "./exam-answers.js";
import { Queue, canKeep, deviceNumber } from "./exam-queue.js";
import { Room } from "./exam-room.js";

const PAUSES = [1000, 2000, 4000, 8000, 15000];
const RESCUE_AFTER_MS = 60000;

export default function (root) {
  const texts = root.dataset;
  const find = (role, within = document) => within.querySelector(`[data-role=${role}]`);
  const questions = new Map();
  const links = new Map([...document.querySelectorAll(".palette [data-to]")].map((link) => [Number(link.dataset.to), link]));
  const banner = { box: find("banner"), fact: find("banner-fact"), next: find("banner-next") };
  let device = "";
  let queue = null;
  let current = Number(texts.current);
  let token = texts.csrf;
  let sending = false;
  let failures = 0;
  let trouble = "";
  let retry = 0;
  let ended = false;
  let stopped = false;
  let leaving = false;
  let waitingSince = 0;

  for (const form of root.querySelectorAll("form[data-question]")) {
    const number = Number(form.dataset.question);
    const state = { number, form, kind: form.dataset.kind, version: Number(form.elements.version.value), wants: null, op: "", flight: null,
      keeping: Promise.resolve(), order: 0, typing: 0, conflict: false, ready: true };
    state.saved = readAnswer(form, state.kind);
    questions.set(number, state);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => { if (isAnswer(event.target)) changed(state, 0); });
    form.addEventListener("input", (event) => { if (isAnswer(event.target)) changed(state, isTyped(event.target) ? 900 : 0); });
    form.addEventListener("paste", (event) => room.note("paste", { position: number, figure: (event.clipboardData?.getData("text") || "").length }));
    const flag = find("flag", form);
    flag.hidden = false;
    flag.querySelector("input").addEventListener("change", (event) => {
      links.get(number).classList.toggle("is-flag", event.target.checked);
      describe(state);
      room.note(event.target.checked ? "flag" : "unflag", { position: number });
      room.report();
    });
    find("keep-theirs", form).addEventListener("click", () => settle(state, false));
    find("keep-mine", form).addEventListener("click", () => settle(state, true));
    hintAt(form, state.kind);
  }
  const numbers = [...questions.keys()].sort((one, other) => one - other);
  const [first, last] = [numbers[0], numbers[numbers.length - 1]];
  const room = new Room(texts, {
    token: () => token, unsent: () => unsent().length,
    stop: (message) => stop(message), go: () => resume(), ended: (address) => { if (unsent().length) { send(true); return; } leaving = true; location.assign(address || texts.result); },
    moved: () => { leaving = true; location.reload(); },
  });
  for (const item of document.querySelectorAll("[data-role=js-only]")) item.hidden = false;
  find("auto").textContent = texts.auto;
  for (const [number, link] of links) link.addEventListener("click", (event) => { event.preventDefault(); show(number, true); });
  document.querySelector("[data-role=palette]").addEventListener("keydown", walk);
  document.addEventListener("keydown", (event) => chooseByKey(questions.get(current).form, questions.get(current).kind, event));
  onPress("back", () => show(current - 1, true));
  onPress("next", () => (current === last ? onwards() : show(current + 1, true)));
  onPress("check", onwards);
  find("rescue").addEventListener("click", rescue);
  document.querySelector("form[data-role=rest]")?.addEventListener("submit", rest);
  window.addEventListener("popstate", () => show(Number(new URLSearchParams(location.search).get("q")) || Number(texts.current), false));
  window.addEventListener("online", () => { room.note("online"); send(true); });
  window.addEventListener("offline", () => room.note("offline"));
  window.addEventListener("beforeunload", (event) => { if (!leaving && !ended && holds().length) event.preventDefault(); });
  document.addEventListener("qizhou:clock", (event) => { if (event.detail.csrf_token) token = event.detail.csrf_token; });
  document.addEventListener("qizhou:time-up", timeUp);
  show(current, false);
  begin();

  // ── what this device kept ───────────────────────────────────────────────────────────────────────────────────
  async function begin() {
    const note = find("keeps");
    root.inert = true;                                   // nothing is typed over what this device may still hold
    const release = setTimeout(() => { root.inert = false; }, 4000);
    device = room.device = await deviceNumber();
    queue = await Queue.open(texts.attempt, texts.person, device, texts.key);
    note.textContent = queue ? texts.keeps : canKeep() ? texts.keepsNotNow : texts.keepsNot;
    note.hidden = false;
    if (queue) await comeBack().catch(() => {});
    clearTimeout(release);
    root.inert = false;
    for (const state of questions.values()) if (state.wants && !state.kept) keep(state);
    await room.claim(false);
    send(true);
  }
  // Answers from before the page was closed: shown in their questions, called what they are, sent before anything else.
  async function comeBack() {
    const strays = [];
    for (const entry of await queue.all()) {
      const state = questions.get(entry.position);
      if (!state) { strays.push(entry); continue; }
      if (state.wants && !state.kept) continue;
      if (state.kept) state.flight = { op: state.op, answer: state.wants, version: state.version };
      Object.assign(state, { wants: entry.answer, op: entry.op, order: entry.order, kept: entry.op, ready: true });
      if (!state.flight) state.version = entry.version;
      writeAnswer(state.form, state.kind, entry.answer);
      hintAt(state.form, state.kind);
      draw(state);
    }
    for (const entry of strays) {
      const { told, answer } = await post({ op: entry.op, position: entry.position, version: entry.version, answer: entry.answer });
      if (answer && answer.status < 500) { await queue.remove([entry.op]); if (told.message) say(texts.refused, told.message); }
    }
  }
  function keep(state) {
    if (!queue) return;
    const { op, wants } = state;
    const before = state.kept;
    const flight = state.flight?.op;
    state.kept = op;
    const removed = before && before !== flight ? [before] : [];
    state.keeping = state.keeping.then(() => queue.put({ op, position: state.number, version: state.version, after: flight || "", at: new Date().toISOString(), answer: wants },
      removed)).then((order) => { state.order = order; if (state.op === op) { state.isKept = true; draw(state); } }).catch(() => { state.isKept = false; });
  }
  function forget(state, op) {
    if (queue) state.keeping = state.keeping.then(() => queue.remove([op])).catch(() => {});
  }

  // ── saving ──────────────────────────────────────────────────────────────────────────────────────────────────
  function changed(state, pause) {
    if (ended || stopped || state.conflict) return;
    hintAt(state.form, state.kind);
    const answer = readAnswer(state.form, state.kind);
    if (sameAnswer(answer, state.wants || state.flight?.answer || state.saved)) return;
    state.wants = answer;
    state.op = operation();
    state.isKept = false;
    waitingSince ||= Date.now();
    keep(state);
    draw(state);
    clearTimeout(state.typing);
    state.ready = pause === 0;
    if (pause) state.typing = setTimeout(() => { state.ready = true; send(false); }, pause);
    else send(false);
  }
  function holds() { return [...questions.values()].filter((state) => state.wants || state.flight); }
  function unsent() { return holds().filter((state) => !state.conflict); }
  async function post(body) {
    let answer = null;
    let told = {};
    try {
      answer = await fetch(texts.save, {
        method: "POST", credentials: "same-origin", signal: AbortSignal.timeout ? AbortSignal.timeout(12000) : undefined,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
        body: JSON.stringify({ ...body, device }),
      });
      told = await answer.json();
    } catch { answer = answer && answer.ok ? null : answer; }
    return { answer, told };
  }
  async function send(now) {
    if (sending || ended || stopped) return;
    const state = unsent().find((each) => each.flight || each.ready || now);
    if (!state) return;
    clearTimeout(retry);
    sending = true;
    // What was sent before and not answered goes again first, as the very same operation.
    state.flight ||= { op: state.op, answer: state.wants, version: state.version };
    const { op, answer: given, version } = state.flight;
    if (state.op === op) state.wants = null;
    draw(state);
    await Promise.race([state.keeping, new Promise((done) => setTimeout(done, 1500))]);
    const { answer, told } = await post({ op, position: state.number, version, answer: given });
    sending = false;
    if (answer && answer.ok && told.version !== undefined) taken(state, told);
    else if (answer && answer.status === 409 && told.error === "late") late(state, told);
    else if (answer && answer.status === 409 && told.error === "stale") stale(state, told);
    else if (answer && answer.status === 409 && told.error === "taken-over") { back(state); stop(told.message); }
    else if (answer && (answer.status === 422 || (answer.status === 409 && told.error))) refused(state, told);
    else await failed(answer, told);
    if (!ended && !stopped && !trouble && unsent().some((each) => each.flight || each.ready)) send(false);
  }
  // The server did not take it: what was under way waits again, unless something newer does.
  function back(state) {
    if (!state.wants && state.flight) { state.wants = state.flight.answer; state.op = state.flight.op; state.flight = null; }
  }
  function taken(state, told) {
    const { op, answer } = state.flight;
    if (failures) room.note("reconnect", { figure: unsent().length });
    failures = 0;
    trouble = "";
    state.flight = null;
    state.version = told.version;
    state.form.elements.version.value = told.version;
    state.saved = answer;
    if (state.wants) {
      const { op: newer, wants, order } = state;
      if (queue) state.keeping = state.keeping.then(() => queue.put({ op: newer, position: state.number, version: told.version, at: new Date().toISOString(), answer: wants,
        order }, [op])).catch(() => {});
    } else {
      state.kept = "";
      forget(state, op);
    }
    if (!holds().length) waitingSince = 0;
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
  function refused(state, told) {
    const { op } = state.flight;
    forget(state, op);
    state.flight = null;
    draw(state);
    find("waiting", state.form).hidden = false;
    find("waiting", state.form).querySelector("span").textContent = told.message || texts.refused;
  }
  async function failed(answer, told) {
    failures += 1;
    trouble = answer === null ? "offline" : answer.status === 401 || told.error === "csrf" ? "signedOut" : "busy";
    if (trouble === "signedOut" && await renewed()) { trouble = ""; failures = 0; return; }
    for (const state of holds()) draw(state);
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
  // The paper has ended. What still waits is sent all the same: it is kept for review, and nothing stays behind on the device.
  function late(state, told) {
    forget(state, state.flight.op);
    state.flight = null;
    draw(state);
    if (unsent().length) { send(true); return; }
    ended = true;
    queue?.wipe().catch(() => {});
    room.leave();
    say(texts.over, told.message, told.result || texts.result);
    for (const each of questions.values()) {
      for (const field of each.form.elements) if (isAnswer(field)) field.disabled = true;
      draw(each);
    }
  }
  function stale(state, told) {
    if (sameAnswer(told.answer, state.flight.answer)) { taken(state, { version: told.version, receipt: "" }); return; }
    if (state.wants) forget(state, state.flight.op);
    else Object.assign(state, { wants: state.flight.answer, op: state.flight.op });   // kept on the device until the choice is made
    state.flight = null;
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
    const given = state.wants;
    state.conflict = false;
    state.version = state.theirs.version;
    state.form.elements.version.value = state.version;
    state.saved = state.theirs.answer;
    find("conflict", state.form).hidden = true;
    if (state.kept) forget(state, state.kept);
    Object.assign(state, { wants: null, kept: "" });
    writeAnswer(state.form, state.kind, mine ? given : state.theirs.answer);
    if (mine) changed(state, 0);
    hintAt(state.form, state.kind);
    draw(state);
  }

  // ── another device has the paper ────────────────────────────────────────────────────────────────────────────
  function stop(message) {
    stopped = true;
    for (const each of questions.values()) for (const field of each.form.elements) if (isAnswer(field)) field.disabled = true;
    const list = unsent().map((state) => state.number).join(", ");
    say(texts.elsewhere, list ? `${message} ${texts.elsewhereKept.replace("{list}", list)}` : message);
  }
  function resume() {
    stopped = false;
    trouble = "";
    banner.box.hidden = true;
    for (const each of questions.values()) for (const field of each.form.elements) if (isAnswer(field)) field.disabled = false;
    send(true);
  }

  // ── showing ─────────────────────────────────────────────────────────────────────────────────────────────────
  function draw(state) {
    const waiting = find("waiting", state.form);
    const waits = state.wants || state.flight;
    waiting.hidden = !waits;
    if (waits) waiting.querySelector("span").textContent = sending && !trouble ? texts.sending : state.isKept ? texts.waitingKept : texts.waiting;
    describe(state);
    const done = Number(texts.elsewhereDone) + [...questions.values()].filter((each) => !sameAnswer(each.saved, {})).length;
    find("answered").textContent = texts.answered.replace("{done}", done).replace("{all}", texts.count);
  }
  function describe(state) {
    const link = links.get(state.number);
    const waits = Boolean(state.wants || state.flight) || state.conflict;
    const saved = !sameAnswer(state.saved, {});
    link.classList.toggle("is-wait", waits);
    link.classList.toggle("is-saved", saved && !waits);
    const words = [waits ? texts.isWait : saved ? texts.isSaved : texts.isOpen];
    if (link.classList.contains("is-flag")) words.push(texts.isFlag);
    link.querySelector(".sr").textContent = words.join(", ");
  }
  function say(fact, next, address) {
    banner.box.hidden = false;
    banner.fact.textContent = fact;
    banner.next.textContent = next || "";
    if (!address) return;
    const link = document.createElement("a");
    link.href = address;
    link.textContent = texts.toResult;
    banner.next.append(" ", link);
  }
  function tell() {
    const list = unsent().map((state) => state.number).join(", ");
    find("rescue").hidden = !(queue && trouble && list && Date.now() - waitingSince > RESCUE_AFTER_MS);
    if (stopped) return;
    banner.box.hidden = !(trouble && list);
    if (!list || !trouble) return;
    const next = queue && trouble === "offline" ? texts.offlineKept : texts[`${trouble}Next`];
    say(texts[trouble], next.replace("{list}", list));
  }
  async function rescue() {
    const text = queue ? await queue.file() : "";
    if (!text) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `qizhou-${texts.attempt}-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(texts[trouble] || texts.held, texts.rescued);
  }
  function show(number, moved) {
    current = Math.min(Math.max(number, first), last);
    for (const state of questions.values()) state.form.hidden = state.number !== current;
    for (const [each, link] of links) { if (each === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
    find("back").hidden = current === first;
    find("next").querySelector("span").textContent = current === last ? texts.checking : texts.next;
    if (!moved) return;
    history.pushState(null, "", `?q=${current}`);
    window.scrollTo(0, 0);
    document.getElementById(`q${current}-h`).focus({ preventScroll: true });
  }
  function walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 5, ArrowUp: -5, Home: -999, End: 999 }[event.key];
    const at = numbers.indexOf(Number(event.target.dataset?.to));
    if (!step || at < 0) return;
    event.preventDefault();
    links.get(numbers[Math.min(Math.max(at + step, 0), numbers.length - 1)]).focus();
  }
  function onPress(role, act) {
    find(role).addEventListener("click", (event) => { event.preventDefault(); act(); });
  }

  // ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────
  async function flushed(most) {
    const start = performance.now();
    for (const state of questions.values()) { clearTimeout(state.typing); state.ready = true; }
    while (unsent().length && !ended && !stopped && performance.now() - start < most) {
      trouble = "";
      await send(true);
      if (unsent().length) await new Promise((done) => setTimeout(done, 300));
    }
    return !holds().length;
  }
  async function onwards() {
    if (ended || stopped) return;
    if (await flushed(4000)) { leaving = true; await room.report(); location.assign(texts.check); return; }
    const conflicted = [...questions.values()].find((state) => state.conflict);
    if (conflicted) { show(conflicted.number, true); return; }
    say(texts.held, (queue ? texts.offlineKept : texts.offlineNext).replace("{list}", unsent().map((state) => state.number).join(", ")));
  }
  async function rest(event) {
    event.preventDefault();
    if (await flushed(4000)) { leaving = true; event.target.submit(); } else say(texts.held, texts.offlineNext.replace("{list}", unsent().map((state) => state.number).join(", ")));
  }
  async function timeUp() {
    if (ended || stopped) return;
    say(texts.timeUp, "");
    await flushed(8000);
    if (ended) return;
    try {
      const answer = await fetch(texts.clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      const told = await answer.json();
      document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
      if (told.state === "open") { banner.box.hidden = true; tell(); return; }
      if (!unsent().length) { leaving = true; await queue?.wipe().catch(() => {}); location.assign(texts.result); }
    } catch { tell(); }
  }
}
