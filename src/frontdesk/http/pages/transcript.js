// @ts-check
/** What was said, as plain values: events become entries, entries survive a reload. No DOM. */

/** @typedef {import("./outbox.js").Status} Status */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {"text" | "url" | "line"} type
 * @property {"me" | "them" | "none"} from
 * @property {string} name who speaks; empty for lines
 * @property {string} text the words, the address, or the line
 * @property {string} at RFC 3339
 * @property {Status} [status] of own messages
 * @property {string} [why] why an own message was not sent
 */

/** sessionStorage is small (about 5 MB): an endless chat keeps its end. */
const KEPT = 300;

const ENDINGS = new Map([
  ["agent", "The agent ended the chat."],
  ["contact", "You ended the chat."],
  ["inactivity", "The chat ended because nothing was heard from this browser."],
  ["closed", "The chat is closed."],
  ["system", "The chat ended."],
]);

/** @param {string} reason */
export const ending = (reason) => ENDINGS.get(reason) ?? "The chat has ended.";

export class Transcript {
  /** @param {Entry[]} [entries] */
  constructor(entries = []) {
    this.entries = entries;
  }

  /**
   * @param {Entry} entry
   * @returns {Entry | null} null if it was there already: a resumed session may tell an old message again
   */
  add(entry) {
    if (this.entries.some((other) => other.id === entry.id)) return null;
    this.entries = [...this.entries, entry].slice(-KEPT);
    return entry;
  }

  /**
   * @param {string} id
   * @param {Status} status
   * @param {string} why
   */
  mark(id, status, why) {
    const entry = this.entries.find((other) => other.id === id);
    if (entry) Object.assign(entry, { status, why });
    return entry ?? null;
  }

  /** @param {import("./client.js").ChatEvent} event */
  take(event) {
    const entry = entryOf(event);
    return entry && this.add(entry);
  }
}

/**
 * @param {import("./outbox.js").Item} item
 * @returns {Entry}
 */
export function ownEntry(item) {
  const url = item.body["url"];
  return {
    id: item.id,
    type: url ? "url" : "text",
    from: "me",
    name: "You",
    text: String(url ?? item.body["text"]),
    at: new Date().toISOString(),
    status: "sending",
  };
}

/**
 * @param {import("./client.js").ChatEvent} event
 * @returns {Entry | null} null for events that leave no trace in the conversation
 */
function entryOf({ kind, at, payload }) {
  const said = { id: String(payload["messageId"] ?? `${kind} ${at}`), at: String(payload["sentTime"] ?? at) };
  const name = String(payload["entityName"] ?? "");
  const from = payload["entityType"] === "Contact" ? "me" : "them";
  if (kind === "messaging.Text") return { ...said, type: "text", from, name, text: String(payload["text"]) };
  if (kind === "messaging.PushUrl") return { ...said, type: "url", from, name, text: String(payload["url"]) };
  const line = lineOf(kind, name, payload);
  return line ? { id: `${kind} ${at}`, type: "line", from: "none", name: "", text: line, at } : null;
}

/**
 * @param {string} kind
 * @param {string} name
 * @param {Record<string, any>} payload
 */
function lineOf(kind, name, payload) {
  const isContact = payload["entityType"] === "Contact";
  if (kind === "messaging.Connected") return `You are here as ${payload["contactName"] ?? "a guest"}.`;
  if (kind === "messaging.ParticipantJoined") return isContact ? "" : `${name} joined.`;
  if (kind === "messaging.ParticipantLeft") return isContact ? "" : `${name} left.`;
  if (kind === "messaging.Transferred") return "You are being passed on to another team.";
  if (kind === "messaging.CallBackScheduled") return callBackLine(payload);
  if (kind === "messaging.DialAnswered") return dialLine(name, payload);
  if (kind === "messaging.Error") return `That did not work: ${payload["message"] ?? "unknown error"}`;
  if (kind === "messaging.Disconnected") return ending(String(payload["reason"] ?? ""));
  return "";
}

/**
 * @param {string} name
 * @param {Record<string, any>} payload
 */
function dialLine(name, payload) {
  const digits = payload["digits"] ?? "your number";
  return payload["answer"] === "accepted" ? `${name} calls you on ${digits}.` : `${name} can't call ${digits} now.`;
}

/** @param {Record<string, any>} payload */
export function callBackLine(payload) {
  const when = new Date(String(payload["callBackTime"]));
  const style = /** @type {const} */ ({ weekday: "long", hour: "2-digit", minute: "2-digit" });
  const time = Number.isNaN(when.getTime())
    ? "as agreed"
    : when.toLocaleString("en", { ...style, timeZoneName: "short" });
  return `A call to ${payload["digits"] ?? "your number"} is booked for ${time}.`;
}
