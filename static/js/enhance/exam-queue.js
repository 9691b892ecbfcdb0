// What a device keeps of an open paper until the server has it: every answer is sealed and written down before it is sent.
// The key comes from the server for this attempt, person and device; it cannot be read out again, and signing out removes
// it. The sealed entries stay: the same person is given the same key again. Nothing here is trusted by the server.
const NAME = "qizhou-answers";
const FORMAT = "qizhou/recovery@1";

function asked(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
function finished(transaction) {
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onerror = transaction.onabort = () => failed(transaction.error);
  });
}
function openStore() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("entries", { keyPath: "id" }).createIndex("attempt", "attempt");
    request.result.createObjectStore("keys", { keyPath: "id" });
    request.result.createObjectStore("device", { keyPath: "id" });
  };
  return asked(request);
}
const toText = (bytes) => btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));
const toBytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

// Whether this device can keep answers: browsers allow it only on https or on the machine itself.
export function canKeep() {
  return Boolean(window.isSecureContext && window.crypto?.subtle && window.indexedDB);
}

// A random number of this browser, the same for every paper; it names nobody. Written down durably where that is possible, so
// that a browser that was killed is still known as the same device.
export async function deviceNumber() {
  const isOne = (text) => /^[0-9a-f]{32}$/.test(text || "");
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let known = "";
  try { known = localStorage.getItem("qizhou-device"); } catch { /* no storage: a number for this page */ }
  if (canKeep()) {
    try {
      const store = await openStore();
      const kept = (await asked(store.transaction("device").objectStore("device").get(1)))?.number;
      if (isOne(kept)) known = kept;
      else {
        known = isOne(known) ? known : fresh;
        const change = store.transaction("device", "readwrite", { durability: "strict" });
        change.objectStore("device").put({ id: 1, number: known });
        await finished(change);
      }
      store.close();
    } catch { /* no database: what the simple storage says */ }
  }
  const number = isOne(known) ? known : fresh;
  try { localStorage.setItem("qizhou-device", number); } catch { /* no storage */ }
  return number;
}

// Signing out: the keys go, what they sealed stays.
export async function forgetKeys() {
  if (!canKeep()) return;
  if (indexedDB.databases && !(await indexedDB.databases()).some((each) => each.name === NAME)) return;
  const store = await openStore();
  const change = store.transaction("keys", "readwrite", { durability: "strict" });
  change.objectStore("keys").clear();
  await finished(change);
  store.close();
}

export class Queue {
  // Null where this device cannot keep answers, or where the key can be had neither from the server nor from before.
  static async open(attempt, person, device, keyAt) {
    if (!canKeep()) return null;
    try {
      const queue = new Queue(await openStore(), attempt, person, device, keyAt);
      return (await queue.keyOf(device)) ? queue : null;
    } catch { return null; }
  }

  constructor(store, attempt, person, device, keyAt) {
    Object.assign(this, { store, attempt, person, device, keyAt });
    this.keys = new Map();
    this.clock = 0;
  }

  async keyOf(device) {
    if (this.keys.has(device)) return this.keys.get(device);
    const id = `${this.attempt}:${this.person}:${device}`;
    let key = null;
    try {
      const answer = await fetch(`${this.keyAt}?device=${device}`, { headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin" });
      const told = answer.ok ? await answer.json() : null;
      if (told && String(told.person) === String(this.person)) {
        key = await crypto.subtle.importKey("raw", toBytes(told.key), "AES-GCM", false, ["encrypt", "decrypt"]);
        const change = this.store.transaction("keys", "readwrite");
        change.objectStore("keys").put({ id, key });
        await finished(change);
      }
    } catch { /* no connection: the key from before will do */ }
    if (!key) key = (await asked(this.store.transaction("keys").objectStore("keys").get(id)))?.key || null;
    if (key) this.keys.set(device, key);
    return key;
  }

  associated(device, op) {
    return new TextEncoder().encode(`${FORMAT}|${this.attempt}|${this.person}|${device}|${op}`);
  }

  // Write an answer down, in one durable step with the removal of those it stands for. Resolves when it is on the disk.
  async put(entry, removed = []) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const body = new TextEncoder().encode(JSON.stringify({ position: entry.position, version: entry.version, after: entry.after || "", answer: entry.answer, at: entry.at }));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: this.associated(this.device, entry.op) }, await this.keyOf(this.device), body);
    this.clock = Math.max(this.clock + 1, Date.now());
    const change = this.store.transaction("entries", "readwrite", { durability: "strict" });
    const entries = change.objectStore("entries");
    for (const op of removed) if (op !== entry.op) entries.delete(`${this.attempt}:${op}`);
    entries.put({ id: `${this.attempt}:${entry.op}`, attempt: this.attempt, person: this.person, device: this.device, op: entry.op, order: entry.order || this.clock,
      iv: toText(iv), data: toText(sealed) });
    await finished(change);
    return entry.order || this.clock;
  }

  async remove(ops) {
    const change = this.store.transaction("entries", "readwrite", { durability: "strict" });
    for (const op of ops) change.objectStore("entries").delete(`${this.attempt}:${op}`);
    await finished(change);
  }

  async sealed() {
    const found = await asked(this.store.transaction("entries").objectStore("entries").index("attempt").getAll(this.attempt));
    return found.filter((each) => String(each.person) === String(this.person)).sort((one, other) => one.order - other.order);
  }

  // What is kept of this attempt, in the order in which it was written; what does not open is left alone.
  async all() {
    const opened = [];
    for (const each of await this.sealed()) {
      try {
        const key = await this.keyOf(each.device);
        const body = await crypto.subtle.decrypt({ name: "AES-GCM", iv: toBytes(each.iv), additionalData: this.associated(each.device, each.op) }, key, toBytes(each.data));
        opened.push({ op: each.op, order: each.order, ...JSON.parse(new TextDecoder().decode(body)) });
      } catch { /* sealed by a key that this person does not get */ }
    }
    return opened;
  }

  // The sealed entries as a file that only the server can open. One file speaks of one device: of this one, or of an earlier number.
  async file() {
    const entries = await this.sealed();
    const device = entries.some((each) => each.device === this.device) ? this.device : entries[0]?.device;
    const chosen = entries.filter((each) => each.device === device).map(({ op, iv, data }) => ({ op, iv, data }));
    return chosen.length ? JSON.stringify({ format: FORMAT, attempt: Number(this.attempt), device, made_at: new Date().toISOString(), entries: chosen }, null, 1) : "";
  }

  async wipe() {
    await this.remove((await this.sealed()).map((each) => each.op));
  }
}
