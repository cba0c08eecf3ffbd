// How the rules of one family are told apart: one hue, a dash each. The same order and dashes as plot.rule_style.

import { LOOK } from "./generated/look.js";
import { RULES } from "./generated/rules.js";

/** The best-known member wears the family's plain look. @type {Record<string, string>} */
const LEAD = { momentum: "heavy_ball", averaged: "averaged_momentum", adaptive: "adam" };
const DASHES = [[5, 2], [1, 1.6], [7, 2, 1.4, 2], [3, 1.4]];

/** The SVG dash of a rule; "none" is a solid line. @param {string} name of the rule */
export function memberDash(name) {
  const family = RULES[name].family, look = LOOK[family], lead = LEAD[family];
  const members = Object.values(RULES).filter((rule) => rule.family === family).map((rule) => rule.name);
  const order = members.includes(lead) ? [lead, ...members.filter((member) => member !== lead)] : members, rank = order.indexOf(name) % 5;
  return rank === 0 ? look.dash || "none" : DASHES[rank - 1].map((part) => Number((part * look.width).toFixed(2))).join(" ");
}
