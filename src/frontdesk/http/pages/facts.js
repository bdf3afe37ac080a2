// @ts-check
/** The demo's facts, from /demo.json: what to call, with which key, and what answers. A fact that is absent is not shown. */

import { codeBlock, copyButton, h, need } from "./dom.js";

/**
 * @typedef {object} Facts
 * @property {string} orgId
 * @property {string} apiKey
 * @property {Record<string, string>} [workTypes] role → id
 * @property {{userId?: string, login: string, password?: string, role: string}[]} [users]
 */

/** @typedef {{name: string, does: string}} Role */

/** @type {Map<string, Role>} */
const ROLES = new Map([
  ["script", { name: "Concierge", does: "A self-service script. Answers at once, shows links, offers a call." }],
  ["agents", { name: "Agents", does: "A queue for people. You see your place in it." }],
  ["callback", { name: "Callback team", does: "Takes chats, and calls you back at a time you choose." }],
]);

/** @param {string} role */
const known = (role) => ROLES.get(role) ?? { name: role, does: "Another work type of this server." };

/**
 * @param {Facts} facts
 * @returns {(Role & {role: string, id: string})[]} the script first: it always answers
 */
export function workTypes(facts) {
  const order = [...ROLES.keys(), ...Object.keys(facts.workTypes ?? {})];
  const ids = new Map(Object.entries(facts.workTypes ?? {}));
  return [...new Set(order)]
    .filter((role) => ids.has(role))
    .map((role) => ({ role, id: ids.get(role) ?? "", ...known(role) }));
}

/** @param {Facts} facts */
export function showFacts(facts) {
  need("keys", HTMLElement).replaceChildren(
    ...fact("Address", location.origin),
    ...fact("Organization", facts.orgId),
    ...fact("API key", facts.apiKey),
  );
  need("work-types", HTMLElement).replaceChildren(...workTypes(facts).map(workType));
  need("steps", HTMLElement).replaceChildren(
    ...steps(facts).map(([title, text]) => h("li", {}, h("h4", {}, title), codeBlock(title, text))),
  );
  if (facts.users?.length) showUsers(facts.users);
}

/**
 * @param {string} name
 * @param {string | undefined} value
 */
function fact(name, value) {
  if (!value) return [];
  return [
    h(
      "div",
      {},
      h("dt", {}, name),
      h(
        "dd",
        {},
        h("code", {}, value),
        copyButton(name, () => value),
      ),
    ),
  ];
}

/** @param {Role & {id: string}} type */
function workType({ id, name, does }) {
  return h(
    "li",
    {},
    h("code", { class: "id" }, id),
    h("div", {}, h("strong", {}, name), h("p", { class: "muted" }, does)),
  );
}

/** @param {NonNullable<Facts["users"]>} users */
function showUsers(users) {
  const head = h("tr", {}, ...["Role", "Login", "Password"].map((title) => h("th", { scope: "col" }, title)));
  const rows = users.map(({ role, login, password }) =>
    h(
      "tr",
      {},
      h("td", {}, role),
      h("td", {}, h("code", {}, login)),
      h("td", {}, password && h("code", {}, password), password && copyButton(`password of ${login}`, () => password)),
    ),
  );
  need("users", HTMLTableElement).replaceChildren(h("thead", {}, head), h("tbody", {}, ...rows));
  need("users-part", HTMLElement).hidden = false;
}

/**
 * @param {Facts} facts
 * @returns {[string, string][]} title and command; the shell variables carry one answer into the next command
 */
function steps(facts) {
  const auth = '-H "x-api-key: $KEY" -H "Authorization: Bearer $TOKEN"';
  const all = `${auth} \\\n  -H "via-client-sessionid: $SESSION"`;
  const pick = (/** @type {string} */ field) => `python3 -c 'import json,sys; print(json.load(sys.stdin)["${field}"])'`;
  const post = (/** @type {string} */ path, /** @type {object} */ body) =>
    `curl -s "$API/${path}" \\\n  ${all} \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
  const [first] = workTypes(facts);
  return [
    [
      "Get a web token",
      `API=${location.origin}/via/v2/organizations/${facts.orgId}\nKEY=${facts.apiKey}\n` +
        `TOKEN=$(curl -s -X POST "$API/webToken" -H "x-api-key: $KEY" \\\n  | ${pick("tokenId")})`,
    ],
    [
      "Open a streaming session",
      `SESSION=$(curl -s -X POST "$API/streaming/session/webClient" \\\n  ${auth} \\\n  | ${pick("sessionId")})`,
    ],
    ["Connect to a work type", post("messaging/connect", { workTypeId: first?.id ?? "100", contactName: "Ada" })],
    ["Say something", post("messaging/sendText", { text: "Hello" })],
    ["Poll for the answers", `curl -s "$API/streaming/events/webClient?maxEvents=10" \\\n  ${all}`],
  ];
}
