// The rating console: one criterion at a time under the thumb, finished ones folded, the draft saved as it grows.
import { Saver, choose, clock, iconFrom } from "./saver.js";

export default function (form) {
  const texts = form.dataset;
  const strip = document.getElementById("rate-state");
  const saver = new Saver(texts.save, () => form.elements.csrf_token.value, show);
  const panels = [...form.querySelectorAll("fieldset.crit, #finish")];
  const criteria = panels.filter((panel) => panel.dataset.criterion);
  const bar = document.getElementById("thumbbar");
  const previous = bar.querySelector("[data-role=previous]");
  const next = bar.querySelector("[data-role=next]");
  const nextText = bar.querySelector("[data-role=next-text]");
  const redCount = bar.querySelector("[data-role=red-count]");
  const folds = new Map();
  let current = 0;

  saver.begin("rating", Number(form.elements.version.value));
  for (const panel of panels) folds.set(panel, fold(panel));
  for (const box of form.querySelectorAll("[data-red]")) {
    reveal(box);
    box.addEventListener("change", () => reveal(box));
  }
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => {
    form.elements.device_at.value = new Date().toISOString();
    saver.release();
  });
  previous.addEventListener("click", (event) => go(event, current - 1));
  next.addEventListener("click", (event) => go(event, current + 1));
  bar.querySelector("[data-role=red]")?.addEventListener("click", (event) => go(event, panels.findIndex((panel) => panel.id === "red")));
  for (const link of document.querySelectorAll(".crits a")) {
    link.addEventListener("click", (event) => go(event, panels.findIndex((panel) => `#${panel.id}` === link.getAttribute("href"))));
  }
  document.addEventListener("station:begun", () => {
    for (const notes of form.querySelectorAll("details[open]")) notes.open = false;
    arrive(current, true);
  });
  const problem = form.querySelector(".crit-bad, .field-bad, .field-error");
  const start = problem ? panels.indexOf(problem.closest(".crit")) : panels.findIndex((panel) => panel.dataset.criterion && !level(panel));
  arrive(start < 0 ? 0 : start, false);
  // what was chosen before this script arrived, or stood in a form that was refused, is not saved yet
  if (texts.unsaved || [...form.elements].some(differs)) saver.change("rating", { body: body() });
  if (current > 0 && !problem) panels[current].scrollIntoView({ block: "start" });

  function differs(field) {
    if (field.name === "sure" || field.type === "hidden" || field.tagName === "BUTTON" || field.tagName === "FIELDSET") return false;
    return field.type === "radio" || field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  }

  function level(panel) {
    return form.elements[`level.${panel.dataset.criterion}`].value;
  }

  // What a folded panel says of itself: the level, how many red lines, the judgement.
  function summary(panel) {
    if (panel.id === "red") return String(panel.querySelectorAll("[data-red]:checked").length || "");
    const chosen = panel.querySelector("input[type=radio]:checked")?.closest(".level");
    const name = chosen?.querySelector("b") || chosen?.querySelector(".option-body");
    return name ? name.textContent.replace(/(\d|–)(?=\S)/, "$1 ").trim() : "";
  }

  function fold(panel) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "card crit-done";
    button.hidden = true;
    button.addEventListener("click", (event) => go(event, panels.indexOf(panel)));
    panel.before(button);
    return button;
  }

  function reveal(box) {
    document.getElementById(`note-${box.dataset.red}`).hidden = !box.checked;
    redCount.textContent = form.querySelectorAll("[data-red]:checked").length || "";
  }

  // ── moving from one criterion to the next ────────────────────────────────────────────────────────────────────
  function go(event, index) {
    event.preventDefault();
    arrive(Math.max(0, Math.min(index, panels.length - 1)), true);
  }

  function arrive(index, moved) {
    current = index;
    panels.forEach((panel, number) => {
      const button = folds.get(panel);
      const folded = number !== index;
      const told = summary(panel);
      panel.hidden = folded;
      panel.classList.toggle("card-raised", !folded);
      button.hidden = !folded;
      button.classList.toggle("crit-wait", !told);
      const title = document.createElement("b");
      title.textContent = panel.querySelector("h2").textContent;
      const chosen = document.createElement("span");
      chosen.textContent = told;
      button.replaceChildren(iconFrom(told ? "check" : "circle"), title, chosen);
    });
    for (const link of document.querySelectorAll(".crits a")) {
      const panel = panels.find((each) => `#${each.id}` === link.getAttribute("href"));
      if (panels.indexOf(panel) === index) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      if (link.dataset.crit) mark(link, level(panel));
    }
    bar.hidden = index === panels.length - 1;
    previous.toggleAttribute("aria-disabled", index === 0);
    const after = panels[index + 1];
    const place = after?.dataset.criterion ? `${texts.next} ${criteria.indexOf(after) + 1} / ${criteria.length}` : after?.id === "red" ? texts.toRed : after?.id === "global" ? texts.toGlobal : texts.finish;
    nextText.textContent = place;
    if (!moved) return;
    panels[index].scrollIntoView({ block: "start" });
    panels[index].focus({ preventScroll: true });
  }

  function mark(link, value) {
    link.classList.toggle("is-done", value !== "");
    link.querySelector("svg").replaceWith(iconFrom(value ? "check" : "circle"));
  }

  // ── the draft ────────────────────────────────────────────────────────────────────────────────────────────────
  function body() {
    const found = { levels: {}, evidence: {}, red_lines: {}, global_judgement: form.elements.global_judgement?.value || "", comment: form.elements.comment.value };
    for (const panel of criteria) {
      const key = panel.dataset.criterion;
      if (level(panel)) found.levels[key] = level(panel);
      const line = form.elements[`evidence.${key}`].value;
      if (line.trim()) found.evidence[key] = line;
    }
    for (const box of form.querySelectorAll("[data-red]:checked")) {
      const key = box.dataset.red;
      found.red_lines[key] = { quotation: form.elements[`red_quotation.${key}`].value, happened_at: form.elements[`red_when.${key}`].value };
    }
    return found;
  }

  function fill(saved) {
    for (const panel of criteria) {
      const key = panel.dataset.criterion;
      for (const radio of panel.querySelectorAll("input[type=radio]")) radio.checked = radio.value === (saved.levels[key] || "");
      form.elements[`evidence.${key}`].value = saved.evidence[key] || "";
    }
    for (const box of form.querySelectorAll("[data-red]")) {
      const note = saved.red_lines[box.dataset.red];
      box.checked = Boolean(note);
      form.elements[`red_quotation.${box.dataset.red}`].value = note?.quotation || "";
      form.elements[`red_when.${box.dataset.red}`].value = note?.happened_at || "";
      reveal(box);
    }
    for (const radio of form.querySelectorAll("input[name=global_judgement]")) radio.checked = radio.value === saved.global_judgement;
    form.elements.comment.value = saved.comment;
    arrive(current, false);
  }

  function changed(event) {
    if (event.type === "input" && event.target.matches("input[type=radio], input[type=checkbox]")) return;
    if (event.target.name === "sure") return;
    if (event.target.name?.startsWith("level.")) {
      const link = document.querySelector(`.crits [data-crit="${event.target.name.slice(6)}"]`);
      if (link) mark(link, event.target.value);
    }
    saver.change("rating", { body: body() });
  }

  function say(icon, text, note, tone) {
    strip.className = `rate-state${tone === "ok" ? " rate-state-ok" : ""}`;
    const words = strip.querySelector("[data-role=state]");
    words.replaceChildren(iconFrom(icon), document.createTextNode(text));
    strip.querySelector("[data-role=receipt]").textContent = note;
  }

  async function show(key, state, detail = {}) {
    if (state === "saved") {
      form.elements.version.value = detail.version;
      say("saved", `${texts.saved} ${clock(detail.saved_at, texts.zone)}`, `${texts.receipt} ${detail.receipt}`, "ok");
    } else if (state === "saving") say("sync", texts.saving, "", "wait");
    else if (state === "waiting") say("sync", texts.waiting, "", "wait");
    else if (state === "offline") say("offline", texts.offline, texts.kept, "wait");
    else if (state === "signed-out") say("alert", texts.signedOut, texts.kept, "wait");
    else if (state === "refused" || state === "closed") say("alert", texts.refused, detail.message || "", "wait");
    else if (state === "stale") {
      say("alert", texts.conflict, "", "wait");
      const answer = await choose(texts, detail.differences);
      form.elements.version.value = detail.version;
      if (answer === "keep") saver.resume(key, detail.version, { body: body() });
      else {
        fill(detail.theirs);
        saver.resume(key, detail.version, null);
        say("saved", texts.saved, "", "ok");
      }
    }
  }
}
