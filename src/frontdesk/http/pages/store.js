// @ts-check
/** This tab's chat, kept for a reload; and one tab at a time on it. */

const NAME = "frontdesk.chat";
/** A reloading page lets go of its lock within this time; a second tab on the same chat never does. */
const LOCK_PATIENCE_MS = 1_500;

/** @typedef {{chatId: string, client: import("./client.js").Saved, entries: import("./transcript.js").Entry[]}} Kept */

/** @returns {Kept | null} null where there is nothing, or nothing readable */
export function load() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    return Array.isArray(kept?.entries) && kept.client ? kept : null;
  } catch {
    return null;
  }
}

/** @param {Kept} kept */
export function save(kept) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the chat goes on, only a reload would lose it.
  }
}

/**
 * A duplicated tab copies sessionStorage, and two polls on one session would end each other for ever.
 * @param {string} chatId
 * @returns {Promise<boolean>} whether this tab may poll; held until the page goes
 */
export async function claim(chatId) {
  if (!("locks" in navigator)) return true;
  return new Promise((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise((letGo) => addEventListener("pagehide", letGo, { once: true }));
    };
    const signal = AbortSignal.timeout(LOCK_PATIENCE_MS);
    navigator.locks.request(`${NAME} ${chatId}`, { signal }, hold).catch(() => resolve(false));
  });
}
