// How rules are named and told apart.

import { LOOK } from "../generated/look.js";
import { RULES } from "../generated/rules.js";
import { s } from "./dom.js";
import { marksData } from "./geometry.js";

/** @typedef {Pick<import("./types.js").Rule, "name"|"title"|"family"|"dash">} Named a rule, as far as looks go */

/** Names that fit into the board. @type {Record<string, string>} */
const SHORT = {
  nesterov: "Nesterov",
  polyak: "Heavy ball (two-point)",
  nesterov_torch: "Nesterov (PyTorch)",
};

/** @param {string|Named} rule of the library, or any */
const known = (rule) => (typeof rule === "string" ? RULES[rule] : rule);

/** @param {string|Named} rule */
export const nameOf = (rule) => SHORT[known(rule).name] ?? known(rule).title;

/** Rules that are called by common words; the others by a name, which is written large. */
const COMMON = new Set(["Averaged", "Generalised", "Gradient", "Heavy", "Momentum", "Two-memory"]);

/** A rule's name inside a sentence: heavy ball, Nesterov. @param {string|Named} rule */
export function inSentence(rule) {
  const name = nameOf(rule);
  return COMMON.has(name.split(" ")[0]) ? name[0].toLowerCase() + name.slice(1) : name;
}

/** Dash pattern and fill that tell members of one family apart; its best-known member wears the plain look. @param {string|Named} rule */
export function memberLook(rule) {
  const { family, dash, name } = known(rule),
    { lead, marker } = LOOK[family],
    plain = lead ?? Object.values(RULES).find((r) => r.family === family)?.name;
  return {
    family,
    dash,
    hollow: name !== plain,
    shape: marker === "dot" || marker === "none" ? /** @type {const} */ ("disc") : marker,
  };
}

/** The class of a rule's runner. @param {boolean} hollow */
export const runner = (hollow) => (hollow ? "lf-runner lf-hollow" : "lf-runner");

/** A short piece of the rule's line with its marker. @param {string|Named} rule */
export function swatch(rule) {
  const { family, dash, hollow, shape } = memberLook(rule),
    same = (/** @type {number} */ v) => v;
  const line = s("path", { class: "lf-line", "data-look": family, d: "M1,7H33" });
  line.style.strokeDasharray = dash;
  const box = /** @type {[number, number][]} */ ([
    [0, 34],
    [0, 14],
  ]);
  return s(
    "svg",
    { class: "lf-swatch", viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" },
    line,
    s("path", {
      class: `lf-dots ${runner(hollow)}`,
      "data-look": family,
      "data-shape": shape,
      d: marksData([17, 7], same, same, box, shape, 4.2),
    }),
  );
}
