// Time left by the server's clock. It is told how long is left, counts with a clock nobody can set, and asks again when
// the page comes back into view. Speaks at 10, 5 and 1 minutes and when time was given, never each second. While the hall is
// paused or a break lasts it stands still.
export default function (element) {
  const until = element.querySelector("[data-role=until]");
  const left = element.querySelector("[data-role=left]");
  const figure = left.querySelector("b");
  const say = element.querySelector("[data-role=say]");
  let still = element.dataset.still === "1";
  let stood = Number(element.dataset.left);     // seconds left while the clock stands
  let end = performance.now() + Number(element.dataset.left) * 1000;
  let wall = Date.now();
  let before = Infinity;
  let over = false;
  until.hidden = true;
  left.hidden = false;

  function set(told) {
    if (told.seconds_left === undefined) return;
    if (told.paused !== undefined) still = told.paused || Boolean(told.break && told.break.since && !told.break.over);
    else if (still) return;                     // what a save says about the clock holds only while it runs
    const seconds = told.state === "open" ? Math.max(1, told.seconds_left) : told.seconds_left;
    const gained = Math.floor((performance.now() + seconds * 1000 - end) / 1000);
    end = performance.now() + seconds * 1000;
    stood = seconds;
    if (seconds > 0) over = false;
    if (gained > 30) before = seconds;          // with more time the marks are passed, and said, once more
    if (gained > 30 && element.dataset.more) say.textContent = element.dataset.more.replace("{minutes}", Math.ceil(seconds / 60));
    draw();
  }
  function draw() {
    if (still) end = performance.now() + stood * 1000;
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const rest = String(seconds % 60).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    const text = minutes >= 60 ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
    if (figure.textContent !== text) figure.textContent = text;
    element.classList.toggle("timer-low", seconds < 300);
    for (const mark of [10, 5, 1]) {
      if (before > mark * 60 && seconds <= mark * 60 && seconds > 0 && before !== Infinity) say.textContent = element.dataset[`say${mark}`];
    }
    before = seconds;
    if (seconds === 0 && !over) {
      over = true;
      say.textContent = element.dataset.say0;
      document.dispatchEvent(new CustomEvent("qizhou:time-up"));
    }
  }
  async function ask() {
    try {
      const answer = await fetch(element.dataset.poll, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.ok && !answer.redirected) {
        const told = await answer.json();
        document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
      }
    } catch { /* offline: the page keeps counting and asks again later */ }
  }
  document.addEventListener("qizhou:clock", (event) => set(event.detail));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  setInterval(() => {
    // A sleeping machine stops this clock but not the server's: a jump of the wall clock means asking.
    if (Math.abs(Date.now() - wall - 500) > 5000) ask();
    wall = Date.now();
    draw();
  }, 500);
  setInterval(ask, 60000);
  draw();
}
