// Predict: draw the distance that you expect with the finger, then let the rule run over it; the two get a score.

import { h, lifetime, show } from "../kit/dom.js";
import { descend, relativeError } from "../kit/engine.js";
import { COLUMNS, createPad, inUnits } from "../kit/pad.js";
import { NETS, advance } from "./net.js";
import { lower } from "./sentence.js";

/** @typedef {import("./types.js").Scene} Scene */

/** The lowest distance on the axis, as a share of the first. */
const LOW = 1e-6;
/** The highest: too long a step leads away. */
const HIGH = 10;

/**
 * How near a drawn curve lies to the true one, from 0 to 100, and how far off it is on average in powers of ten.
 * @param {ArrayLike<number>} mine heights from 0 to 1 of the axis, evenly over the steps
 * @param {ArrayLike<number>} truth likewise
 * @param {number} decades that the axis spans
 */
function scoreOf(mine, truth, decades) {
  let gap = 0,
    lean = 0;
  for (let k = 0; k < mine.length; k++) {
    gap += Math.abs(mine[k] - truth[k]) / mine.length;
    lean += (mine[k] - truth[k]) / mine.length;
  }
  return { score: Math.round(100 * Math.max(0, 1 - 3 * gap)), lean: lean * decades };
}

/** What is left at a place of a run, as a height from 0 to 1 on the axis. @param {ArrayLike<number>} error @param {number} at @param {number} decades that the axis spans */
function heightAt(error, at, decades) {
  const k = Math.min(Math.floor(at), error.length - 1),
    next = Math.min(k + 1, error.length - 1),
    of = (/** @type {number} */ i) => 1 + Math.log10(Math.max(error[i], 1e-300) / HIGH) / decades;
  return Math.min(Math.max(of(k) + (at - k) * (of(next) - of(k)), 0), 1.1);
}

/** What is predicted of a scene: the distance left, or a network's loss, each as a share of the first. @param {Scene} scene */
function asked({ net, picked, surface, state, params }) {
  const of = net && NETS[net.name],
    low = of?.low ?? LOW;
  return {
    low,
    decades: Math.log10(HIGH / low),
    axis: of ? "loss left, as a share of the first" : "distance left, as a share of the first",
    question: of
      ? `How low does ${lower(picked.title)} bring the loss, step by step, while the network learns ${of.learns}? Draw it.`
      : `How near does ${lower(picked.title)} come to the lowest point, step by step? Draw it.`,
    /** The curve itself. */
    truth() {
      if (!net) {
        const { points } = descend(picked.rule, surface, {
          start: state.starts[0],
          steps: state.steps,
          hyper: picked.hyper,
          params,
        });
        return relativeError(surface, points) ?? [1];
      }
      const [run] = net.trainings[picked.index];
      advance(run, state.steps);
      return run.values.slice(0, state.steps + 1).map((v) => v / run.values[0]);
    },
  };
}

/** @param {{score: number, lean: number}} result @param {string} title */
export function verdict({ score, lean }, title) {
  const how =
    Math.abs(lean) < 0.25
      ? "neither too hopeful nor too careful"
      : lean > 0
        ? `${show(10 ** lean, 2)} times too careful on average: it comes nearer sooner`
        : `${show(10 ** -lean, 2)} times too hopeful on average: it takes longer`;
  return `${score} of 100 for ${lower(title)}: you were ${how}.`;
}

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView} */
export function createPredict({ life, parent, store }) {
  const ask = h("p", { class: "pg-ask" }),
    holder = h("div", { class: "pg-pad" }),
    run = h("button", { type: "button", class: "lf-button pg-run", text: "Run", disabled: true }),
    again = h("button", { type: "button", class: "lf-button", text: "Draw again" }),
    said = h("p", { class: "pg-verdict", role: "status" }),
    none = h("p", { class: "pg-empty", hidden: true });
  parent.append(
    none,
    h("div", { class: "pg-predict" }, ask, holder, h("div", { class: "pg-steps-acts" }, run, again), said),
  );
  /** @type {{key: string, life: import("../kit/dom.js").Life|null, pad: ReturnType<typeof createPad>|null, scene: Scene|null, score: number|null}} */
  const kept = { key: "", life: null, pad: null, scene: null, score: null };
  life.onEnd(() => kept.life?.end());

  /** @param {Scene} scene */
  function begin(scene) {
    const { picked, state } = scene,
      { low, axis } = asked(scene);
    kept.life?.end();
    kept.life = lifetime();
    kept.scene = scene;
    kept.score = null;
    run.disabled = true;
    said.textContent = "";
    store.set({}); // the results beside it are covered again
    const spec = /** @type {import("../predict/truth.js").Spec} */ (
      /** @type {unknown} */ ({
        show: "distance",
        low,
        high: HIGH,
        log: true,
        look: picked.rule.family,
        label: picked.title,
      })
    );
    kept.pad = createPad({
      life: kept.life,
      parent: holder,
      spec,
      axis,
      ends: [0, state.steps],
      given: null,
      changed: (complete) => {
        run.disabled = !complete;
      },
    });
  }
  life.on(again, "click", () => kept.scene && begin(kept.scene));
  life.on(run, "click", () => {
    const mine = kept.pad?.heights();
    if (!mine || !kept.scene || !kept.pad) return;
    const { picked, state } = kept.scene,
      { low, decades, truth: curveOf } = asked(kept.scene),
      left = curveOf(),
      truth = Float64Array.from(mine, (_, k) => heightAt(left, (k / (COLUMNS - 1)) * state.steps, decades)),
      result = scoreOf(mine, truth, decades);
    const curve = inUnits(Array.from(truth), /** @type {any} */ ({ low, high: HIGH, log: true }), [
      0,
      state.steps,
    ]);
    kept.pad.reveal(curve, false);
    kept.score = result.score;
    run.disabled = true;
    said.textContent = verdict(result, picked.title);
    store.set({});
  });
  return {
    draw(scene) {
      const { picked, surface, place, state, net } = scene,
        what = JSON.stringify([picked.rule.name, picked.hyper, place, state.starts[0], state.steps]);
      none.hidden = net !== null || surface.minima.length > 0;
      none.textContent = "This surface has no lowest point to come near to. Choose another one.";
      ask.textContent = asked(scene).question;
      if (what === kept.key) return;
      kept.key = what;
      begin(scene);
    },
    covers: () => kept.score === null,
    numbers: () => ({ score: kept.score }),
  };
}
