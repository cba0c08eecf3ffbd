// A complex number and its powers: drag it over the plane. Python side: momentum_lib/widgets/complex_pair.py

import { curve, series } from "./kit/curve.js";
import { clamp, many, pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { complexPlane } from "./kit/plane.js";
import { number } from "./kit/state.js";
import { stepsAtRate } from "./generated/theory.js";

const STEPS = 40,
  FRAME = 1.3,
  LOW = 0.3,
  HIGH = 1.1;

export const STATE = {
  size: number(0.92, LOW, HIGH),
  angle: number(0.45, 0, Math.PI),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} PairFigure */

/** The powers 1, z, z^2, ... as flat pairs of real and imaginary part. @param {State} state */
export function powers({ size, angle }) {
  const out = new Float64Array(2 * (STEPS + 1));
  for (let t = 0; t <= STEPS; t++) {
    out[2 * t] = size ** t * Math.cos(angle * t);
    out[2 * t + 1] = size ** t * Math.sin(angle * t);
  }
  return out;
}

/** Every other number of flat pairs. @param {Float64Array} flat @param {0|1} which */
const part = (flat, which) => Array.from(flat).filter((_, k) => k % 2 === which);

/** @param {State} state */
const python = ({ size, angle }) => `import numpy as np

z = ${pythonFloat(size)} * np.exp(1j * ${pythonFloat(angle)})
print(z ** np.arange(${STEPS + 1}))
`;

/** The complex plane: the powers spiral, the number itself can be dragged. @param {PairFigure} fig */
function addPlane(fig) {
  const plot = complexPlane(
    fig,
    "The complex plane with the unit circle and the powers of the number",
    FRAME,
  );
  const ray = plot.line({ class: "lf-guide" }),
    arc = plot.line({ class: "lf-bracket" }),
    mirror = plot.marks({ look: "momentum", shape: "ring", radius: 4 }),
    mirrorName = plot.text({ anchor: "middle" }),
    path = plot.line({ look: "momentum", class: "lf-thin" }),
    dots = plot.marks({ look: "momentum", radius: 3.6 }),
    one = plot.text({ class: "lf-direct" }),
    name = plot.text({ class: "lf-direct" });
  const handle = plot.handle({
    label: "The number z",
    look: "momentum",
    bounds: () => [
      [-HIGH, HIGH],
      [0, HIGH],
    ],
    set: (x, y) =>
      fig.set({
        size: Number(clamp(Math.hypot(x, y), LOW, HIGH).toFixed(3)),
        angle: Number(clamp(Math.atan2(y, x), 0, Math.PI).toFixed(3)),
      }),
    words: (x, y) => `${show(x)} plus ${show(y)} i`,
  });
  plot.onLayout(() => one.update(1, 0, "start: 1", 8, 15));
  /** @param {State} state @param {Float64Array} all */
  return ({ angle }, all) => {
    const [x, y] = [all[2], all[3]];
    ray.update([0, 0, x, y]);
    arc.update(
      curve((u) => 0.28 * Math.sin(u), [0, Math.max(angle, 1e-3)], 40).map((v, k) =>
        k % 2 ? v : 0.28 * Math.cos(v),
      ),
    );
    if (y > 0.02) {
      mirror.update([x, -y]);
      mirrorName.update(x, -y, "its mirror image", 0, 20);
    } else {
      mirror.clear();
      mirrorName.clear();
    }
    path.update(all);
    dots.update(all, undefined, 1);
    handle.update(x, y);
    name.anchor(x > 0.6 ? "start" : "end");
    name.update(x, y, "z", x > 0.6 ? 13 : -13, -9);
  };
}

/** The real part over time, between its bounds. @param {PairFigure} fig */
function addSwing(fig) {
  const plot = fig.plot({
    label: "The real part of the powers against the step",
    x: { domain: [0, STEPS], label: "step" },
    y: { domain: [-FRAME, FRAME], label: "real part", count: 5 },
    height: (width) => clamp(width * 0.9, 230, 340),
    margin: { top: 26, left: 42, right: 14 },
  });
  const zero = plot.line({ class: "lf-guide", layer: "back" }),
    upper = plot.line({ class: "lf-part lf-part-flat" }),
    lower = plot.line({ class: "lf-part lf-part-flat" }),
    path = plot.line({ look: "momentum", class: "lf-thin" }),
    dots = plot.marks({ look: "momentum", radius: 3.2 }),
    boundName = plot.text();
  plot.onLayout(() => zero.update([0, 0, STEPS, 0]));
  /** @param {State} state @param {Float64Array} all */
  return ({ size }, all) => {
    const reals = series(part(all, 0));
    path.update(reals);
    dots.update(reals);
    upper.update(curve((t) => size ** t, [0, STEPS], 120));
    lower.update(curve((t) => -(size ** t), [0, STEPS], 120));
    const at = size > 1 ? 4 : 6;
    boundName.update(at, Math.min(size ** at, FRAME * 0.9), "sizeᵗ", 6, -8);
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Drag z: each multiplication by it turns, and shrinks while z lies inside the circle",
    python,
  });
  fig.pictures.classList.add("lf-halves");
  const plane = addPlane(fig),
    swing = addSwing(fig);
  fig.slider({
    name: "size",
    label: "size: the factor of each step",
    look: "momentum",
    marks: () => [{ value: 1, label: "1" }],
  });
  fig.slider({ name: "angle", label: "angle: the turn of each step", unit: "rad", look: "momentum" });
  const sayTurn = fig.readout("a full turn takes"),
    sayHundredth = fig.readout("a hundredth is left after"),
    sayParts = fig.readout("z", { look: "momentum" });
  let all = powers(fig.snapshot());
  const turn = () => (fig.get("angle") ? (2 * Math.PI) / fig.get("angle") : null),
    hundredth = () => (fig.get("size") < 1 ? stepsAtRate(fig.get("size"), 0.01) : null);
  fig.draw(() => {
    const state = fig.snapshot(),
      around = turn(),
      left = hundredth();
    all = powers(state);
    plane(state, all);
    swing(state, all);
    sayTurn(around === null ? "it never turns" : many(around, "step"));
    sayHundredth(left === null ? "never" : many(Math.ceil(left), "step"));
    sayParts(`${show(all[2])} + ${show(all[3])} i`);
    fig.speak(
      `With size ${show(state.size)} and angle ${show(state.angle)} the powers ${around === null ? "do not turn" : `go round once in ${many(around, "step")}`} and ${left === null ? "do not fade" : `are down to a hundredth after ${many(Math.ceil(left), "step")}`}.`,
    );
  });
  fig.numbers(() => ({
    real: part(all, 0),
    imaginary: part(all, 1),
    turn: turn(),
    hundredth: hundredth(),
  }));
  return fig.start();
}
