// @ts-check
/** The form that asks for a phone call. */

import { need } from "./dom.js";
import { callBackLine } from "./transcript.js";

const MINUTE_MS = 60_000;

export class CallBackForm {
  #form = need("call", HTMLFormElement);
  #name = need("call-name", HTMLInputElement);
  #digits = need("digits", HTMLInputElement);
  #minutes = need("minutes", HTMLInputElement);
  #time = need("time", HTMLInputElement);
  #problem = need("call-problem", HTMLElement);
  #done = need("call-done", HTMLElement);
  #go = need("call-go", HTMLButtonElement);

  /**
   * @param {string} workTypeId
   * @param {(wish: Record<string, unknown>) => Promise<void>} book
   */
  constructor(workTypeId, book) {
    this.workTypeId = workTypeId;
    this.book = book;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("change", () => this.#showWhen());
  }

  /** @param {string} name asked for once, not twice */
  open(name) {
    this.#form.hidden = false;
    this.#done.textContent = "";
    this.#problem.textContent = "";
    if (name) this.#name.value = name;
    this.#time.min = local(Date.now() + MINUTE_MS);
    if (!this.#time.value) this.#time.value = local(Date.now() + 60 * MINUTE_MS);
    this.#showWhen();
    need("call-title", HTMLElement).focus();
  }

  close() {
    this.#form.hidden = true;
  }

  /** @param {Record<string, any>} payload of messaging.CallBackScheduled */
  confirmed(payload) {
    this.#done.textContent = callBackLine(payload);
  }

  async #submit() {
    const problem = this.#check();
    this.#problem.textContent = problem ?? "";
    if (problem !== null) return;
    this.#go.disabled = true;
    this.#done.textContent = "";
    try {
      await this.book(this.#wish());
      if (!this.#done.textContent) this.#done.textContent = "Asked for. The confirmation is on its way.";
    } catch (error) {
      this.#problem.textContent = error instanceof Error ? error.message : String(error);
    }
    this.#go.disabled = false;
  }

  /** @returns {string | null} what to put right, having moved there */
  #check() {
    const wrong = [
      [this.#name, this.#name.value.trim() !== "", "Please say who we should ask for."],
      [this.#digits, /\d{3}/.test(this.#digits.value.replace(/[^\d]/g, "")), "Please give a number that we can dial."],
      [this.#minutes, this.#isTimed() || /^\d+$/.test(this.#minutes.value), "Please give whole minutes, 0 or more."],
      [
        this.#time,
        !this.#isTimed() || new Date(this.#time.value).getTime() > Date.now(),
        "Please choose a time that is still to come.",
      ],
    ].find(([, right]) => !right);
    if (!wrong) return null;
    const [field, , words] = /** @type {[HTMLInputElement, boolean, string]} */ (wrong);
    field.focus();
    return words;
  }

  #wish() {
    const when = this.#isTimed()
      ? { callBackTime: new Date(this.#time.value).toISOString() }
      : { delayStartDuration: Number(this.#minutes.value) };
    return {
      workTypeId: this.workTypeId,
      contactName: this.#name.value.trim(),
      digits: this.#digits.value.trim(),
      ...when,
    };
  }

  #isTimed() {
    return new FormData(this.#form).get("when") === "time";
  }

  #showWhen() {
    need("minutes-field", HTMLElement).hidden = this.#isTimed();
    need("time-field", HTMLElement).hidden = !this.#isTimed();
  }
}

/** @param {number} at @returns {string} as datetime-local wants it: local wall time, to the minute */
function local(at) {
  const offset = new Date(at).getTimezoneOffset() * MINUTE_MS;
  return new Date(at - offset).toISOString().slice(0, 16);
}
