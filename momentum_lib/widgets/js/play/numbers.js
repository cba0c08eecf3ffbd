// Sliders whose names come from what is shown: the parameters of the surface, the other numbers of the rule.

import { QUANTITIES } from "../generated/look.js";
import { addSlider } from "../kit/controls.js";
import { memory } from "../kit/tune.js";
import { paramBounds } from "./link.js";
import { boundsOf } from "./scene.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {{name: string, label: string, symbol: string, value: number, range: Pair, bounds: Pair, set: (value: number) => void}} Entry */

const MOST = 5;
const written = (/** @type {string} */ name) => ({
  label: QUANTITIES[name]?.name ?? name,
  symbol: QUANTITIES[name]?.symbol ?? "",
});

/**
 * As many sliders as `entries` asks for, at most five; each tells the name that it has now.
 * @param {import("../kit/controls.js").Desk} desk
 * @param {() => Entry[]} entries
 */
function addPool(desk, entries) {
  for (let k = 0; k < MOST; k++) {
    const mine = () => entries()[k];
    const { node, bar, typed } = addSlider(desk, {
      label: "a number",
      symbol: "x",
      bounds: [-1e9, 1e9],
      range: () => mine()?.range ?? [0, 1],
      get: () => mine()?.value ?? 0,
      set: (value) => {
        const entry = mine();
        entry?.set(Math.min(Math.max(value, entry.bounds[0]), entry.bounds[1]));
      },
    });
    desk.store.draw(() => {
      const entry = mine();
      node.hidden = !entry;
      if (!entry || node.dataset.control === entry.name) return;
      node.dataset.control = entry.name;
      const label = /** @type {HTMLElement} */ (node.querySelector(".lf-label")),
        symbol = /** @type {HTMLElement} */ (label.querySelector(".lf-symbol"));
      symbol.textContent = entry.symbol;
      label.replaceChildren(`${entry.label} `, symbol);
      bar.setAttribute("aria-label", entry.label);
      typed.setAttribute("aria-label", `${entry.label}, type a value`);
    });
  }
}

/** A slider's ends about a value: from nothing to four times as much, or as far on both sides. @param {number} value @param {Pair} bounds @returns {Pair} */
const about = (value, [low, high]) => {
  const size = 10 ** Math.ceil(Math.log10(Math.max(Math.abs(value), 0.25)));
  return [Math.max(low, low < 0 ? -size : 0), Math.min(high, size)];
};

/** @param {import("../kit/controls.js").Desk} desk @param {() => Scene} scene @param {import("./store.js").PlayStore} store */
export function addSurfaceNumbers(desk, scene, store) {
  addPool(desk, () => {
    const { surface: ground } = store.state();
    if (ground.kind !== "library" && ground.kind !== "formula") return [];
    return Object.entries(scene().params)
      .filter(([, value]) => typeof value === "number")
      .map(([name, value]) => ({
        name,
        ...written(name),
        value,
        range:
          name === "kappa" ? [1, 100] : name === "angle" ? [-1.57, 1.57] : about(value, paramBounds(name)),
        bounds: paramBounds(name),
        set: (next) => store.set({ surface: { ...ground, params: { ...ground.params, [name]: next } } }),
      }));
  });
}

/** @param {import("../kit/controls.js").Desk} desk @param {() => Scene} scene @param {(lane: number, changes: import("../kit/types.js").Hyper) => void} turn */
export function addRuleNumbers(desk, scene, turn) {
  addPool(desk, () => {
    const { picked } = scene(),
      first = ["lr", picked.rule.momentum ?? memory(picked.rule)];
    return Object.entries(picked.hyper)
      .filter(([name]) => !first.includes(name) && name !== "eps")
      .map(([name, value]) => ({
        name,
        ...written(name),
        value,
        range: about(value, boundsOf(name)),
        bounds: boundsOf(name),
        set: (next) => turn(picked.index, { [name]: next }),
      }));
  });
}
