// Which learning rates a slider and a map of settings offer. Pure.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { bestOf } from "../kit/tune.js";
import { usualSetting } from "./net.js";

/**
 * The learning rates about the rule's own best one, wide enough to fly off and to creep; ends are powers of ten.
 * @param {import("./types.js").Scene} scene
 * @returns {[number, number]}
 */
export function rateRange({ surface, picked, lanes, state, net }) {
  const of = (/** @type {import("../kit/types.js").Rule} */ rule) =>
    net
      ? usualSetting(net.name, rule).lr
      : SURFACES[surface.name] && RULES[rule.name]
        ? bestOf(surface.name, rule.name).lr
        : 0.1;
  const middle = of(
    state.fair === "same"
      ? (lanes.find(({ rule }) => rule.name === "gradient_descent") ?? picked).rule
      : picked.rule,
  );
  const to = (/** @type {number} */ v) => 10 ** Math.round(Math.log10(v));
  // What no table knows may want more than was guessed.
  return [to(middle / 100), to(middle * (!net && SURFACES[surface.name] ? 10 : 50))];
}
