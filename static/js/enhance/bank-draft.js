// The draft of an item: the preview follows what is typed, and leaving with unsaved text is asked about.
const PAUSE = 700;

export default function (form) {
  const told = document.querySelector('[data-role="told-here"]');
  const faces = document.querySelector('[data-role="faces-here"]');
  const note = form.querySelector('[data-role="unsaved"]');
  let timer = 0, asked = 0, changed = false;

  async function refresh() {
    const mine = ++asked;
    const sent = new URLSearchParams(new FormData(form));
    let answer;
    try {
      answer = await fetch(form.dataset.preview, { method: "POST", body: sent, credentials: "same-origin" });
    } catch {
      return;                                     // offline: the preview waits, what is typed stays
    }
    if (!answer.ok || mine !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const heading = told.querySelector("h2");
    told.replaceChildren(heading, ...page.querySelector('[data-role="told"]').childNodes);
    const open = [...faces.querySelectorAll("details")].map((one) => one.open);
    faces.replaceChildren(...page.querySelector('[data-role="faces"]').childNodes);
    faces.querySelectorAll("details").forEach((one, number) => { one.open = open[number] ?? one.open; });
  }

  form.addEventListener("input", () => {
    changed = true;
    note.textContent = form.dataset.unsaved;
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE);
  });
  form.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}
