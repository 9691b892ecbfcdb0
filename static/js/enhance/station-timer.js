// Counts the performance down. The server says how long it has been running, so both raters' pages and a reloaded page
// show the same; pressing Begin starts the clock at once and tells the server.
export default function (element) {
  const total = Number(element.dataset.performance);
  const warning = Number(element.dataset.warning);
  const face = element.querySelector(".timer");
  const figure = face.querySelector("b");
  const voice = element.querySelector(".sr[role=status]");
  const button = element.querySelector("button");
  const form = document.getElementById(element.dataset.form);
  let startedAt = element.dataset.elapsed === "" ? null : performance.now() - Number(element.dataset.elapsed) * 1000;
  let said = "";

  function draw() {
    if (startedAt === null) return;
    const left = total - Math.floor((performance.now() - startedAt) / 1000);
    if (left < -total) {
      face.hidden = true;
      return;
    }
    const seconds = Math.abs(left);
    figure.textContent = `${left < 0 ? "+" : ""}${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
    face.classList.toggle("timer-low", left <= total - warning);
    face.hidden = false;
    const words = left <= 0 ? element.dataset.sayOver : left <= total - warning ? element.dataset.sayWarning : "";
    if (words !== said) {
      said = words;
      voice.textContent = words;
    }
  }

  // While the server has not heard of it, the press is tried again; finishing the rating tells it in any case.
  async function begin() {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" }).catch(() => null);
    if (!response || response.status >= 500) setTimeout(begin, 5000);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (startedAt !== null) return;
    startedAt = performance.now();
    if (button) button.hidden = true;
    draw();
    begin();
    document.dispatchEvent(new CustomEvent("station:begun"));
  });
  draw();
  setInterval(draw, 500);
}
