// Marking one answer: the total runs along, the draft is saved as it grows, and says truthfully where it is.
import { Saver, choose, clock, iconFrom } from "./saver.js";

export default function (form) {
  const texts = form.dataset;
  const strip = document.getElementById("mark-state");
  const total = form.querySelector("[data-role=total]");
  const saver = new Saver(texts.save, () => form.elements.csrf_token.value, show);

  saver.begin("mark", Number(form.elements.version.value));
  form.addEventListener("input", (event) => { if (!event.target.matches("input[type=radio], input[type=checkbox]")) changed(); });
  form.addEventListener("change", (event) => { if (event.target.matches("input[type=radio], input[type=checkbox]")) changed(); });
  form.addEventListener("submit", () => saver.release());
  add();
  // what was chosen before this script arrived, or stood in a form that was refused, is not saved yet
  if (texts.unsaved || [...form.elements].some(differs)) changed();

  function differs(field) {
    if (field.type === "hidden" || field.tagName === "BUTTON" || field.tagName === "FIELDSET") return false;
    return field.type === "radio" || field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  }

  function chosen() {
    return [...form.querySelectorAll("input[data-marks]:checked")];
  }

  function add() {
    const sum = chosen().reduce((marks, field) => marks + Number(field.dataset.marks), 0);
    total.textContent = Math.min(Number(texts.most), Math.max(0, sum));
  }

  function changed() {
    add();
    saver.change("mark", { body: body() });
  }

  function body() {
    const points = texts.kind === "essay"
      ? Object.fromEntries(chosen().map((field) => [field.name.slice(2), Number(field.value)]))
      : chosen().map((field) => field.value);
    return { points, comment: form.elements.comment.value };
  }

  function fill(saved) {
    for (const field of form.querySelectorAll("input[data-marks]")) {
      field.checked = texts.kind === "essay" ? saved.points[field.name.slice(2)] === Number(field.value) : saved.points.includes(field.value);
    }
    form.elements.comment.value = saved.comment;
    add();
  }

  function say(icon, text, tone) {
    strip.className = `rate-state${tone === "ok" ? " rate-state-ok" : ""}`;
    strip.querySelector("[data-role=state]").replaceChildren(iconFrom(icon), document.createTextNode(text));
  }

  async function show(key, state, detail = {}) {
    if (state === "saved") {
      form.elements.version.value = detail.version;
      say("saved", `${texts.saved} ${clock(detail.saved_at, texts.zone)}`, "ok");
    } else if (state === "saving") say("sync", texts.saving);
    else if (state === "waiting") say("sync", texts.waiting);
    else if (state === "offline") say("offline", texts.offline);
    else if (state === "signed-out") say("alert", texts.signedOut);
    else if (state === "refused" || state === "closed") say("alert", detail.message || texts.refused);
    else if (state === "stale") {
      say("alert", texts.conflict);
      const answer = await choose(texts, detail.differences);
      form.elements.version.value = detail.version;
      if (answer === "keep") saver.resume(key, detail.version, { body: body() });
      else {
        fill(detail.theirs);
        saver.resume(key, detail.version, null);
        say("saved", texts.saved, "ok");
      }
    }
  }
}
