// The reader's own surface and rules, typed: a line for the formula, a few lines for a rule, and beside each what is wrong with it.

import { h } from "../kit/dom.js";

/** @typedef {import("./types.js").Scene} Scene */

/** Where a typed surface and a typed rule begin. */
export const OWN_SURFACE = "(1 - x)^2 + 4*(y - x^2)^2";
export const OWN_RULE = "v = beta*v + grad\ntheta = theta - lr*v";
/** How long a text may be, so that a link can hold it. */
const LONGEST = 400;

/** A field that tells what was typed, as it is typed. @param {import("../kit/dom.js").Life} life @param {HTMLInputElement|HTMLTextAreaElement} field @param {HTMLElement} wrong @param {(text: string) => void} set */
function tells(life, field, wrong, set) {
  life.on(field, "input", () => set(field.value.slice(0, LONGEST)));
  return (/** @type {string} */ text, /** @type {string} */ error) => {
    if (field.value !== text && document.activeElement !== field) field.value = text;
    if (wrong.textContent !== error) wrong.textContent = error;
    field.setAttribute("aria-invalid", String(error !== ""));
  };
}

/**
 * @param {Pick<import("./parts.js").Stage, "life"|"store">} stage
 * @param {HTMLElement} onStage where the formula stands
 * @param {HTMLElement} besideRules where the rule's text stands
 */
export function createTyped({ life, store }, onStage, besideRules) {
  const formula = h("input", {
      class: "pg-formula",
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      "aria-label": "Your formula of x and y",
      maxlength: LONGEST,
    }),
    formulaWrong = h("p", { class: "pg-wrong", role: "status" }),
    formulaBox = h(
      "div",
      { class: "pg-typed", hidden: true },
      h(
        "label",
        { class: "pg-typed-line" },
        h("span", { class: "pg-typed-name", "aria-hidden": "true", text: "f(x, y) =" }),
        formula,
      ),
      formulaWrong,
    ),
    rule = h("textarea", {
      class: "pg-field pg-rule-text",
      rows: 3,
      spellcheck: "false",
      autocapitalize: "off",
      "aria-label": "Your rule, one assignment a line",
      maxlength: LONGEST,
    }),
    ruleWrong = h("p", { class: "pg-wrong", role: "status" }),
    ruleBox = h("div", { class: "pg-typed-rule", hidden: true }, rule, ruleWrong);
  onStage.append(formulaBox);
  besideRules.append(ruleBox);
  const tellFormula = tells(life, formula, formulaWrong, (text) => {
    const { surface } = store.state();
    if (surface.kind === "formula") store.set({ surface: { ...surface, text } });
  });
  const tellRule = tells(life, rule, ruleWrong, (text) => {
    const { rules, picked } = store.state();
    store.set({ rules: rules.map((one, k) => (k === picked ? { text, hyper: one.hyper } : one)) });
  });
  return (/** @type {Scene} */ { state, wrong }) => {
    const { surface, rules, picked } = state,
      { text } = rules[picked] ?? {};
    formulaBox.hidden = surface.kind !== "formula";
    if (surface.kind === "formula") tellFormula(surface.text, wrong.surface);
    ruleBox.hidden = text === undefined;
    if (text !== undefined) tellRule(text, wrong.rule);
  };
}
