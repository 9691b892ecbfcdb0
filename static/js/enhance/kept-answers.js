// Sends what this device still keeps of a paper, in order, one after the other. Used where the paper itself is not on the
// page: before handing in, and after the end (then the server holds what comes for review).
import { Queue, deviceNumber } from "./exam-queue.js";

// Resolves to {sent, held, left, queue}: numbers of answers; `left` could not be sent now.
export async function sendKept(texts, token) {
  const device = await deviceNumber();
  const queue = await Queue.open(texts.attempt, texts.person, device, texts.key);
  const result = { sent: 0, held: 0, left: 0, queue };
  if (!queue) return result;
  const entries = await queue.all();
  const versions = new Map();
  for (const entry of entries) {
    let answer = null;
    let told = {};
    try {
      answer = await fetch(texts.save, {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token() },
        body: JSON.stringify({ op: entry.op, position: entry.position, version: versions.get(entry.after) ?? entry.version, answer: entry.answer, device }),
      });
      told = await answer.json();
    } catch { answer = null; }
    if (answer && answer.ok && told.version !== undefined) {
      versions.set(entry.op, told.version);
      result.sent += 1;
      await queue.remove([entry.op]);
    } else if (answer && answer.status === 409 && (told.error === "late" || told.error === "section")) {
      result.held += 1;
      await queue.remove([entry.op]);
    } else if (answer && answer.status === 422) {
      await queue.remove([entry.op]);
    } else {
      result.left += 1;
    }
  }
  return result;
}

export default async function (element) {
  const texts = element.dataset;
  const { sent, held, left } = await sendKept(texts, () => texts.csrf);
  if (!sent && !held && !left) return;
  element.querySelector("p").textContent = (left ? texts.left : texts.held).replace("{n}", left || sent + held);
  element.hidden = false;
}
