// Loss and distance against the step, one curve a rule, in the rules' own colours.

import { series } from "../kit/curve.js";
import { h, powerOfTen, show } from "../kit/dom.js";
import { relativeError } from "../kit/engine.js";
import { dressed, filling, growing, worn } from "./parts.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Plot} Plot */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Scene} Scene */

/** @param {Plot} plot */
const curveParts = (plot) => ({
  line: plot.line({}),
  head: plot.marks({ layer: "front", radius: 5 }),
  name: plot.text({ class: "lf-loud" }),
});

/** The least loss a surface has, or null where there is no floor; a network's loss cannot fall below zero. @param {Scene} scene */
const floorOf = ({ surface, params, net }) =>
  surface.minima.length
    ? Math.min(...surface.minima.map(([x, y]) => surface.value(x, y, params)))
    : net
      ? 0
      : null;

/** The loss above the floor at each step of a run; the loss itself where there is none. @param {Scene} scene @param {import("../kit/types.js").Run} run */
export function lossOf(scene, run) {
  const floor = floorOf(scene);
  return floor === null ? run.values : run.values.map((v) => Math.max(v - floor, 0));
}

/** A range that holds all values: powers of ten, at most fourteen of them; or plain ends. @param {ArrayLike<number>[]} all @param {boolean} log @returns {Pair} */
function rangeOf(all, log) {
  let low = Infinity,
    high = -Infinity;
  const first = Math.max(...all.map((one) => one[0]).filter(Number.isFinite));
  for (const one of all)
    for (let k = 0; k < one.length; k++)
      if (Number.isFinite(one[k]) && (!log || one[k] > 0)) {
        low = Math.min(low, one[k]);
        high = Math.max(high, one[k]);
      }
  if (!(high > -Infinity)) return log ? [1e-10, 1] : [0, 1];
  if (!log) {
    high = Math.min(high, first + 2 * (first - low || 1));
    return [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)];
  }
  const top = 10 ** Math.ceil(Math.log10(Math.min(high, 100 * first) || 1));
  return [Math.max(10 ** Math.floor(Math.log10(low)), top * 1e-14), top];
}

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView} */
export function createCurves(stage) {
  const { time, parent } = stage;
  const upper = h("div", { class: "pg-half" }),
    lower = h("div", { class: "pg-half" });
  parent.append(upper, lower);
  const make = (
    /** @type {HTMLElement} */ where,
    /** @type {string} */ label,
    /** @type {string} */ axis,
    share = () => 0.5,
  ) => {
    const shape = {
      x: { domain: /** @type {Pair} */ ([0, 60]), label: "step" },
      y: {
        domain: /** @type {Pair} */ ([1e-10, 10]),
        type: /** @type {import("../kit/types.js").ScaleType} */ ("log"),
        label: axis,
        format: (/** @type {number} */ v) =>
          v >= 0.01 && v <= 1000 ? show(v) : powerOfTen(Math.round(Math.log10(v))),
      },
    };
    const plot = filling(
      { ...stage, parent: where },
      { ...shape, parent: where, share, label, margin: { top: 40, left: 52, right: 24, bottom: 40 } },
    );
    return {
      plot,
      shape,
      parts: growing(
        () => curveParts(plot),
        (one) => [one.line, one.head, one.name].forEach((part) => part.clear()),
      ),
    };
  };
  // Where no lowest point is known, the loss has all the room.
  const loss = make(upper, "The loss of every rule against the step", "loss", () => (lower.hidden ? 1 : 0.5)),
    away = make(
      lower,
      "The distance to the lowest point against the step",
      "distance, as a share of the first",
    );

  /** @param {ReturnType<typeof make>} to @param {Scene} scene @param {(lane: Lane) => ArrayLike<number>} of @param {boolean} log */
  function drawInto({ plot, shape, parts }, { lanes, state }, of, log) {
    const all = lanes.map(of),
      format = shape.y.format;
    shape.y.type = log ? "log" : "linear";
    shape.y.format = log ? format : (v) => show(v);
    plot.setDomain([0, state.steps], rangeOf(all, log));
    shape.y.format = format;
    const [low] = plot.y.domain,
      pen = time.pen();
    parts(lanes.length).forEach(({ line, head, name }, k) => {
      const values = Float64Array.from(all[k], (v) => (log ? Math.max(v, low / 10) : v)),
        last = values.length - 1,
        end = Math.min(pen, last),
        at = Math.floor(end);
      const flat = series(values);
      dressed(line, lanes[k]).update(flat, end);
      worn(head.node, lanes[k].rule);
      head.update([flat[2 * at], flat[2 * at + 1]]);
      name.node.setAttribute("data-look", lanes[k].rule.family);
      const spot = Math.max(0, Math.min(at, last, Math.round(state.steps * (0.7 - 0.16 * k))));
      name.update(spot, Math.max(values[spot], low), lanes[k].title, 8, -8);
    });
    plot.settle();
  }
  return {
    draw(scene) {
      const floor = floorOf(scene),
        placed = scene.surface.minima.length > 0;
      loss.shape.y.label = placed ? "loss above the lowest" : "loss";
      if (lower.hidden === placed) {
        lower.hidden = !placed;
        loss.plot.relay();
      }
      drawInto(loss, scene, (lane) => lossOf(scene, lane.runs[0]), floor !== null);
      if (placed)
        drawInto(away, scene, (lane) => relativeError(scene.surface, lane.runs[0].points) ?? [0], true);
    },
  };
}
