// A differential equation and its steps: drag the start, make the steps longer. Python side: momentum_lib/widgets/euler.py

import { curve } from "./kit/curve.js";
import { assign, clamp, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { number } from "./kit/state.js";
import { RULES } from "./generated/rules.js";

const TIME = 8,
  HEIGHT = 2.4;

export const STATE = {
  h: number(0.5, 0.05, 2.5),
  start: number(1.8, -2, 2),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} EulerFigure */

/** x after each step: gradient descent on half of x squared, whose slope is x. @param {State} state */
export function steps({ h, start }) {
  const out = [start];
  for (let t = 1; t <= Math.floor(TIME / h + 1e-9); t++)
    out.push(RULES.gradient_descent.step(out[t - 1], out[t - 1], t, [], { lr: h })[0]);
  return out;
}

/** The largest distance to the solution at the times of the steps. @param {State} state @param {number[]} x */
const gap = ({ h, start }, x) => Math.max(...x.map((value, k) => Math.abs(value - start * Math.exp(-h * k))));

/** @param {State} state */
const python = ({ h, start }) => `import numpy as np
from momentum_lib import descend, rules, surfaces

steps = ${Math.floor(TIME / h + 1e-9)}
run = descend(rules.gradient_descent, surfaces.quadratic([1.0]), [${pythonFloat(start)}], steps=steps, lr=${pythonFloat(h)})
print("steps   ", run.points[:, 0])
print("solution", ${pythonFloat(start)} * np.exp(-${pythonFloat(h)} * np.arange(steps + 1)))
`;

/** Slopes, solution and steps against time. @param {EulerFigure} fig */
function addPlane(fig) {
  const plot = fig.plot({
    label: "Slopes of the equation, its solution, and the steps, against time",
    x: { domain: [0, TIME], label: "time" },
    y: { domain: [-HEIGHT, HEIGHT], label: "x", count: 5 },
    height: (width) => clamp(width * 0.5, 250, 380),
    margin: { top: 26, left: 34, right: 14 },
  });
  const field = s("path", { class: "lf-line lf-slopes", "aria-hidden": "true" });
  plot.layers.back.append(field);
  const parts = {
    zero: plot.line({ class: "lf-guide", layer: "back" }),
    truth: plot.line({ class: "lf-solution" }),
    path: plot.line({ look: "gradient", class: "lf-thin" }),
    dots: plot.marks({ look: "gradient", radius: 4 }),
    truthName: plot.text({ class: "lf-direct" }),
    stepsName: plot.text({ look: "gradient" }),
    handle: plot.handle({
      label: "x at the start",
      axis: "y",
      bounds: () => [
        [0, 0],
        [-2, 2],
      ],
      set: (_, y) => fig.set({ start: Number(y.toFixed(2)) }),
    }),
  };
  plot.onLayout(() => {
    parts.zero.update([0, 0, TIME, 0]);
    assign(field, { d: slopes(plot) });
  });
  return parts;
}

/** Short strokes of one length along the slope -x, as a path in pixels. @param {import("./kit/types.js").Frame} plot */
function slopes({ x, y, inner }) {
  const wide = Math.round((inner.right - inner.left) / 34),
    high = Math.round((inner.bottom - inner.top) / 30);
  let d = "";
  for (let i = 0; i < wide; i++)
    for (let j = 0; j < high; j++) {
      const px = inner.left + ((i + 0.5) / wide) * (inner.right - inner.left),
        py = inner.top + ((j + 0.5) / high) * (inner.bottom - inner.top);
      const across = x(1) - x(0),
        down = y.invert(py) * (y(0) - y(1)),
        half = 8 / Math.hypot(across, down);
      d += `M${(px - half * across).toFixed(1)},${(py - half * down).toFixed(1)}L${(px + half * across).toFixed(1)},${(py + half * down).toFixed(1)}`;
    }
  return d;
}

/** What steps of this length do. @param {number} h */
function verdict(h) {
  if (h < 1) return "falls, never crosses";
  if (h === 1) return "lands in one step";
  if (h < 2) return "crosses, and closes in";
  return h === 2 ? "swings for ever" : "swings, and grows";
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "The equation says which way to go; make the steps longer, until they miss it",
    python,
  });
  const plane = addPlane(fig);
  fig.slider({
    name: "h",
    label: "time of each step",
    symbol: "h",
    look: "gradient",
    marks: () => [
      { value: 1, label: "1" },
      { value: 2, label: "2" },
    ],
    words: (v) => `${show(v)}: ${verdict(v)}`,
  });
  const sayFactor = fig.readout("each step multiplies x by", { look: "gradient" }),
    sayGap = fig.readout("farthest from the solution"),
    sayVerdict = fig.readout("the path");
  let x = steps(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot(),
      { h, start } = state;
    x = steps(state);
    const path = x.flatMap((value, k) => [k * h, value]);
    plane.truth.update(curve((t) => start * Math.exp(-t), [0, TIME], 160));
    plane.path.update(path);
    plane.dots.update(path, undefined, 1);
    plane.handle.update(0, start);
    const up = start < 0 ? -1 : 1;
    plane.truthName.update(0.9, start * Math.exp(-0.9), "solution", 10, -8 * up + (up < 0 ? 8 : 0));
    plane.stepsName.anchor(h > 0.4 ? "end" : "start");
    plane.stepsName.update(
      h,
      clamp(x[1], -HEIGHT * 0.85, HEIGHT * 0.85),
      "steps",
      h > 0.4 ? -8 : 2,
      up < 0 ? -10 : 18,
    );
    sayFactor(show(1 - h));
    sayGap(show(gap(state, x)));
    sayVerdict(verdict(h));
    fig.speak(`Steps of ${show(h)}: each multiplies x by ${show(1 - h)}. The path ${verdict(h)}.`);
  });
  fig.numbers(() => ({ x, factor: 1 - fig.get("h"), gap: gap(fig.snapshot(), x) }));
  return fig.start();
}
