// The folded part of the race: further rules, pace, and each running rule's rate and momentum.

import { QUANTITIES } from "../generated/look.js";
import { LEFT_OUT, RULES } from "../generated/rules.js";
import { h } from "../kit/dom.js";
import { bestOf, memory } from "../kit/tune.js";
import { entry } from "./board.js";
import { nameOf, swatch } from "../kit/looks.js";
import { hasFloor } from "./runs.js";
import { BOUNDS, FIRST, settingOf } from "./setup.js";

/** @typedef {import("../race.js").RaceFigure} RaceFigure */

/** @param {RaceFigure} fig @param {() => void} rest shows whole paths */
export function addPanel(fig, rest) {
  fig.slider({ name: "steps", label: "steps", type: "log", fold: true });
  fig.slider({ name: "speed", label: "pace", unit: "steps a second", type: "log", fold: true });
  const fold = /** @type {HTMLElement} */ (fig.root.querySelector(".lf-more > .lf-controls"));
  fold.append(...furtherRules(fig));
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  fig.draw(() => {
    const running = fig.get("rules");
    for (const rule of running) {
      if (rows.has(rule)) continue;
      const row = settingRow(fig, rule, rest);
      rows.set(rule, row);
      fold.append(row);
    }
    for (const [rule, row] of rows) row.hidden = !running.includes(rule);
  });
}

/** A tick for each rule that the board does not always list, and why others are absent. @param {RaceFigure} fig */
function furtherRules(fig) {
  const more = h("div", { class: "lf-row lf-entries", role: "group", "aria-label": "further rules" });
  for (const rule of Object.keys(RULES)) if (!FIRST.includes(rule)) more.append(entry(fig, rule));
  const absent = Object.values(LEFT_OUT)
    .map(({ title, reason }) => `${title} is not among them: ${reason}.`)
    .join(" ");
  return [
    h("div", { class: "lf-row lf-label", text: "further rules" }),
    more,
    h("p", { class: "lf-row lf-absent", text: absent }),
  ];
}

/** @param {RaceFigure} fig @param {string} rule @param {() => void} rest @returns {HTMLElement} */
function settingRow(fig, rule, rest) {
  const { family } = RULES[rule],
    beta = memory(RULES[rule]);
  const row = h(
    "div",
    { class: "lf-row lf-setting", role: "group", "aria-label": nameOf(rule) },
    h("span", { class: "lf-setting-name", "data-look": family }, swatch(rule), nameOf(rule)),
  );
  const best = () => bestOf(fig.get("surface"), rule).lr;
  const rate = settingSlider(fig, rule, "lr", rest, {
    type: "log",
    range: () => [best() / 100, best() * 4],
    marks: () => (hasFloor(fig.get("surface")) ? [{ value: best(), label: "best", side: "end" }] : []),
  });
  row.append(rate.node);
  if (beta) row.append(settingSlider(fig, rule, beta, rest, { look: family, range: () => [0, 0.995] }).node);
  return row;
}

/**
 * A slider of one number of one rule.
 * @param {RaceFigure} fig
 * @param {string} rule
 * @param {string} name
 * @param {() => void} rest
 * @param {Partial<import("../kit/types.js").SliderOptions<any>>} o
 */
const settingSlider = (fig, rule, name, rest, o) =>
  fig.slider({
    label: QUANTITIES[name].name,
    symbol: QUANTITIES[name].symbol,
    bounds: BOUNDS[rule][name],
    get: () => settingOf(fig.snapshot(), rule)[name],
    set: (value) => {
      const settings = fig.get("settings");
      rest();
      fig.set({ settings: { ...settings, [rule]: { ...settings[rule], [name]: value } } });
    },
    fold: true,
    ...o,
  });
