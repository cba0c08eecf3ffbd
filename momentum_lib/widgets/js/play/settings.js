// Steps to converge over learning rate and momentum, for the picked rule: coarse while something moves, fine when it rests.

import { clamp, h, many, roundTo, show } from "../kit/dom.js";
import { stepsMap } from "../kit/engine.js";
import { addSettingsMap, cells } from "../kit/settings_map.js";
import { createPlot } from "../kit/plot.js";
import { memory } from "../kit/tune.js";
import { inParts } from "./parts.js";
import { rateRange } from "./rates.js";
import { GOAL } from "./scene.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("./types.js").Scene} Scene */

const TOP = 0.99,
  BUDGET = 400,
  COARSE = 32,
  FINE = 128;

/** @param {import("./parts.js").Stage & {scene: () => Scene}} stage @returns {import("./parts.js").PlayView} */
export function createSettings({ life, store, parent, room, turn, held, scene }) {
  const empty = h("p", { class: "pg-empty", hidden: true }),
    box = h("div", { class: "pg-settings" });
  parent.append(box, empty);
  let rates = /** @type {Pair} */ ([0.001, 1]);
  const map = addSettingsMap(
    /** @type {any} */ ({
      pictures: box,
      plot: (/** @type {any} */ o) =>
        createPlot({
          ...o,
          life,
          changed: store.redraw,
          height: () => Math.max(200, Math.floor(room().height) - 64),
        }),
    }),
    {
      label: "Steps to a millionth of the distance, for every learning rate and momentum",
      rates: () => rates,
      top: TOP,
      height: () => 300,
      kinds: ["lf-hatched flies off", "pg-diamond quickest"],
      momentum: () => memory(scene().picked.rule) !== undefined,
      pick: ({ lr, beta }) => {
        const { picked } = scene(),
          name = memory(picked.rule);
        turn(picked.index, { lr: roundTo(lr), ...(name ? { [name]: roundTo(beta) } : {}) });
      },
      words: (lr, beta) => `learning rate ${show(lr)}, momentum ${show(beta)}`,
    },
  );
  const cross = map.cross();
  /** What is painted, and how far a finer map has come. */
  const kept = { key: "", fine: "", going: "", values: new Float32Array(0), n: 0, stop: () => {} };

  /** @param {Scene} now @param {number} n @param {[number, number]} [rows] */
  function compute({ picked, surface, params, state }, n, rows) {
    const name = memory(picked.rule),
      { xs, ys } = cells(rates, TOP, n);
    return stepsMap(picked.rule, surface, {
      start: state.starts[0],
      steps: BUDGET,
      tol: GOAL,
      params,
      hyper: picked.hyper,
      xName: "lr",
      xs,
      yName: name ?? "lr",
      ys: name ? ys : xs,
      rows,
    });
  }
  function paint() {
    const finite = kept.values.filter(Number.isFinite);
    const low = finite.length ? finite.reduce((a, b) => Math.min(a, b)) : 1;
    map.paint(kept.values, kept.n, kept.n, low, BUDGET);
    map.scale(many(low, "step"), `${show(BUDGET)} or more`);
    best();
  }
  function best() {
    const { xs, ys } = cells(rates, TOP, kept.n);
    let least = Infinity,
      at = -1;
    kept.values.forEach((v, k) => {
      if (v < least) [least, at] = [v, k];
    });
    map.best(at < 0 ? null : { lr: xs[at % kept.n], beta: ys[Math.floor(at / kept.n)] });
  }
  /** Rows of a finer map, a few a frame. @param {Scene} now @param {string} key */
  function refine(now, key) {
    kept.stop();
    kept.going = key;
    const values = new Float32Array(FINE * FINE);
    kept.stop = inParts(
      life,
      FINE,
      (from, to) => values.set(compute(now, FINE, [from, to]), from * FINE),
      () => {
        Object.assign(kept, { fine: key, values, n: FINE });
        paint();
      },
    );
  }
  return {
    draw(now) {
      const { picked, surface, key, state, net } = now,
        name = memory(picked.rule);
      const none = surface.minima.length
        ? ""
        : net
          ? "Nobody knows a network's lowest point, so no setting can be timed by when it arrives. The curves show how low each rule comes."
          : "This surface has no lowest point, so no setting can be timed on it. Choose another one.";
      box.hidden = none !== "";
      empty.hidden = none === "";
      empty.textContent = none;
      if (none) return;
      const others = Object.entries(picked.hyper).filter(([one]) => one !== "lr" && one !== name);
      const range = rateRange(now);
      if (String(range) !== String(rates)) {
        rates = range;
        map.plot.setDomain(rates, [0, TOP]);
      }
      const what = JSON.stringify([picked.rule.name, key, state.starts[0], rates, others]);
      if (what !== kept.key) {
        kept.stop();
        kept.going = "";
        kept.key = what;
        Object.assign(kept, { values: compute(now, COARSE), n: COARSE });
        paint();
      }
      if (kept.fine !== what && kept.going !== what && !held()) refine(now, what);
      cross({ lr: picked.hyper.lr, beta: clamp(name ? picked.hyper[name] : 0, 0, TOP) }, picked.rule.family);
      map.plot.settle();
    },
    numbers: () => ({ n: kept.n, fine: kept.fine === kept.key, values: Array.from(kept.values) }),
  };
}
