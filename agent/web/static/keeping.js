// What this device keeps through a gap, a reload and a killed browser: the job as the store last told it, and every report
// that the store has not answered yet. IndexedDB is there without a certificate, too.

const NAME = "nearshelf-handheld";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("reports", { keyPath: "n" });
    request.result.createObjectStore("kept");
  };
  return done(request);
}

/** Stands in where a browser keeps nothing (private windows): `lasts` says so, and the page tells it. */
function nowhere() {
  const values = new Map();
  return {
    lasts: false,
    reports: async () => [],
    add: async () => {},
    drop: async () => {},
    get: async (name) => values.get(name),
    set: async (name, value) => { values.set(name, value); },
  };
}

/** The device's memory. `reports()` in order of their `n`; `add` and `set` resolve once it is on the disk. */
export async function keeping() {
  let base;
  try { base = await open(); } catch { return nowhere(); }
  const change = (store, steps) => new Promise((resolve, reject) => {
    const transaction = base.transaction(store, "readwrite", { durability: "strict" });
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
    steps(transaction.objectStore(store));
  });
  navigator.storage?.persist?.(); // only asked: what a browser may throw away it throws away when the disk is full
  return {
    lasts: true,
    reports: () => done(base.transaction("reports").objectStore("reports").getAll()),
    add: (report) => change("reports", (store) => store.put(report)),
    drop: (numbers) => change("reports", (store) => numbers.forEach((n) => store.delete(n))),
    get: (name) => done(base.transaction("kept").objectStore("kept").get(name)),
    set: (name, value) => change("kept", (store) => store.put(value, name)),
  };
}
