// Written work: every answer saves itself and says so; lengths are counted while typing.
import { Saver, choose, clock, iconFrom } from "./saver.js";

const HAN = /[\u4e00-\u9fff]/g;

// The same counting as the server's: Chinese characters and digits, or English words, by the language of most of the text.
function measure(text) {
  const han = (text.match(HAN) || []).length;
  const latin = (text.match(/[A-Za-z]/g) || []).length;
  if (text && han * 4 < latin) return ["en", (text.match(/[A-Za-z0-9,'’-]+/g) || []).length];
  return ["zh", (text.match(/[\u4e00-\u9fff0-9]/g) || []).length];
}

export default function (form) {
  const texts = form.dataset;
  const limit = Number(texts.limit);
  const parts = new Map();
  const saver = new Saver(texts.save, () => form.elements.csrf_token.value, show);
  for (const area of form.querySelectorAll("textarea[data-question]")) {
    const key = area.dataset.question;
    const card = area.closest(".case-question");
    parts.set(key, { area, receipt: card.querySelector("[data-role=receipt]"), length: card.querySelector("[data-role=length]"), version: form.elements[`version.${key}`] });
    saver.begin(key, Number(form.elements[`version.${key}`].value));
    area.addEventListener("input", () => {
      count(key);
      if (area.value.length <= limit) saver.change(key, { question: key, text: area.value });
      else say(key, "alert", texts.long.replace("{limit}", limit), "wait");
    });
    count(key);
    // what was typed before this script arrived, or stood in a form that was refused, is not saved yet
    const unsaved = texts.unsaved || area.value.replace(/\r\n?/g, "\n") !== area.defaultValue.replace(/\r\n?/g, "\n");
    if (unsaved && area.value.length <= limit) saver.change(key, { question: key, text: area.value });
  }
  // the buttons send the whole form, so whatever still waits goes with it
  form.addEventListener("submit", () => saver.release());

  function count(key) {
    const { area, length } = parts.get(key);
    const [language, number] = measure(area.value);
    const [low, high] = area.dataset[language].split(",");
    const words = language === "en" ? texts.words : texts.chars;
    length.textContent = words.replace("{n}", number).replace("{low}", low).replace("{high}", high);
    length.classList.toggle("warn", number > Number(high));
  }

  function say(key, icon, text, tone, code = "") {
    const { receipt } = parts.get(key);
    receipt.classList.toggle("receipt-wait", tone === "wait");
    const words = document.createElement("span");
    words.textContent = text;
    if (code) {
      const mark = document.createElement("code");
      mark.textContent = code;
      words.append(mark);
    }
    receipt.replaceChildren(iconFrom(icon), words);
  }

  async function show(key, state, detail = {}) {
    const part = parts.get(key);
    if (state === "saved") {
      part.version.value = detail.version;
      say(key, "saved", `${texts.saved} ${clock(detail.saved_at, texts.zone)}${detail.receipt ? ` · ${texts.receipt} ` : ""}`, "", detail.receipt);
    } else if (state === "saving") say(key, "sync", texts.saving, "wait");
    else if (state === "waiting") say(key, "sync", texts.waiting, "wait");
    else if (state === "offline") say(key, "offline", texts.offline, "wait");
    else if (state === "signed-out") say(key, "alert", texts.signedOut, "wait");
    else if (state === "refused" || state === "closed") say(key, "alert", detail.message || texts.refused, "wait");
    else if (state === "stale") {
      say(key, "alert", texts.conflict, "wait");
      const answer = await choose(texts, [{ yours: part.area.value || "—", saved: detail.theirs || "—" }]);
      part.version.value = detail.version;
      if (answer === "keep") saver.resume(key, detail.version, { question: key, text: part.area.value });
      else {
        part.area.value = detail.theirs;
        saver.resume(key, detail.version, null);
        count(key);
        say(key, "saved", texts.saved, "");
      }
      part.area.focus();
    }
  }
}
