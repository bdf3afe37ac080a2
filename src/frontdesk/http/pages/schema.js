// @ts-check
/** JSON Schema (as OpenAPI 3.1 uses it) as examples and as something to read. */

import { h } from "./dom.js";

/** @typedef {Record<string, any>} Schema */

/** Schemas may contain themselves; nobody reads deeper than this. */
const DEPTH = 6;

/** What a string of each format looks like. */
const SAMPLES = new Map([
  ["date-time", "2026-01-31T18:00:00Z"],
  ["date", "2026-01-31"],
  ["uri", "https://example.org/page"],
  ["email", "ada@example.org"],
  ["uuid", "4f6c1e0a-7f0e-4b7e-9a39-2f1d8c5e6b70"],
]);

export class Schemas {
  /** @param {any} root the OpenAPI document */
  constructor(root) {
    this.root = root;
  }

  /**
   * @param {any} node
   * @returns {any} what a `$ref` (of a schema, parameter or answer) points to; the rest as it is
   */
  resolve(node) {
    let found = node ?? {};
    for (let hops = 0; typeof found.$ref === "string" && hops < DEPTH; hops += 1) {
      const keys = found.$ref.replace(/^#\//, "").split("/").map(unescaped);
      const { $ref: _, ...beside } = found;
      found = { ...keys.reduce((/** @type {any} */ at, /** @type {string} */ key) => at?.[key], this.root), ...beside };
    }
    return found;
  }

  /**
   * @param {Schema} schema
   * @param {number} [depth]
   * @returns {unknown} a value of that shape, from the document's own examples where there are any
   */
  example(schema, depth = 0) {
    const known = this.#flat(schema);
    for (const given of [
      known["example"],
      known["examples"]?.[0],
      known["const"],
      known["default"],
      known["enum"]?.[0],
    ]) {
      if (given != null) return given;
    }
    if (depth > DEPTH) return null;
    const choice = this.#choices(known)[0];
    if (choice) return this.example(choice, depth + 1);
    const type = typesOf(known)[0];
    if (type === "object") return this.#exampleObject(known, depth);
    if (type === "array") return [this.example(known["items"] ?? {}, depth + 1)];
    return scalar(type, known);
  }

  /**
   * @param {Schema} known
   * @param {number} depth
   */
  #exampleObject(known, depth) {
    const fields = Object.entries(known["properties"] ?? {});
    return Object.fromEntries(fields.map(([name, schema]) => [name, this.example(schema, depth + 1)]));
  }

  /**
   * @param {Schema} schema
   * @returns {string} its type in words, as "array of string" or "integer or null"
   */
  type(schema) {
    const known = this.#flat(schema);
    const choices = this.#choices(known, true);
    if (choices.length > 0) return [...new Set(choices.map((choice) => this.type(choice)))].join(" or ");
    return typesOf(known)
      .map((type) => (type === "array" ? `array of ${this.type(known["items"] ?? {})}` : type))
      .join(" or ");
  }

  /**
   * @param {Schema} schema
   * @param {number} [depth]
   * @returns {HTMLElement | null} its fields as a list, nested where they are objects; null for what has no fields
   */
  fields(schema, depth = 0) {
    const known = this.#inner(schema);
    const fields = Object.entries(known["properties"] ?? {});
    if (fields.length === 0 || depth > DEPTH) return null;
    const required = new Set(known["required"] ?? []);
    return h(
      "ul",
      { class: "fields" },
      ...fields.map(([name, field]) => this.field(name, field, required.has(name), depth + 1)),
    );
  }

  /**
   * @param {string} name
   * @param {Schema} schema
   * @param {boolean} required
   * @param {number} depth
   * @param {string} [place] where it travels, for parameters
   */
  field(name, schema, required, depth, place = "") {
    const known = this.#flat(schema);
    const description = known["description"];
    return h(
      "li",
      {},
      h(
        "p",
        { class: "field-head" },
        h("code", {}, name),
        " ",
        h("span", { class: "muted" }, [place, this.type(schema)].filter(Boolean).join(" · ")),
        required && " ",
        required && h("span", { class: "required" }, "required"),
      ),
      description && h("p", {}, ...inline(String(description))),
      limits(known) && h("p", { class: "muted" }, limits(known)),
      this.fields(schema, depth),
    );
  }

  /**
   * The object whose fields are worth listing: itself, an array's items, or the one choice that is not null.
   * @param {Schema} schema
   * @returns {Schema}
   */
  #inner(schema) {
    const known = this.#flat(schema);
    const choices = this.#choices(known);
    if (choices.length === 1) return this.#inner(/** @type {Schema} */ (choices[0]));
    return typesOf(known)[0] === "array" && known["items"] ? this.#inner(known["items"]) : known;
  }

  /**
   * @param {Schema} schema
   * @returns {Schema} with references followed and `allOf` merged
   */
  #flat(schema) {
    const known = this.resolve(schema);
    if (!known.allOf) return known;
    const { allOf, ...own } = known;
    const parts = [own, ...allOf.map((/** @type {Schema} */ part) => this.#flat(part))];
    return {
      ...Object.assign({}, ...parts.toReversed()),
      properties: Object.assign({}, ...parts.map((part) => part["properties"])),
      required: parts.flatMap((part) => part["required"] ?? []),
    };
  }

  /**
   * @param {Schema} known
   * @param {boolean} [withNull]
   * @returns {Schema[]}
   */
  #choices(known, withNull = false) {
    const all = known["oneOf"] ?? known["anyOf"] ?? [];
    return withNull ? all : all.filter((/** @type {Schema} */ choice) => this.resolve(choice).type !== "null");
  }
}

/** @param {string} key of a JSON pointer */
const unescaped = (key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");

/**
 * @param {Schema} known
 * @returns {string[]}
 */
function typesOf(known) {
  if (known["type"]) return [known["type"]].flat();
  return [known["properties"] ? "object" : known["items"] ? "array" : "any"];
}

/**
 * @param {string | undefined} type
 * @param {Schema} known
 */
function scalar(type, known) {
  if (type === "integer" || type === "number") return known["minimum"] ?? 0;
  if (type === "boolean") return true;
  return type === "string" ? (SAMPLES.get(known["format"]) ?? "string") : null;
}

/** What each keyword of a schema means to a reader. @type {[string, (value: any) => string][]} */
const LIMITS = [
  ["format", (value) => value],
  ["enum", (values) => `one of ${values.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ")}`],
  ["minimum", (value) => `at least ${value}`],
  ["exclusiveMinimum", (value) => `more than ${value}`],
  ["maximum", (value) => `at most ${value}`],
  ["minLength", (value) => `${value} or more characters`],
  ["maxLength", (value) => `at most ${value} characters`],
  ["maxItems", (value) => `at most ${value} items`],
  ["default", (value) => `default ${JSON.stringify(value)}`],
];

/** @param {Schema} known */
function limits(known) {
  return LIMITS.filter(([keyword]) => known[keyword] != null)
    .map(([keyword, words]) => words(known[keyword]))
    .join(", ");
}

/**
 * @param {string} text
 * @returns {Node[]} with `code` between backticks
 */
export function inline(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : document.createTextNode(part)));
}

/**
 * @param {string | undefined} text paragraphs apart by an empty line
 * @returns {HTMLElement[]}
 */
export function prose(text) {
  return (text ?? "")
    .split(/\n\s*\n/)
    .filter((part) => part.trim())
    .map((part) => h("p", {}, ...inline(part)));
}
