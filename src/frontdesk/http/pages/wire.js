// @ts-check
/**
 * One request of the public chat API: headers, web token, errors, and a trace of every exchange. No DOM.
 *
 *   Error ── Refusal       the server answered with a status that is not 2xx
 *         └─ Unreachable   no answer: network down, connection cut, or too slow
 */

/** The poll's word for "make a new session"; every other 401 is about the token. */
const DEAD_SESSION = "Invalid or expired session";
/** A POST is answered after one disk write; 20 s means that the answer is not coming. */
const POST_TIMEOUT_MS = 20_000;
/** Renew after this share of the token's life, long before a held poll could outlive it. */
const RENEW_AT = 0.8;
/** Bounds on a believed lifetime: a wrong clock on this computer must neither loop nor keep a dead token. */
const TOKEN_LIFE_MS = { least: 60_000, most: 3_600_000 };

/**
 * @typedef {object} Exchange  one request and its answer, as the wire inspector shows it
 * @property {number} id
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {string | null} body
 * @property {number} startedAt milliseconds since the epoch
 * @property {number | null} tookMs null while the answer is awaited
 * @property {number | null} status null while awaited, and when no answer came
 * @property {string} answer the answer's body, or why there is none
 */

/**
 * @typedef {object} CallOptions
 * @property {unknown} [body] sent as JSON
 * @property {string} [session] the streaming session's id
 * @property {string} [key] Idempotency-Key; made by the caller before the first try
 * @property {AbortSignal} [signal]
 * @property {number} [timeoutMs]
 */

export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {any} body the ErrorResponse, if it could be read
   * @param {number | null} retryAfterMs
   */
  constructor(status, body, retryAfterMs) {
    const first = Array.isArray(body?.errors) ? body.errors[0] : undefined;
    super(String(first?.message || body?.message || `The server answered ${status}.`));
    this.status = status;
    this.reason = String(first?.reason ?? "");
    this.retryAfterMs = retryAfterMs;
    this.deadSession = status === 401 && body?.message === DEAD_SESSION;
  }
}

export class Unreachable extends Error {}

export class Wire extends EventTarget {
  #exchanges = 0;
  /** @type {{id: string, renewAt: number} | null} */
  #token = null;
  /** @type {Promise<string> | null} */
  #renewal = null;

  /** @param {{orgId: string, apiKey: string}} facts */
  constructor({ orgId, apiKey }) {
    super();
    this.apiKey = apiKey;
    this.base = `${location.origin}/via/v2/organizations/${encodeURIComponent(orgId)}/`;
  }

  /**
   * Makes one call, with a fresh web token if the server no longer takes the one at hand.
   * @param {string} method
   * @param {string} path under the organization
   * @param {CallOptions} [options]
   * @returns {Promise<any>} the answer's JSON, or null where it is empty
   * @throws {Refusal | Unreachable}
   */
  async call(method, path, options = {}) {
    const token = await this.#freshToken();
    try {
      return await this.#once(method, path, token, options);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401 || error.deadSession) throw error;
      if (this.#token?.id === token) this.#token = null;
      return this.#once(method, path, await this.#freshToken(), options);
    }
  }

  /** One renewal serves all who wait: the limit on tokens is counted per address. */
  #freshToken() {
    if (this.#token && Date.now() < this.#token.renewAt) return this.#token.id;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renew() {
    const answer = await this.#once("POST", "webToken", null, { key: crypto.randomUUID() });
    const stated = Date.parse(answer.expirationTime) - Date.now();
    const life = Math.min(Math.max(stated || 0, TOKEN_LIFE_MS.least), TOKEN_LIFE_MS.most);
    this.#token = { id: answer.tokenId, renewAt: Date.now() + life * RENEW_AT };
    return this.#token.id;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string | null} token
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  async #once(method, path, token, options) {
    const exchange = this.#open(method, path, token, options);
    try {
      const response = await fetch(exchange.url, {
        method,
        headers: exchange.headers,
        body: exchange.body,
        cache: "no-store", // browsers queue equal cached GETs behind one another: a second tab would never be served
        credentials: "omit",
        signal: deadline(options),
      });
      return settle(response, exchange, await response.text());
    } catch (error) {
      if (error instanceof Refusal) throw error;
      exchange.answer = options.signal?.aborted ? "Given up by this page." : "No answer came.";
      throw new Unreachable(exchange.answer, { cause: error });
    } finally {
      exchange.tookMs = Date.now() - exchange.startedAt;
      this.#tell(exchange);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string | null} token
   * @param {CallOptions} options
   * @returns {Exchange}
   */
  #open(method, path, token, options) {
    this.#exchanges += 1;
    /** @type {Exchange} */
    const exchange = {
      id: this.#exchanges,
      method,
      url: this.base + path,
      headers: this.#headers(token, options),
      body: options.body === undefined ? null : JSON.stringify(options.body),
      startedAt: Date.now(),
      tookMs: null,
      status: null,
      answer: "",
    };
    this.#tell(exchange);
    return exchange;
  }

  /**
   * @param {string | null} token
   * @param {CallOptions} options
   */
  #headers(token, { body, session, key }) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", "x-api-key": this.apiKey };
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (session) headers["via-client-sessionid"] = session;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    return headers;
  }

  /** @param {Exchange} exchange */
  #tell(exchange) {
    this.dispatchEvent(new CustomEvent("exchange", { detail: exchange }));
  }
}

/** @param {CallOptions} options */
function deadline({ signal, timeoutMs = POST_TIMEOUT_MS }) {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/**
 * @param {Response} response
 * @param {Exchange} exchange
 * @param {string} text
 */
function settle(response, exchange, text) {
  exchange.status = response.status;
  exchange.answer = text;
  const body = parsed(text);
  if (response.ok) return body;
  throw new Refusal(response.status, body, retryAfter(response.headers.get("Retry-After")));
}

/**
 * A proxy in front may answer in HTML; that is still an answer with a status.
 * @param {string} text
 */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/**
 * @param {string | null} value seconds or an HTTP date
 * @returns {number | null} milliseconds
 */
function retryAfter(value) {
  if (!value) return null;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
