// How the rules of one family are told apart: one hue, a dash each. The same order and dashes as plot.rule_style.

import { LOOK } from "../generated/look.js";
import { RULES } from "../generated/rules.js";

/** The SVG dash of a rule; "none" is a solid line. @param {string} name of the rule */
export function memberDash(name) {
  const family = RULES[name].family,
    look = LOOK[family],
    lead = look.lead;
  const members = Object.values(RULES)
    .filter((rule) => rule.family === family)
    .map((rule) => rule.name);
  const order =
      lead && members.includes(lead) ? [lead, ...members.filter((member) => member !== lead)] : members,
    rank = order.indexOf(name) % 5;
  if (rank === 0) return look.dash || "none";
  return (
    look.members[rank - 1]
      .split(" ")
      .filter(Boolean)
      .map((part) => Number((Number(part) * look.width).toFixed(2)))
      .join(" ") || "none"
  );
}
