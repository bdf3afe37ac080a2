// @ts-check
/** The live wire: each request of this chat and its answer, newest first, as commands to copy. */

import { codeBlock, copyButton, curl, h, need } from "./dom.js";

/** @typedef {import("./wire.js").Exchange} Exchange */

/** Older exchanges leave the page: a chat that polls all day must not fill the memory. */
const SHOWN = 100;
const NARROW = "(max-width: 63.99rem)";

/** The life of a chat, in the order of its first requests. @type {[RegExp, string, string][]} */
const STAGES = [
  [/webToken$/, "Web token", "Proves the organization, lasts an hour, needs no login."],
  [/streaming\/session/, "Streaming session", "The stream of events to this one browser."],
  [/messaging\/connect$/, "Connect", "Asks a work type for a conversation."],
  [/streaming\/events/, "Long poll", "Held up to 15 seconds, answered at once when something happens."],
  [/messaging\/(sendText|pushUrl)$/, "Message", "202 means that it is on disk."],
];

export class Inspector {
  #dialog = need("wire", HTMLDialogElement);
  #opener = need("wire-open", HTMLButtonElement);
  #list = need("exchanges", HTMLElement);
  #stages = STAGES.map(([, name, what]) => h("li", {}, h("strong", {}, name), " ", h("span", {}, what)));
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();

  /** @param {import("./wire.js").Wire} wire */
  constructor(wire) {
    need("stages", HTMLElement).replaceChildren(...this.#stages);
    wire.addEventListener("exchange", (event) => this.#show(/** @type {CustomEvent<Exchange>} */ (event).detail));
    this.#opener.addEventListener("click", () => (this.#dialog.open ? this.#dialog.close() : this.#open()));
    need("wire-close", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#dialog.close(); // a dialog that is not modal does not close by itself
    });
  }

  /** Beside the chat where there is room, over it (and then modal) where there is none. */
  #open() {
    if (matchMedia(NARROW).matches) this.#dialog.showModal();
    else this.#dialog.show();
    this.#opener.setAttribute("aria-expanded", "true");
    need("wire-title", HTMLElement).focus();
  }

  #closed() {
    this.#opener.setAttribute("aria-expanded", "false");
    this.#opener.focus();
  }

  /** @param {Exchange} exchange */
  #show(exchange) {
    need("wire-empty", HTMLElement).hidden = true;
    this.#reach(exchange);
    const known = this.#rows.get(exchange.id);
    if (known) return fill(known, exchange);
    const row = h("li", { class: "exchange" });
    fill(row, exchange);
    this.#rows.set(exchange.id, row);
    this.#list.prepend(row);
    this.#forget();
  }

  /** @param {Exchange} exchange */
  #reach({ url, status }) {
    const path = new URL(url).pathname;
    STAGES.forEach(([pattern], index) => {
      if (status && status < 300 && pattern.test(path)) this.#stages[index]?.classList.add("reached");
    });
  }

  #forget() {
    for (const [id, row] of this.#rows) {
      if (this.#rows.size <= SHOWN) return;
      row.remove();
      this.#rows.delete(id);
    }
  }
}

/**
 * Written again when the answer comes; an opened row stays open.
 * @param {HTMLElement} row
 * @param {Exchange} exchange
 */
function fill(row, exchange) {
  const open = row.querySelector("details")?.open ?? false;
  const focused = row.querySelector("summary") === document.activeElement;
  const { pathname } = new URL(exchange.url);
  const path = pathname.replace(/^\/via\/v2\/organizations\/[^/]+\//, "");
  const summary = h(
    "summary",
    {},
    h("span", { class: `method ${exchange.method}` }, exchange.method),
    h("span", { class: "path" }, path),
    h("span", { class: `answer ${tone(exchange)}` }, outcome(exchange)),
  );
  row.replaceChildren(
    h("details", { open }, summary, ...details(exchange)),
    copyButton(`${path} as curl`, () => curl(exchange), "curl"),
  );
  if (focused) row.querySelector("summary")?.focus();
}

/** @param {Exchange} exchange */
function details({ method, url, headers, body, answer }) {
  const { pathname, search } = new URL(url);
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [
    codeBlock("Request", [`${method} ${pathname}${search}`, ...head].join("\n")),
    body !== null && codeBlock("Body", pretty(body)),
    answer && codeBlock("Answer", pretty(answer)),
  ].filter((block) => block instanceof HTMLElement);
}

/** @param {Exchange} exchange */
function outcome({ status, tookMs, answer }) {
  if (tookMs === null) return "waiting…";
  const time = tookMs < 1000 ? `${tookMs} ms` : `${(tookMs / 1000).toFixed(1)} s`;
  return `${status ?? answer} · ${time}`;
}

/** @param {Exchange} exchange */
function tone({ status, tookMs }) {
  if (tookMs === null) return "waiting";
  return status && status < 300 ? "good" : "bad";
}

/** @param {string} text JSON where it is JSON; a payload's inner JSON is left as it travels */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
