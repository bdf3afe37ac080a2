// @ts-check
/** The page: wires the protocol to what is on the screen. */

import { CallBackForm } from "./callback.js";
import { ChatClient } from "./client.js";
import { h, need, say } from "./dom.js";
import { showFacts, workTypes } from "./facts.js";
import { Inspector } from "./inspector.js";
import { Presence } from "./presence.js";
import { claim, load, save } from "./store.js";
import { Thread, webAddress } from "./thread.js";
import { ending, ownEntry, Transcript } from "./transcript.js";
import { Wire } from "./wire.js";

/** The API counts code points, as does spreading a string; `length` would count an emoji twice. */
const TEXT_LIMIT = 2000;
const COUNT_FROM = 1800;

/** @typedef {import("./facts.js").Facts} Facts */

class Page {
  #start = need("start", HTMLFormElement);
  #talk = need("talk", HTMLElement);
  #composer = need("composer", HTMLFormElement);
  #text = need("text", HTMLTextAreaElement);
  #name = need("name", HTMLInputElement);
  #end = need("end", HTMLButtonElement);
  #confirm = need("confirm", HTMLDialogElement);
  #presence = new Presence();
  #thread = new Thread(() => this.client.outbox.run());
  #chatId = "";

  /**
   * @param {Facts} facts
   * @param {import("./store.js").Kept | null} kept
   */
  constructor(facts, kept) {
    this.facts = facts;
    this.wire = new Wire(facts);
    this.transcript = new Transcript(kept?.entries);
    this.client = new ChatClient(this.wire, kept?.client);
    this.#chatId = kept?.chatId ?? "";
    new Inspector(this.wire);
    const callback = facts.workTypes?.["callback"] ?? "";
    this.call = new CallBackForm(callback, (wish) => this.client.scheduleCallBack(wish));
    need("ask-call", HTMLElement).hidden = !callback;
    this.#listenToClient();
    this.#listenToPeople();
    this.#listenToBrowser();
    this.#showChoices();
  }

  /** Goes on after a reload, unless another tab has the chat. */
  async restore() {
    this.#thread.restore(this.transcript.entries);
    if (this.client.state.contactName) this.#name.value = this.client.state.contactName;
    if (this.#chatId && !(await claim(this.#chatId))) this.#beginAnew();
    this.#showPhase();
    this.#goOn();
  }

  #goOn() {
    this.client.resume().catch((error) => this.#fail(error));
  }

  #listenToClient() {
    const { client } = this;
    /** @type {(name: string, act: (detail: any) => void) => void} */
    const on = (name, act) => client.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on("event", (event) => this.#take(event));
    on("status", (detail) => this.#mark(detail));
    on("phase", () => {
      this.#showPhase();
      this.#moveFocus();
    });
    on("connection", ({ ok }) => this.#presence.connection(ok));
    on("change", () => this.#save());
  }

  #listenToPeople() {
    this.#start.addEventListener("submit", (event) => this.#connect(event));
    this.#composer.addEventListener("submit", (event) => this.#send(event));
    this.#text.addEventListener("input", () => this.#typed());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#end.addEventListener("click", () => this.#confirm.showModal());
    this.#confirm.addEventListener("close", () => this.#confirmed());
    need("again", HTMLElement).addEventListener("click", () => this.#beginAnew());
    need("ask-call", HTMLElement).addEventListener("click", () => this.#showCall(true));
    need("call-back", HTMLElement).addEventListener("click", () => this.#showCall(false));
  }

  /** `unload` is never used: it would keep the page out of the back-forward cache. */
  #listenToBrowser() {
    addEventListener("pagehide", () => {
      this.#save();
      this.client.suspend();
    });
    addEventListener("pageshow", async (event) => {
      if (event.persisted && (await claim(this.#chatId))) this.#goOn();
    });
    addEventListener("offline", () => this.#presence.connection(false));
    addEventListener("online", () => this.#reconnect());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.client.wake();
    });
  }

  /** The held poll may hang on a network that is gone: ask anew instead of waiting for its end. */
  #reconnect() {
    this.#presence.connection(true);
    this.client.wake();
    this.client.suspend();
    this.#goOn();
  }

  #showChoices() {
    const choices = workTypes(this.facts).map(({ id, name, does }, index) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "workType", value: id, checked: index === 0 }),
        h("span", {}, h("strong", {}, name), h("span", { class: "muted" }, does)),
      ),
    );
    need("choices", HTMLElement).replaceChildren(...choices);
  }

  /** @param {SubmitEvent} event */
  async #connect(event) {
    event.preventDefault();
    const contactName = this.#name.value.trim();
    need("name-problem", HTMLElement).textContent = contactName ? "" : "Please give a name to be called by.";
    this.#name.setAttribute("aria-invalid", String(!contactName));
    if (!contactName) return this.#name.focus();
    need("start-problem", HTMLElement).textContent = "";
    this.#chatId = crypto.randomUUID();
    claim(this.#chatId);
    const workTypeId = String(new FormData(this.#start).get("workType") ?? "");
    await this.client.connect({ workTypeId, contactName }).catch((error) => this.#fail(error));
  }

  /** @param {unknown} error */
  #fail(error) {
    need("start-problem", HTMLElement).textContent = error instanceof Error ? error.message : String(error);
  }

  /** @param {SubmitEvent} event */
  #send(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (!text || [...text].length > TEXT_LIMIT) return;
    const isAddress = !/\s/.test(text) && webAddress(text) !== null;
    if (isAddress) this.client.pushUrl(text);
    else this.client.sendText(text);
    this.#text.value = "";
    this.#typed();
    this.#text.focus();
  }

  /** @param {KeyboardEvent} event Enter sends, except while an input method still composes a word */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#composer.requestSubmit();
  }

  #typed() {
    const { length } = [...this.#text.value.trim()];
    need("counter", HTMLElement).textContent = length < COUNT_FROM ? "" : `${length} of ${TEXT_LIMIT} characters`;
    this.#text.setAttribute("aria-invalid", String(length > TEXT_LIMIT));
    need("send", HTMLButtonElement).disabled = length > TEXT_LIMIT;
    if (length > 0) this.client.composing();
  }

  /** @param {import("./client.js").ChatEvent} event */
  #take(event) {
    const entry = this.transcript.take(event);
    if (entry) this.#thread.show(entry);
    this.#presence.take(event, entry?.from === "them");
    if (event.kind === "messaging.CallBackScheduled") this.call.confirmed(event.payload);
  }

  /** @param {{item: import("./outbox.js").Item, status: import("./outbox.js").Status, why: string}} detail */
  #mark({ item, status, why }) {
    const added = this.transcript.add(ownEntry(item));
    if (added) this.#thread.show(added);
    const entry = this.transcript.mark(item.id, status, why);
    if (entry) this.#thread.mark(entry);
    if (status === "failed" || status === "refused") need("alarm", HTMLElement).textContent = `Not sent: ${why}`;
    this.#save();
  }

  #confirmed() {
    const wish = this.#confirm.returnValue;
    this.#confirm.returnValue = "";
    if (wish !== "end") return;
    this.client.disconnect().catch((error) => say(`The chat could not be ended: ${error.message}`));
  }

  #beginAnew() {
    this.client.state.phase = "idle";
    this.client.state.sessionId = "";
    this.#chatId = "";
    this.transcript = new Transcript();
    this.#thread.restore([]);
    this.#save();
    this.#showPhase();
    this.#name.focus();
  }

  /** @param {boolean} shown */
  #showCall(shown) {
    this.#start.hidden = shown;
    if (shown) return this.call.open(this.#name.value.trim());
    this.call.close();
    this.client.release();
    need("ask-call", HTMLElement).focus();
  }

  #showPhase() {
    const { phase, reason, workTypeId } = this.client.state;
    const talking = phase === "open" || phase === "ended";
    this.#start.hidden = talking;
    this.#talk.hidden = !talking;
    this.#composer.hidden = phase === "ended";
    this.#end.hidden = phase !== "open";
    need("over", HTMLElement).hidden = phase !== "ended";
    need("start-go", HTMLButtonElement).disabled = phase === "connecting";
    const type = workTypes(this.facts).find(({ id }) => id === workTypeId)?.name ?? "Chat";
    const words = { idle: "Not connected", connecting: "Connecting…", open: "Connected", ended: ending(reason) };
    need("chat-title", HTMLElement).textContent = talking ? type : "Chat";
    need("chat-state", HTMLElement).textContent = words[phase];
    need("chat", HTMLElement).dataset["phase"] = phase;
    this.#presence.phase(phase);
  }

  /** Follows what was hidden under the focus, and never takes it from elsewhere on the page. */
  #moveFocus() {
    const { phase } = this.client.state;
    const chat = need("chat", HTMLElement);
    const isHere = chat.contains(document.activeElement);
    if (phase === "ended" && isHere) need("again", HTMLElement).focus();
    if (phase !== "open" || !(isHere || document.activeElement === document.body)) return; // a disabled button loses it
    this.#text.focus({ preventScroll: true });
    chat.scrollIntoView({ block: "nearest" }); // on a phone the page above the chat has done its work
  }

  #save() {
    save({ chatId: this.#chatId, client: this.client.snapshot(), entries: this.transcript.entries });
  }
}

async function open() {
  const response = await fetch("/demo.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`GET /demo.json answered ${response.status}`);
  const facts = /** @type {Facts} */ (await response.json());
  showFacts(facts);
  await new Page(facts, load()).restore();
}

open().catch((error) => {
  need("start-problem", HTMLElement).textContent = `The demo's facts could not be read: ${error.message}`;
});
