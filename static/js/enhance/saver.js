// Sends what changed to the server, one request at a time for each key, and says truthfully where the work is: saved,
// saving, waiting, offline. Every save carries an operation id and the version the page last saw, so a repeat after a
// broken connection has one effect and a newer version elsewhere is never overwritten. Nothing is kept on the device
// beyond this page: while something waits, leaving asks first.
const PAUSE = 900;
const RETRIES = [2000, 4000, 8000, 15000, 30000];

function operation() {
  const bytes = new Uint8Array(16);
  crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Saver {
  // tell(key, state, detail): state is waiting, saving, saved, offline, signed-out, refused, stale or closed
  constructor(address, csrf, tell) {
    this.address = address;
    this.csrf = csrf;
    this.tell = tell;
    this.entries = new Map();
    window.addEventListener("online", () => this.flush());
    window.addEventListener("beforeunload", (event) => {
      if (this.pending()) event.preventDefault();
    });
  }

  pending() {
    return [...this.entries.values()].filter((entry) => entry.body || entry.sending).length;
  }

  // How many keys wait; resolves when nothing does, or after so many milliseconds.
  async settle(limit) {
    const end = Date.now() + limit;
    this.flush();
    while (this.pending() && Date.now() < end) await new Promise((done) => setTimeout(done, 50));
    return this.pending() === 0;
  }

  begin(key, version) {
    this.entries.set(key, { version, body: null, op: "", sending: false, timer: 0, tries: 0, halted: false });
  }

  version(key) {
    return this.entries.get(key).version;
  }

  // The page holds something new under this key.
  change(key, body) {
    const entry = this.entries.get(key);
    entry.body = body;
    entry.op = operation();
    if (entry.halted) return;
    this.tell(key, "waiting");
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.send(key), PAUSE);
  }

  // After a conflict was decided: go on from that version, sending the body or, with none, nothing.
  resume(key, version, body) {
    const entry = this.entries.get(key);
    entry.halted = false;
    entry.version = version;
    entry.body = null;
    if (body) {
      this.change(key, body);
      this.send(key);
    }
  }

  flush() {
    for (const [key, entry] of this.entries) if (entry.body && !entry.halted) this.send(key);
  }

  // The form itself is being sent now: what waits goes with it.
  release() {
    for (const entry of this.entries.values()) {
      clearTimeout(entry.timer);
      entry.body = null;
      entry.halted = true;
    }
  }

  async send(key) {
    const entry = this.entries.get(key);
    clearTimeout(entry.timer);
    if (entry.sending || !entry.body || entry.halted) return;
    const { body, op } = entry;
    entry.sending = true;
    this.tell(key, "saving");
    let response = null;
    try {
      response = await fetch(this.address, {
        method: "POST", credentials: "same-origin", signal: AbortSignal.timeout ? AbortSignal.timeout(15000) : undefined,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": this.csrf() },
        body: JSON.stringify({ ...body, op, version: entry.version }),
      });
    } catch { /* the connection broke; nothing is known, the same operation is sent again */ }
    let answer = {};
    if (response) answer = await response.json().catch(() => ({}));
    entry.sending = false;
    if (response && response.ok && "version" in answer) {
      entry.tries = 0;
      entry.version = answer.version;
      if (entry.op === op) entry.body = null;
      this.tell(key, entry.body ? "waiting" : "saved", answer);
      if (entry.body) this.send(key);
      return;
    }
    this.failed(key, entry, response, answer, op);
  }

  async failed(key, entry, response, answer, op) {
    const status = response ? response.status : 0;
    if (status === 409 || status === 422) {
      const reason = answer.error;
      if (reason === "stale") {
        entry.halted = true;
        this.tell(key, "stale", answer);
      } else if (reason === "final" || reason === "closed") {
        entry.halted = true;
        this.tell(key, "closed", answer);
      } else {
        if (entry.op === op) entry.op = operation();
        this.tell(key, "refused", answer);
      }
      return;
    }
    const signedOut = status === 401 || (status === 400 && answer.error === "csrf");
    if (signedOut && (await this.renewed())) {
      this.send(key);
      return;
    }
    this.tell(key, signedOut ? "signed-out" : "offline", answer);
    entry.tries += 1;
    entry.timer = setTimeout(() => this.send(key), RETRIES[Math.min(entry.tries, RETRIES.length) - 1]);
  }

  // After a new sign-in in another tab the session has a new token: read it from this very page.
  async renewed() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin", cache: "no-store" });
      if (!response.ok || new URL(response.url).pathname !== window.location.pathname) return false;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("input[name=csrf_token]")?.value;
      if (!fresh || fresh === this.csrf()) return false;
      for (const input of document.querySelectorAll("input[name=csrf_token]")) input.value = fresh;
      return true;
    } catch { return false; }
  }
}

// A dialog that shows what this page and the server hold, side by side; resolves to "keep" or "take".
export function choose(texts, rows) {
  const dialog = document.createElement("dialog");
  dialog.className = "card conflict";
  const add = (parent, tag, text, className = "") => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };
  add(dialog, "h2", texts.conflict).id = "conflict-title";
  dialog.setAttribute("aria-labelledby", "conflict-title");
  add(dialog, "p", texts.conflictText, "soft");
  for (const row of rows) {
    const part = add(dialog, "div", "", "conflict-row");
    if (row.label) add(part, "h3", row.label);
    const both = add(part, "div", "", "grid-2");
    for (const [label, text] of [[texts.yours, row.yours], [texts.theirs, row.saved]]) {
      const side = add(both, "div");
      add(side, "p", label, "label");
      add(side, "div", text, "answer-text");
    }
  }
  const buttons = add(dialog, "div", "", "row");
  const keep = add(buttons, "button", texts.keep, "btn btn-primary");
  const take = add(buttons, "button", texts.take, "btn");
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    for (const [button, answer] of [[keep, "keep"], [take, "take"]]) {
      button.addEventListener("click", () => {
        dialog.close();
        dialog.remove();
        done(answer);
      });
    }
  });
}

// The time of day in the cohort's zone, as the server writes it.
export function clock(iso, zone) {
  return new Date(iso).toLocaleTimeString("en-GB", { hour12: false, timeZone: zone });
}

export function iconFrom(name) {
  const shapes = {
    saved: '<path d="M7 19a4.5 4.5 0 0 1-.8-8.9A6.5 6.5 0 0 1 18 11a4 4 0 0 1 0 8z"/><path d="M9.2 14.2l2.2 2.2 4-4.4"/>',
    sync: '<path d="M19.5 10A8 8 0 0 0 5 8M4.5 14A8 8 0 0 0 19 16M5 3.5V8h4.5M19 20.5V16h-4.5"/>',
    offline: '<path d="M3 3l18 18M9 6.2A6.5 6.5 0 0 1 18 11a4 4 0 0 1 2.4 6.6M16.5 19H7a4.5 4.5 0 0 1-.8-8.9"/>',
    alert: '<path d="M12 4L2.8 19.5h18.4zM12 10v4.5"/><path d="M12 17v.1"/>',
    check: '<path d="M4.5 12.5l5 5L19.5 7"/>',
    circle: '<circle cx="12" cy="12" r="8.5"/>',
    right: '<path d="M5 12h14M13 6l6 6-6 6"/>',
  };
  const text = `<svg xmlns="http://www.w3.org/2000/svg" class="icon icon-s" viewBox="0 0 24 24" aria-hidden="true">${shapes[name]}</svg>`;
  return document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
}
