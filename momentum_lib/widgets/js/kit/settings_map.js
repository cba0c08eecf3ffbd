// The map of settings: learning rate to the right, momentum upwards, one colour a cell, and a cross-hair that picks a setting.

import { clamp, h } from "./dom.js";
import { middles } from "./curve.js";
import { heatPixels } from "./geometry.js";

/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {{lr: number, beta: number}} Setting */

/** The setting in the middle of each of n x n cells: rates even in the logarithm, momenta even. @param {Pair} rates @param {number} top the largest momentum @param {number} n */
export const cells = (rates, top, n) => ({ xs: middles(rates, n, true), ys: middles([0, top], n) });

/**
 * Add a map to a figure; its pictures go into `parent`, the legend below them.
 * @param {Pick<import("./types.js").Figure, "pictures" | "plot">} fig
 * @param {object} o
 * @param {HTMLElement} [o.parent]
 * @param {string} o.label what the map shows
 * @param {() => Pair} o.rates the ends of the rate axis now
 * @param {number} o.top the largest momentum
 * @param {(width: number) => number} o.height
 * @param {boolean} [o.plain] cells at infinity in the page's colour
 * @param {(string)[]} [o.kinds] what else the legend explains, by the class of its sample: "lf-hatched diverges"
 * @param {() => boolean} [o.momentum] whether the rule has one; without, the cross-hair stays at the bottom
 * @param {(setting: Setting) => void} o.pick
 * @param {(lr: number, beta: number) => string} o.words the cross-hair's setting, for a screen reader
 */
export function addSettingsMap(
  fig,
  {
    parent = fig.pictures,
    label,
    rates,
    top,
    height,
    plain = false,
    kinds = [],
    momentum = () => true,
    pick,
    words,
  },
) {
  const box = h("div", { class: "lf-split" });
  parent.append(box);
  const plot = fig.plot({
    parent: box,
    label,
    x: { type: "log", domain: rates(), label: "learning rate η" },
    y: { domain: [0, top], label: "momentum β", count: 5 },
    height,
    margin: { top: 26, left: 42, right: 8 },
    share: { column: 0.93 }, // below it stands what its colours mean
  });
  const heat = plot.heat({ plain }),
    across = plot.line({ class: "lf-cross" }),
    down = plot.line({ class: "lf-cross" }),
    bestMark = plot.marks({ class: "lf-best", shape: "diamond", radius: 5, layer: "front" });
  const put = (/** @type {number} */ lr, /** @type {number} */ beta) => pick({ lr, beta });
  plot.onPick(put);
  const scale = addScale(box, kinds);

  return {
    plot,
    /** The cross-hair; call it last, so that it lies above the map's own lines. */
    cross: () => {
      const handle = plot.handle({
        label: "Learning rate and momentum",
        set: put,
        bounds: () => [rates(), momentum() ? [0, top] : [0, 0]],
        words,
      });
      return (/** @type {Setting} */ { lr, beta }, /** @type {string} */ family) => {
        const [low, high] = rates();
        across.update(momentum() ? [low, beta, high, beta] : []);
        down.update([lr, 0, lr, top]);
        handle.update(clamp(lr, low, high), momentum() ? beta : 0);
        handle.node.setAttribute("data-look", family);
      };
    },
    /** Where the best setting lies; nothing for null. @param {Setting|null} setting */
    best: (setting) => bestMark.update(setting ? [setting.lr, setting.beta] : []),
    /** The cells, row by row, and what the ends of the colours are called. @param {ArrayLike<number>} values @param {number} nx @param {number} ny @param {number} low @param {number} high */
    paint: (values, nx, ny, low, high) => heat.update(values, nx, ny, low, high),
    heat,
    scale,
  };
}

/** What the colours say: few steps light, many dark. @param {HTMLElement} box @param {string[]} kinds */
function addScale(box, kinds) {
  const fewest = h("span"),
    most = h("span"),
    bar = h("canvas", { class: "lf-scale", width: 64, height: 1, "aria-hidden": "true" });
  const ramp = Float64Array.from({ length: 64 }, (_, k) => k);
  bar.getContext("2d")?.putImageData(new ImageData(heatPixels(ramp, 64, 1, 0, 63, false), 64, 1), 0, 0);
  const samples = kinds.map((kind) => {
    const [name, ...rest] = kind.split(" ");
    return h("span", { class: "lf-legend-entry" }, h("span", { class: name }), rest.join(" "));
  });
  box.append(
    h("p", { class: "lf-legend" }, h("span", { class: "lf-legend-entry" }, fewest, bar, most), ...samples),
  );
  /** @param {string} low @param {string} high */
  return (low, high) => {
    fewest.textContent = low;
    most.textContent = high;
  };
}
