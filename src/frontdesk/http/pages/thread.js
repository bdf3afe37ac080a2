// @ts-check
/** The conversation on the screen: entries become elements, appended at the end only, so that a screen reader hears each once. */

import { h, need } from "./dom.js";

/** @typedef {import("./transcript.js").Entry} Entry */

/** Closer to the end than this many pixels counts as reading along. */
const AT_END_PX = 80;
const ADDRESS = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;
const MARKS = { sending: "Sending…", sent: "Sent", failed: "Not sent", refused: "Not sent" };

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });

export class Thread {
  #log = need("log", HTMLElement);
  #latest = need("latest", HTMLButtonElement);
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  /** @type {Entry | null} */
  #last = null;

  /** @param {() => void} retry */
  constructor(retry) {
    this.retry = retry;
    this.#latest.addEventListener("click", () => {
      this.#toEnd();
      this.#log.focus();
    });
    this.#log.addEventListener("scroll", () => {
      if (this.#isAtEnd()) this.#latest.hidden = true;
    });
  }

  /** @param {Entry[]} entries shown without being read out: they were heard before the reload */
  restore(entries) {
    this.#log.replaceChildren();
    this.#rows.clear();
    this.#last = null;
    this.#log.setAttribute("aria-live", "off");
    for (const entry of entries) this.show(entry);
    requestAnimationFrame(() => {
      this.#toEnd();
      this.#log.removeAttribute("aria-live");
    });
  }

  /** @param {Entry} entry */
  show(entry) {
    const stick = this.#isAtEnd() || entry.from === "me";
    const row = entry.type === "line" ? line(entry) : message(entry, this.#continues(entry));
    this.#rows.set(entry.id, row);
    this.#log.append(row);
    this.#last = entry;
    if (entry.status) this.mark(entry);
    if (stick) this.#toEnd();
    else this.#latest.hidden = false;
  }

  /** @param {Entry} entry */
  mark(entry) {
    const mark = this.#rows.get(entry.id)?.querySelector(".mark");
    if (!mark || !entry.status) return;
    mark.className = `mark ${entry.status}`;
    mark.replaceChildren(MARKS[entry.status]);
    if (entry.status === "refused" && entry.why) mark.append(`: ${entry.why}`);
    if (entry.status === "failed")
      mark.append(" ", h("button", { type: "button", class: "link", onclick: this.retry }, "Try again"));
  }

  /** @param {Entry} entry whether the name above it would only repeat the one before */
  #continues(entry) {
    return this.#last?.type !== "line" && this.#last?.from === entry.from && this.#last.name === entry.name;
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < AT_END_PX;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#latest.hidden = true;
  }
}

/** @param {Entry} entry */
function line(entry) {
  return h("p", { class: "line", dir: "auto" }, entry.text);
}

/**
 * @param {Entry} entry
 * @param {boolean} continues
 */
function message(entry, continues) {
  const at = new Date(entry.at);
  const time = Number.isNaN(at.getTime()) ? "" : clock.format(at);
  const who = h(
    "p",
    { class: continues ? "who unseen" : "who" },
    h("span", { dir: "auto" }, entry.name),
    " · ",
    h("time", { datetime: entry.at }, time),
  );
  const body =
    entry.type === "url" ? card(entry.text) : h("p", { class: "bubble", dir: "auto" }, ...linked(entry.text));
  const mark = entry.from === "me" && h("p", { class: "mark" });
  return h("div", { class: `message ${entry.from}${continues ? " more" : ""}` }, who, body, mark);
}

/**
 * @param {string} text
 * @returns {(Node | string)[]} the words, with web addresses as links
 */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(ADDRESS)) {
    parts.push(text.slice(end, found.index), outward(found[0], {}, found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

/** @param {string} address a page somebody wants to show: offered, never opened by itself */
function card(address) {
  const url = webAddress(address);
  if (!url) return h("p", { class: "bubble", dir: "auto" }, address);
  const path = decodeURI(url.pathname + url.search).replace(/^\/$/, "");
  return outward(
    url.href,
    { class: "card" },
    h("strong", {}, url.host),
    path && h("span", {}, path),
    h("span", { class: "hint" }, "Opens in a new tab"),
  );
}

/**
 * @param {string} text
 * @returns {URL | null} null for anything but http and https: a javascript: link would run in this page
 */
export function webAddress(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && /^https?:$/.test(url.protocol) ? url : null;
}

/**
 * @param {string} href
 * @param {Record<string, string>} props
 * @param {...(Node | string | null | false)} children
 */
function outward(href, props, ...children) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", ...props }, ...children);
}
