// The answer that a question's fields hold, as the server reads it, and back into the fields.
export function isAnswer(field) { return field.name === "a" || (field.name || "").startsWith("a."); }
export function isTyped(field) { return field.tagName === "TEXTAREA" || field.type === "text"; }

function one(name, value) { return value ? { [name]: value } : {}; }
function some(name, list) { return list.length ? { [name]: list } : {}; }
function many(name, fields, turn) {
  const given = fields.filter((field) => field.value.trim()).map((field) => [field.dataset.entry, turn(field.value)]);
  return given.length ? { [name]: Object.fromEntries(given.sort()) } : {};
}

export function readAnswer(form, kind) {
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

export function writeAnswer(form, kind, answer) {
  for (const field of [...form.elements].filter(isAnswer)) {
    const entry = field.dataset.entry;
    if (field.type === "radio") field.checked = answer.choice === field.value || (kind === "true_false" && String(answer.value) === field.value);
    else if (field.type === "checkbox") field.checked = (answer.choices || []).includes(field.value);
    else if (entry) field.value = (answer.pairs || answer.positions || answer.blanks || {})[entry] ?? "";
    else field.value = answer.text || "";
  }
}

// What the page can say about an answer before it is sent: two entries on one place, a figure that is none.
export function hintAt(form, kind) {
  if (kind === "ordering") {
    const places = Object.values(readAnswer(form, kind).positions || {});
    form.querySelector("[data-role=twice]").hidden = new Set(places).size === places.length;
  }
  if (kind === "numeric") {
    // The server reads numbers generously (full-width digits, separators, the unit); this only warns of what it cannot read.
    const unit = form.querySelector(".with-unit span").textContent.trim();
    let text = (readAnswer(form, kind).text || "").normalize("NFKC").replace(/\u3002/g, ".").replace(/[\u2212\u2013]/g, "-").replace(/^\u00a5/, "").trim();
    for (const word of [unit, "\u5143"]) if (word && text.endsWith(word)) text = text.slice(0, -word.length);
    text = text.replace(/[,\u3001'\u2019\s]/g, "");
    form.querySelector("[data-role=unreadable]").hidden = text === "" || /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text);
  }
}

// The same answer, however its keys are ordered.
export function sameAnswer(one_, other) {
  const sorted = (value) => (Array.isArray(value) ? [...value].sort() : value && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).sort().map(([key, child]) => [key, sorted(child)])) : value);
  return JSON.stringify(sorted(one_ || {})) === JSON.stringify(sorted(other || {}));
}

export function operation() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Letters and figures choose an option while the focus is in the question and nothing is typed there.
export function chooseByKey(form, kind, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (!["single", "multiple", "true_false"].includes(kind) || event.key.length !== 1) return;
  const focus = document.activeElement;
  if (!form.contains(focus) || (focus.tagName === "INPUT" && !["radio", "checkbox"].includes(focus.type)) || ["TEXTAREA", "SELECT"].includes(focus.tagName)) return;
  const options = [...form.elements].filter((field) => isAnswer(field) && !field.disabled);
  const sign = event.key.toUpperCase();
  const field = /[1-9]/.test(sign) ? options[Number(sign) - 1] : kind === "true_false" ? null : options.find((each) => each.value === sign);
  if (!field) return;
  event.preventDefault();
  field.checked = field.type === "checkbox" ? !field.checked : true;
  field.focus();
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
