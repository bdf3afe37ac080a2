// @ts-check
/** What passes and is never part of the conversation: typing, place in the queue, a lost connection, unread counts. */

import { need } from "./dom.js";

const TITLE = document.title;

export class Presence {
  #banner = need("banner", HTMLElement);
  #typing = need("typing", HTMLElement);
  #queue = "";
  #online = true;
  #unread = 0;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #writers = new Map();

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#count(0);
    });
  }

  /**
   * @param {import("./client.js").ChatEvent} event
   * @param {boolean} spoken whether somebody else said something new
   */
  take({ kind, payload }, spoken) {
    const name = String(payload["entityName"] ?? "");
    if (kind === "messaging.Notification" && payload["entityType"] !== "Contact")
      this.#writes(name, payload["expiresAfterSeconds"]);
    if (kind === "messaging.QueueStatus") this.#waits(payload);
    if (kind === "messaging.ParticipantJoined" && payload["entityType"] === "Agent") this.#waits({});
    if (kind === "messaging.ParticipantLeft" || spoken) this.#stops(name);
    if (spoken && document.visibilityState === "hidden") this.#count(this.#unread + 1);
  }

  /** @param {import("./client.js").Phase} phase */
  phase(phase) {
    if (phase === "open") return;
    this.#waits({});
    for (const name of [...this.#writers.keys()]) this.#stops(name);
  }

  /** @param {boolean} ok */
  connection(ok) {
    this.#online = ok;
    this.#show();
  }

  /** @param {Record<string, any>} status position, and a range of seconds where the server trusts its own guess */
  #waits({ position, estimatedWaitSeconds: wait }) {
    const place = position === 1 ? "You are next." : `You are number ${position} in the queue.`;
    const [low, high] = [wait?.low, wait?.high].map((seconds) => Math.max(1, Math.ceil(Number(seconds) / 60)));
    const range = low === high ? `${high}` : `${low} to ${high}`;
    this.#queue = position ? place + (wait ? ` About ${range} min.` : "") : "";
    this.#show();
  }

  #show() {
    const words = this.#online ? this.#queue : "Connection lost. Trying again; what you write is kept.";
    if (this.#banner.textContent !== words) this.#banner.textContent = words; // written again, it would be read out again
    this.#banner.classList.toggle("trouble", !this.#online);
  }

  /**
   * @param {string} name
   * @param {unknown} seconds after which the news is stale: a writer who stopped sends nothing
   */
  #writes(name, seconds) {
    clearTimeout(this.#writers.get(name));
    this.#writers.set(
      name,
      setTimeout(() => this.#stops(name), Number(seconds) * 1000 || 0),
    );
    this.#showWriters();
  }

  /** @param {string} name */
  #stops(name) {
    clearTimeout(this.#writers.get(name));
    this.#writers.delete(name);
    this.#showWriters();
  }

  #showWriters() {
    const names = [...this.#writers.keys()];
    const words = names.length === 0 ? "" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} writing…`;
    if (this.#typing.textContent !== words) this.#typing.textContent = words;
  }

  /** @param {number} unread */
  #count(unread) {
    this.#unread = unread;
    document.title = unread > 0 ? `(${unread}) ${TITLE}` : TITLE;
  }
}
