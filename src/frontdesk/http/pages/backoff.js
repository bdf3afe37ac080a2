// @ts-check
/** When to try again: waits with full jitter, and what counts as a passing fault. No DOM. */

import { Refusal, Unreachable } from "./wire.js";

/** First and longest wait. The longest is short enough that a chat feels alive again soon after an outage. */
const BASE_MS = 500;
const CEILING_MS = 30_000;
/** About two minutes of trying before a person is told and asked. */
const TRIES = 8;

/**
 * Full jitter: any time up to a doubling ceiling, so that clients cut off together do not come back together.
 * A server's Retry-After is a floor, with the jitter on top of it.
 * @param {number} failures how many tries failed before this wait, from 0
 * @param {number | null} [retryAfterMs]
 * @returns {number} milliseconds
 */
export function delayFor(failures, retryAfterMs = null) {
  const ceiling = Math.min(CEILING_MS, BASE_MS * 2 ** failures);
  return (retryAfterMs ?? 0) + Math.random() * ceiling;
}

/**
 * True for faults that go away by waiting: no answer at all, too many requests, a server in trouble.
 * @param {unknown} error
 * @returns {error is Unreachable | Refusal}
 */
export function isPassing(error) {
  if (error instanceof Unreachable) return true;
  return error instanceof Refusal && (error.status === 429 || error.status >= 500);
}

/** A sleep that good news (back online, tab visible) may cut short, unless the server named the time. */
export class Pause {
  /** @type {Set<() => void>} */
  #sleepers = new Set();

  /**
   * @param {number} ms
   * @param {boolean} [mayWake] false while a Retry-After runs: waking early would break the server's word
   * @returns {Promise<void>}
   */
  wait(ms, mayWake = true) {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#sleepers.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      if (mayWake) this.#sleepers.add(finish);
    });
  }

  wake() {
    for (const finish of [...this.#sleepers]) finish();
  }
}

/**
 * Runs one request until it succeeds, is refused for good, or has failed too often.
 * The caller makes the Idempotency-Key before, so that every try carries the same one.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {Pause} pause
 * @returns {Promise<T>} rejects with the last error
 */
export async function retrying(attempt, pause) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error) || failures + 1 >= TRIES) throw error;
      const retryAfter = error instanceof Refusal ? error.retryAfterMs : null;
      await pause.wait(delayFor(failures, retryAfter), retryAfter === null);
    }
  }
}
