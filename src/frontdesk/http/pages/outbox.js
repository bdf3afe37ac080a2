// @ts-check
/** Messages on their way out: one at a time, in the order they were written, each under one key for all its tries. No DOM. */

import { isPassing } from "./backoff.js";

/** @typedef {{id: string, path: string, body: Record<string, unknown>}} Item  `id` is the Idempotency-Key too */
/** @typedef {"sending" | "sent" | "failed" | "refused"} Status  failed may be tried again, refused may not */

export class Outbox {
  #running = false;

  /**
   * @param {(item: Item) => Promise<void>} send retries passing faults itself; rejects when it gives up or is refused
   * @param {(item: Item, status: Status, why: string) => void} report
   * @param {Item[]} [items] left over from before a reload
   */
  constructor(send, report, items = []) {
    this.send = send;
    this.report = report;
    this.items = [...items];
  }

  /** @param {Item} item */
  add(item) {
    this.items.push(item);
    this.report(item, "sending", "");
    return this.run();
  }

  /** Sends what waits; also the way to try again after a failure. */
  async run() {
    if (this.#running) return;
    this.#running = true;
    for (const item of this.items) this.report(item, "sending", "");
    try {
      while (this.items[0] && (await this.#delivered(this.items[0])));
    } finally {
      this.#running = false;
    }
  }

  /**
   * @param {Item} item
   * @returns {Promise<boolean>} whether the next may go: sent past a failed one, it would arrive in the wrong order
   */
  async #delivered(item) {
    try {
      await this.send(item);
      this.#settle(item, "sent", "");
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const passing = isPassing(error);
      if (passing) for (const held of this.items) this.report(held, "failed", why);
      else this.#settle(item, "refused", why);
      return !passing;
    }
  }

  /**
   * @param {Item} item
   * @param {Status} status
   * @param {string} why
   */
  #settle(item, status, why) {
    this.items = this.items.filter((other) => other !== item);
    this.report(item, status, why);
  }

  /**
   * The conversation is over: nothing that still waits can be delivered.
   * @param {string} why
   */
  close(why) {
    const left = this.items;
    this.items = [];
    for (const item of left) this.report(item, "refused", why);
  }
}
