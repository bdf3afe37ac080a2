// @ts-check
/** The public chat protocol: session, long-poll loop, sending, resuming. No DOM, so that any page can be put on top. */

import { delayFor, isPassing, Pause, retrying } from "./backoff.js";
import { Outbox } from "./outbox.js";
import { Refusal } from "./wire.js";

/** Two minutes: a phone that slept for a moment keeps its place in the queue. */
const INACTIVITY_SECONDS = 120;
/** The server holds a poll for 15 s; 40 s without an answer means that the connection is dead. */
const POLL_TIMEOUT_MS = 40_000;
const MAX_EVENTS = 20;
/** An empty answer this soon is no held poll (another tab took over, a proxy answers): wait, or it spins. */
const TOO_SOON_MS = 1_000;
const COMPOSING = { everyMs: 9_000, expiresAfterSeconds: 10 };

/** @typedef {import("./outbox.js").Item} Item */
/** @typedef {"idle" | "connecting" | "open" | "ended"} Phase */

/**
 * @typedef {object} Saved  everything a reload needs to go on
 * @property {Phase} phase
 * @property {string} sessionId
 * @property {number} lastSequence of the events handled in this session
 * @property {string} contactName
 * @property {string} workTypeId
 * @property {string} connectKey Idempotency-Key of the request to connect
 * @property {string} reason why it ended
 * @property {Item[]} unsent
 */

/**
 * @typedef {object} ChatEvent
 * @property {string} kind
 * @property {string} at RFC 3339
 * @property {Record<string, any>} payload
 */

/** @type {Saved} */
const FRESH = {
  phase: "idle",
  sessionId: "",
  lastSequence: 0,
  contactName: "",
  workTypeId: "",
  connectKey: "",
  reason: "",
  unsent: [],
};

/**
 * Dispatches `event` (a ChatEvent), `phase`, `connection` ({ok}), `status` ({item, status, why})
 * and `change` (something worth saving).
 */
export class ChatClient extends EventTarget {
  #pause = new Pause();
  #failures = 0;
  #composedAt = 0;
  #ending = false;
  /** @type {AbortController | null} */
  #polling = null;
  /** @type {Promise<void> | null} */
  #reopening = null;

  /**
   * @param {import("./wire.js").Wire} wire
   * @param {Saved | null} [saved]
   */
  constructor(wire, saved = null) {
    super();
    this.wire = wire;
    /** @type {Saved} */
    this.state = { ...FRESH, ...saved };
    this.outbox = new Outbox(
      (item) => this.#deliver(item),
      (item, status, why) => this.#emit("status", { item, status, why }),
      this.state.unsent,
    );
  }

  /** @returns {Saved} */
  snapshot() {
    return { ...this.state, unsent: this.outbox.items };
  }

  /**
   * Opens a session and asks for a conversation.
   * @param {{workTypeId: string, contactName: string}} who
   */
  async connect(who) {
    this.suspend();
    this.#ending = false;
    this.state = { ...FRESH, ...who, phase: "connecting", connectKey: crypto.randomUUID() };
    this.#emit("phase", {});
    await this.#ask();
  }

  /** Also the way to go on after a reload in the middle of it: the same key asks once, however often it is sent. */
  async #ask() {
    const { workTypeId, contactName, connectKey } = this.state;
    try {
      if (!this.state.sessionId) await this.#openSession({});
      this.#listen();
      await this.#post("messaging/connect", { workTypeId, contactName }, connectKey);
      if (this.state.phase === "connecting") this.#enter("open");
    } catch (error) {
      this.#enter("idle");
      throw error;
    }
  }

  /**
   * Asks for a call; needs a session, not a conversation. The outcome comes as an event.
   * @param {Record<string, unknown>} wish workTypeId, contactName, digits, and either callBackTime or delayStartDuration
   */
  async scheduleCallBack(wish) {
    if (!this.state.sessionId || this.state.phase === "ended") await this.#openSession({});
    this.#listen();
    await this.#post("messaging/scheduleCallBack", wish, crypto.randomUUID());
  }

  /** @param {string} text */
  sendText(text) {
    return this.outbox.add({ id: crypto.randomUUID(), path: "messaging/sendText", body: { text } });
  }

  /** @param {string} url */
  pushUrl(url) {
    return this.outbox.add({ id: crypto.randomUUID(), path: "messaging/pushUrl", body: { url } });
  }

  /** Says that the contact is writing; called on every keystroke, sent at most every nine seconds. */
  composing() {
    const early = Date.now() - this.#composedAt < COMPOSING.everyMs;
    if (early || this.state.phase !== "open" || this.outbox.items.length > 0) return;
    this.#composedAt = Date.now();
    const body = { state: "composing", expiresAfterSeconds: COMPOSING.expiresAfterSeconds };
    const options = { body, session: this.state.sessionId, key: crypto.randomUUID() };
    this.wire.call("POST", "messaging/notification", options).catch(() => {}); // passing news: late is worse than lost
  }

  /** Ends the conversation; the poll brings the last events. */
  async disconnect() {
    this.#ending = true;
    try {
      await this.#post("messaging/disconnect", undefined, crypto.randomUUID());
    } catch (error) {
      if (isPassing(error)) throw error;
      this.#finish("contact"); // refused: there was nothing left to end
    }
  }

  /** Stops polling without a word to the server: a reload or a sleeping tab is not a goodbye. */
  suspend() {
    this.#polling?.abort();
    this.#polling = null;
  }

  /** Goes on with what a reload or a sleeping tab left off. Rejects if the server no longer takes the conversation. */
  async resume() {
    if (this.state.phase === "connecting") return this.#ask();
    if (this.state.phase !== "open") return;
    this.#listen();
    await this.outbox.run();
  }

  /** Gives up a session that was opened for a callback only. */
  release() {
    if (this.state.phase !== "idle" || !this.state.sessionId) return;
    this.suspend();
    this.#closeSession();
    this.state.sessionId = "";
  }

  /** The network or the tab is back: do not sit out the rest of a wait. */
  wake() {
    this.#pause.wake();
  }

  #listen() {
    if (this.#polling) return;
    this.#polling = new AbortController();
    this.#loop(this.#polling.signal);
  }

  /** @param {AbortSignal} signal */
  async #loop(signal) {
    while (!signal.aborted && this.state.phase !== "ended") {
      const session = this.state.sessionId;
      try {
        await this.#poll(session, signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, session);
      }
    }
  }

  /**
   * @param {string} session
   * @param {AbortSignal} signal
   */
  async #poll(session, signal) {
    const asked = Date.now();
    const query = `maxEvents=${MAX_EVENTS}&afterSequenceNumber=${this.state.lastSequence}`;
    const options = { session, signal, timeoutMs: POLL_TIMEOUT_MS };
    const answer = await this.wire.call("GET", `streaming/events/webClient?${query}`, options);
    this.#connection(true);
    const events = answer?.events ?? [];
    for (const event of events) this.#take(event, session);
    if (events.length > 0) this.#emit("change", {});
    else if (Date.now() - asked < TOO_SOON_MS) await this.#pause.wait(delayFor(1));
  }

  /**
   * @param {unknown} error
   * @param {string} session
   * @returns {Promise<void>}
   */
  async #recover(error, session) {
    if (error instanceof Refusal && error.deadSession) {
      await this.#pause.wait(this.#failures > 0 ? delayFor(this.#failures) : 0); // sessions that die at birth must not spin
      this.#failures += 1;
      return this.#reopen(session).catch((cause) => this.#recover(cause, this.state.sessionId));
    }
    // A session that took over goes on with the numbers; one that does not know them found nothing to take over.
    if (error instanceof Refusal && error.reason === "unknownSequenceNumber") return this.#finish("inactivity");
    if (!isPassing(error)) return this.#finish("system");
    this.#connection(false);
    const retryAfter = error instanceof Refusal ? error.retryAfterMs : null;
    await this.#pause.wait(delayFor(this.#failures, retryAfter), retryAfter === null);
    this.#failures += 1;
  }

  /**
   * Continues the conversation on a new session. The poll and a message may both find the old one dead: one new session serves both.
   * @param {string} dead
   */
  async #reopen(dead) {
    if (this.#ending) return this.#finish("contact");
    if (this.state.sessionId !== dead) return;
    this.#reopening ??= this.#openSession({ resumeSessionId: dead }).finally(() => {
      this.#reopening = null;
    });
    await this.#reopening;
  }

  /** @param {{resumeSessionId?: string}} extra */
  async #openSession(extra) {
    const options = { body: { inactivityDelay: INACTIVITY_SECONDS, ...extra }, key: crypto.randomUUID() };
    const call = () => this.wire.call("POST", "streaming/session/webClient", options);
    const { sessionId } = await retrying(call, this.#pause);
    this.state.sessionId = sessionId;
    if (!extra.resumeSessionId) this.state.lastSequence = 0; // a session that takes over goes on with the numbers
    if (this.state.phase === "ended") this.state.phase = "idle";
    this.#emit("change", {});
  }

  /** @param {Item} item */
  async #deliver(item) {
    try {
      await this.#post(item.path, item.body, item.id);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) this.#finish("inactivity"); // it closed while we were away
      throw error;
    }
  }

  /**
   * @param {string} path
   * @param {Record<string, unknown> | undefined} body
   * @param {string} key
   */
  async #post(path, body, key) {
    const session = this.state.sessionId;
    const attempt = () => this.wire.call("POST", path, { body, key, session: this.state.sessionId });
    try {
      await retrying(attempt, this.#pause);
    } catch (error) {
      if (!(error instanceof Refusal) || !error.deadSession || this.#ending) throw error;
      await this.#reopen(session);
      await retrying(attempt, this.#pause);
    }
  }

  /**
   * Hands one event on, once: an answer whose connection broke is sent again with the same numbers.
   * @param {any} raw
   * @param {string} session
   */
  #take(raw, session) {
    if (session !== this.state.sessionId) return;
    if (typeof raw.sequenceNumber === "number") {
      if (raw.sequenceNumber <= this.state.lastSequence) return;
      this.state.lastSequence = raw.sequenceNumber;
    }
    const payload = payloadOf(raw);
    const kind = raw.kind ?? payload["kind"];
    this.#emit("event", { kind, at: raw.publishedTime ?? new Date().toISOString(), payload });
    if (kind === "messaging.Connected") this.#enter("open");
    if (kind === "messaging.Disconnected") this.#finish(String(payload["reason"] ?? ""));
  }

  /** @param {string} reason */
  #finish(reason) {
    if (this.state.phase === "ended") return;
    this.state.reason = reason;
    this.outbox.close("The chat has ended.");
    if (!this.#ending) this.#closeSession();
    this.suspend();
    this.#enter("ended");
  }

  /** Frees the server's side at once instead of after the inactivity delay; nothing depends on it. */
  #closeSession() {
    const options = { session: this.state.sessionId };
    this.wire.call("DELETE", "streaming/session/webClient", options).catch(() => {});
  }

  /** @param {Phase} phase */
  #enter(phase) {
    if (this.state.phase === phase) return;
    this.state.phase = phase;
    if (phase === "idle") this.suspend();
    this.#emit("phase", {});
    this.#emit("change", {});
  }

  /** @param {boolean} ok */
  #connection(ok) {
    if (ok) this.#failures = 0;
    this.#emit("connection", { ok });
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * `payload` is a JSON string by contract; one that cannot be read must not stop those behind it.
 * @param {any} raw
 * @returns {Record<string, any>}
 */
function payloadOf(raw) {
  try {
    return typeof raw.payload === "string" ? JSON.parse(raw.payload) : (raw.payload ?? {});
  } catch {
    return {};
  }
}
