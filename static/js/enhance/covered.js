// A covered paper: asks every five seconds whether it goes on, and opens again by itself. Reloading does the same by hand.
export default function (element) {
  const { clock, kind } = element.dataset;
  setInterval(async () => {
    try {
      const answer = await fetch(clock, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) return;
      const told = await answer.json();
      document.dispatchEvent(new CustomEvent("qizhou:clock", { detail: told }));
      const now = told.state !== "open" ? "ended" : told.paused ? "paused" : told.break.since ? (told.break.over ? "over" : "break") : "open";
      if (now !== kind) location.reload();
      const left = element.querySelector("[data-role=break-left] b");
      if (left) left.textContent = `${Math.floor(told.break.left / 60)}:${String(told.break.left % 60).padStart(2, "0")}`;
    } catch { /* offline: it is asked again */ }
  }, 5000);
}
