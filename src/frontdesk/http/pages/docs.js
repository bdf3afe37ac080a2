// @ts-check
/** /docs: the server's own OpenAPI document, for people. */

import { codeBlock, curl, h, need } from "./dom.js";
import { inline, prose, Schemas } from "./schema.js";

const WIDE = "(min-width: 64rem)";
const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @typedef {object} Operation
 * @property {string} anchor
 * @property {string} method
 * @property {string} path
 * @property {string} tag
 * @property {string} title
 * @property {string} haystack what the search looks through, in lower case
 * @property {any} spec
 */

/** @param {any} document */
function operationsOf(document) {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => operation(path, item, method)),
  );
}

/**
 * @param {string} path
 * @param {any} item
 * @param {string} method
 * @returns {Operation}
 */
function operation(path, item, method) {
  const spec = { ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] };
  const title = spec.summary ?? path.split("/").filter(Boolean).at(-1) ?? path;
  const anchor = slug(spec.operationId ?? `${method} ${path}`);
  const codes = Object.keys(spec.responses ?? {}).join(" ");
  const haystack = [method, path, title, spec.description, spec.operationId, codes].join(" ").toLowerCase();
  return { anchor, method: method.toUpperCase(), path, tag: spec.tags?.[0] ?? "Other", title, haystack, spec };
}

/** @param {string} text */
const slug = (text) => text.replace(/[^\w]+/g, "-").replace(/^-|-$/g, "");

/**
 * @param {Operation[]} operations
 * @param {any} document its `tags` give the order and the words
 * @returns {{name: string, description: string, operations: Operation[]}[]}
 */
function grouped(operations, document) {
  const described = new Map((document.tags ?? []).map((/** @type {any} */ tag) => [tag.name, tag.description ?? ""]));
  const names = [...new Set([...described.keys(), ...operations.map(({ tag }) => tag)])];
  return names
    .map((name) => ({
      name,
      description: described.get(name) ?? "",
      operations: operations.filter(({ tag }) => tag === name),
    }))
    .filter((group) => group.operations.length > 0);
}

class Article {
  /**
   * @param {any} document
   * @param {Schemas} schemas
   */
  constructor(document, schemas) {
    this.document = document;
    this.schemas = schemas;
  }

  /** @param {Operation} operation */
  render(operation) {
    const { anchor, method, path, title, spec } = operation;
    return h(
      "article",
      { id: anchor, class: "operation", "aria-labelledby": `${anchor}--title`, tabindex: "-1" },
      h(
        "h3",
        { id: `${anchor}--title` },
        title,
        " ",
        h("a", { href: `#${anchor}`, class: "anchor", "aria-label": `Link to ${title}` }, "#"),
      ),
      h(
        "p",
        { class: "route" },
        h("span", { class: `method ${method}` }, method),
        " ",
        h("code", {}, ...breakable(path)),
      ),
      h("div", { class: "prose" }, ...prose(spec.description)),
      this.#parameters(spec.parameters),
      this.#body(spec.requestBody),
      this.#answers(spec.responses ?? {}),
      h("h4", {}, "Try it"),
      codeBlock(`${title} with curl`, this.#command(operation)),
    );
  }

  /** @param {any[]} given */
  #parameters(given) {
    const parameters = given.map((parameter) => this.schemas.resolve(parameter));
    if (parameters.length === 0) return null;
    const rows = parameters.map(({ name, schema, description, required, in: place }) =>
      this.schemas.field(
        name,
        { ...this.schemas.resolve(schema), ...(description && { description }) },
        Boolean(required),
        1,
        place,
      ),
    );
    return h("section", {}, h("h4", {}, "Parameters"), h("ul", { class: "fields" }, ...rows));
  }

  /** @param {any} given */
  #body(given) {
    const body = this.schemas.resolve(given);
    const content = jsonOf(body);
    if (!content) return null;
    const heading = h(
      "h4",
      {},
      "Request body ",
      h("span", { class: "muted" }, body.required ? "required" : "optional"),
    );
    return h(
      "section",
      {},
      heading,
      this.schemas.fields(content.schema ?? {}),
      codeBlock("Example body", this.#example(content)),
    );
  }

  /** @param {Record<string, any>} responses */
  #answers(responses) {
    const rows = Object.entries(responses).map(([status, given]) => this.#answer(status, this.schemas.resolve(given)));
    return h("section", {}, h("h4", {}, "Answers"), h("div", { class: "answers" }, ...rows));
  }

  /**
   * @param {string} status
   * @param {any} response
   */
  #answer(status, response) {
    const content = jsonOf(response);
    const head = [
      h("code", { class: `status s${status[0]}` }, status),
      h("span", {}, ...inline(response.description ?? "")),
    ];
    if (!content) return h("p", { class: "answer" }, ...head);
    const headers = Object.keys(response.headers ?? {}).join(", ");
    return h(
      "details",
      { class: "answer" },
      h("summary", {}, ...head),
      headers && h("p", { class: "muted" }, `Headers: ${headers}`),
      this.schemas.fields(content.schema ?? {}),
      codeBlock(`Answer ${status}`, this.#example(content)),
    );
  }

  /** @param {any} content */
  #example(content) {
    const named = this.schemas.resolve(Object.values(content.examples ?? {})[0]);
    return JSON.stringify(content.example ?? named.value ?? this.schemas.example(content.schema ?? {}), null, 2);
  }

  /** @param {Operation} operation */
  #command({ method, path, spec }) {
    const parameters = spec.parameters.map((/** @type {any} */ parameter) => this.schemas.resolve(parameter));
    const sample = (/** @type {any} */ parameter) =>
      String(parameter.example ?? this.schemas.example(parameter.schema ?? {}));
    const placed = (/** @type {string} */ place) =>
      parameters.filter((/** @type {any} */ parameter) => parameter.in === place);
    const filled = path.replace(/\{(\w+)\}/g, (whole, name) => {
      const parameter = placed("path").find((/** @type {any} */ each) => each.name === name);
      return parameter?.example ?? parameter?.schema?.example ?? whole;
    });
    const query = placed("query")
      .filter((/** @type {any} */ each) => each.required)
      .map((/** @type {any} */ each) => `${each.name}=${sample(each)}`);
    const headers = placed("header")
      .filter((/** @type {any} */ each) => each.required)
      .map((/** @type {any} */ each) => [each.name, sample(each)]);
    const content = jsonOf(this.schemas.resolve(spec.requestBody));
    return curl({
      method,
      url: location.origin + filled + (query.length ? `?${query.join("&")}` : ""),
      headers: {
        ...Object.fromEntries(headers),
        ...this.#security(spec),
        ...(content && { "Content-Type": "application/json" }),
      },
      body: content ? JSON.stringify(JSON.parse(this.#example(content))) : null,
    });
  }

  /**
   * @param {any} spec
   * @returns {Record<string, string>} the headers of the first way in that the document names
   */
  #security(spec) {
    const schemes = this.document.components?.securitySchemes ?? {};
    const [first] = spec.security ?? this.document.security ?? [];
    const headers = Object.keys(first ?? {})
      .map((name) => this.schemas.resolve(schemes[name]))
      .map((scheme) =>
        scheme.type === "apiKey" && scheme.in === "header" ? [scheme.name, "KEY"] : ["Authorization", "Bearer TOKEN"],
      );
    return Object.fromEntries(headers);
  }
}

/** @param {any} holder of `content` */
const jsonOf = (holder) => holder?.content?.["application/json"];

/**
 * @param {string} path
 * @returns {Node[]} which may break after a slash, and nowhere else
 */
function breakable(path) {
  return path.split(/(?<=\/)/).flatMap((part) => [document.createTextNode(part), document.createElement("wbr")]);
}

/**
 * Hides what the words do not match, here and in the list beside.
 * @param {Operation[]} operations
 */
function search(operations) {
  const words = need("find", HTMLInputElement).value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = operations.filter(({ haystack }) => words.every((word) => haystack.includes(word)));
  const shown = new Set(found.map(({ anchor }) => anchor));
  for (const part of document.querySelectorAll(".operation")) part.toggleAttribute("hidden", !shown.has(part.id));
  for (const link of document.querySelectorAll("#contents li"))
    link.toggleAttribute("hidden", !shown.has(link.getAttribute("data-for") ?? ""));
  for (const group of document.querySelectorAll(".group"))
    group.toggleAttribute("hidden", !group.querySelector("[data-for]:not([hidden]), .operation:not([hidden])"));
  need("found", HTMLElement).textContent =
    words.length === 0 ? "" : `${found.length} of ${operations.length} operations`;
}

/** @param {any} document_ */
function show(document_) {
  const operations = operationsOf(document_);
  const groups = grouped(operations, document_);
  const article = new Article(document_, new Schemas(document_));
  need("title", HTMLElement).textContent = document_.info?.title ?? "API";
  need("version", HTMLElement).textContent =
    `Version ${document_.info?.version ?? "?"} · ${operations.length} operations`;
  need("about", HTMLElement).replaceChildren(...prose(document_.info?.description));
  need("contents", HTMLElement).replaceChildren(...groups.map(contents));
  need("operations", HTMLElement).replaceChildren(
    ...groups.map(({ name, description, operations: own }) =>
      h(
        "section",
        { class: "group", "aria-label": name },
        h("h2", { id: `tag-${slug(name)}` }, name),
        ...prose(description),
        ...own.map((each) => article.render(each)),
      ),
    ),
  );
  need("find", HTMLInputElement).addEventListener("input", () => search(operations));
  need("list", HTMLDetailsElement).open = matchMedia(WIDE).matches; // on a phone it would push the content off the screen
}

/** @param {{name: string, operations: Operation[]}} group */
function contents({ name, operations }) {
  const links = operations.map(({ anchor, method, title }) =>
    h(
      "li",
      { "data-for": anchor },
      h("a", { href: `#${anchor}` }, h("span", { class: `method ${method}` }, method), h("span", {}, title)),
    ),
  );
  return h("div", { class: "group" }, h("h2", {}, name), h("ul", {}, ...links));
}

/** The browser looked for the anchor before there was anything to find; a filter may have hidden it since. */
function goToAnchor() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) clearSearch();
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

function clearSearch() {
  const find = need("find", HTMLInputElement);
  find.value = "";
  find.dispatchEvent(new Event("input"));
}

async function open() {
  const response = await fetch("/openapi.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`GET /openapi.json answered ${response.status}`);
  show(await response.json());
  goToAnchor();
  addEventListener("hashchange", goToAnchor);
}

open().catch((error) => {
  need("problem", HTMLElement).textContent = `The API document could not be read: ${error.message}`;
});
