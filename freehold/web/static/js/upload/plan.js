// What the browser remembers of an upload that was not committed: names, sizes and digests, no bytes. One plan a page.
const NAME = "freehold-uploads", PLANS = "plans";
const KEPT_MS = 14 * 86400 * 1000;

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(PLANS);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(PLANS, mode);
      const asked = work(transaction.objectStore(PLANS));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

// A browser that keeps nothing (a private window, say) still uploads: it only cannot tell afterwards.
export const read = (key) => within("readonly", (plans) => plans.get(key)).then((plan) => plan && Date.now() - plan.at < KEPT_MS ? plan : null).catch(() => null);
export const write = (key, plan) => within("readwrite", (plans) => plans.put({ ...plan, at: Date.now() }, key)).catch(() => {});
export const forget = (key) => within("readwrite", (plans) => plans.delete(key)).catch(() => {});
