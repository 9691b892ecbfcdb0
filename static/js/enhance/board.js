// The invigilator's board: asks every five seconds, writes only what changed, counts time left with a clock nobody can set.
// Unchanged boards come back as 304 without a body. Rows never move while somebody reads them.
const PERIOD = 5000;

export default function (board) {
  const set = board.dataset;
  const rows = new Map([...board.querySelectorAll("tr[data-id]")].map((row) => [Number(row.dataset.id), row]));
  const pills = new Map([...board.querySelectorAll("template[data-standing]")].map((pill) => [pill.dataset.standing, pill]));
  const words = set.facts.split("|");
  const fresh = board.querySelector("[data-role=fresh]");
  const say = board.querySelector("[data-role=say]");
  const items = Number(set.items);
  let mark = "";
  let ahead = Number(set.now) - performance.now();
  let told = [];
  let offline = null;
  let paused = set.paused;

  const now = () => performance.now() + ahead;
  const write = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  const clock = (seconds) => new Date((seconds + Number(set.offset)) * 1000).toISOString().slice(11, 19);
  const part = (row, role) => row.querySelector(`[data-role=${role}]`);

  function leftText(seconds) {
    if (seconds >= 600) return set.min.replace("{n}", String(Math.ceil(seconds / 60)));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
  function sinceText(standing, since, unsent) {
    if (since === null) return "";
    if (standing !== "offline") return clock(since).slice(0, 5);
    return (unsent ? `${set.unsent.replace("{n}", String(unsent))} · ` : "") + set.since.replace("{time}", clock(since));
  }
  function drawLeft([id, standing, , , , closes, , , since]) {
    const row = rows.get(id);
    if (!row) return;
    const left = part(row, "left");
    const isOpen = closes !== null && standing !== "handed_in" && standing !== "time" && standing !== "absent";
    const at = standing === "paused" && since !== null ? since : Math.floor(now() / 1000);
    const seconds = isOpen ? Math.max(0, closes - at) : null;
    write(left, seconds === null ? "—" : leftText(seconds));
    left.classList.toggle("warn", seconds !== null && seconds < 300);
  }
  function drawRow(line) {
    const [id, standing, answered, receipt, receiptAt, , extra, facts, since, unsent] = line;
    const row = rows.get(id);
    if (!row) return;
    if (row.dataset.standing !== standing) {
      row.dataset.standing = standing;
      part(row, "standing").replaceChildren(pills.get(standing).content.cloneNode(true));
    }
    write(part(row, "since"), sinceText(standing, since, unsent));
    write(part(row, "answered"), `${answered} / ${items}`);
    row.querySelector("meter").value = answered;
    const place = part(row, "receipt");
    const text = receiptAt === null ? "—" : `${clock(receiptAt)} ${receipt}`;
    if (place.dataset.text !== text) {
      place.dataset.text = text;
      if (receiptAt === null) place.textContent = "—";
      else {
        const code = document.createElement("code");
        code.className = "tiny muted";
        code.textContent = receipt;
        place.replaceChildren(`${clock(receiptAt)} `, code);
      }
    }
    write(part(row, "extra"), extra ? `+${extra}` : "");
    write(part(row, "facts"), facts.map((count, place_) => (count ? `${words[place_]} ${count}` : "")).filter(Boolean).join(" · "));
  }
  function draw(data) {
    // Somebody paused the hall or let it go on elsewhere: the page's own buttons no longer fit.
    const isPaused = data.paused === null ? "" : String(data.paused);
    if (isPaused !== paused) {
      paused = isPaused;
      if (!board.querySelector("details[open]")) { window.location.reload(); return; }
    }
    told = data.rows;
    const counts = new Map([["all", told.length]]);
    for (const line of told) {
      counts.set(line[1], (counts.get(line[1]) || 0) + 1);
      drawRow(line);
    }
    for (const place of board.querySelectorAll("[data-count]")) write(place, String(counts.get(place.dataset.count) || 0));
    const gone = counts.get("offline") || 0;
    if (offline !== null && gone > offline) say.textContent = set.offline.replace("{n}", String(gone));
    offline = gone;
  }
  async function ask() {
    try {
      const answer = await fetch(set.poll, { headers: { Accept: "application/json", ...(mark ? { "If-None-Match": mark } : {}) }, cache: "no-store" });
      if (answer.redirected || (!answer.ok && answer.status !== 304)) throw new Error(String(answer.status));
      ahead = Number(answer.headers.get("Server-Clock")) - performance.now();
      mark = answer.headers.get("ETag") || mark;
      if (answer.status === 200) draw(await answer.json());
      write(fresh, set.fresh.replace("{time}", clock(Math.floor(now() / 1000))));
      fresh.dataset.at = String(Math.floor(now() / 1000));
      fresh.classList.remove("bad");
    } catch {
      write(fresh, set.lost.replace("{time}", clock(Number(fresh.dataset.at || Number(set.now) / 1000))));
      fresh.classList.add("bad");
    }
  }
  let asking = false;
  async function turn() {
    if (asking || document.hidden) return;
    asking = true;
    await ask();
    asking = false;
  }
  setInterval(turn, PERIOD);
  setInterval(() => told.forEach(drawLeft), 1000);
  document.addEventListener("visibilitychange", turn);
  turn();
}
