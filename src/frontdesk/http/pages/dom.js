// @ts-check
/** A few helpers for building pages without a framework. Everything becomes text nodes: nothing a stranger sends is ever markup. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [props] attributes; `on…` functions become listeners; false and null are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function need(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} #${id}`);
  return element;
}

/**
 * @param {string} what names the thing for people who cannot see where the button stands
 * @param {() => string} text
 * @param {string} [label]
 */
export function copyButton(what, text, label = "Copy") {
  const button = h("button", { type: "button", class: "copy", "aria-label": `${label} ${what}` }, label);
  button.addEventListener("click", async () => {
    button.textContent = await navigator.clipboard.writeText(text()).then(
      () => "Copied",
      () => "Copy failed",
    );
    say(`${button.textContent}: ${what}`);
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
  return button;
}

/** @param {string} words read out once, shown nowhere */
export function say(words) {
  need("say", HTMLElement).textContent = words;
}

/**
 * @param {string} what
 * @param {string} text
 */
export function codeBlock(what, text) {
  return h(
    "div",
    { class: "code" },
    h("pre", { "data-what": what }, h("code", {}, text)),
    copyButton(what, () => text),
  );
}

/** @param {string} word quoted for a POSIX shell */
const quoted = (word) =>
  /^[\w./:=?&@%+-]+$/.test(word) && !/[?&]/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/**
 * @param {{method: string, url: string, headers?: Record<string, string>, body?: string | null}} request
 * @returns {string} a command that makes the same request
 */
export function curl({ method, url, headers = {}, body = null }) {
  const lines = [`curl -s${method === "GET" ? "" : ` -X ${method}`} ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`  -H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push(`  -d ${quoted(body)}`);
  return lines.join(" \\\n");
}
