// Too little momentum, the right amount, too much: three paths that move together. Python side: momentum_lib/widgets/amounts.py

import { h, many, percent, pythonFloat, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { number } from "./kit/state.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { bestGradientDescent } from "./generated/theory.js";

const TOP = 0.99,
  STEPS = 30,
  KAPPA = 25,
  ANGLE = 0.3,
  START = [-2.7, 0.5],
  SURFACE = SURFACES.ravine,
  LR = bestGradientDescent(1, KAPPA).lr,
  /** Of the static picture, too: where every path is seen whole. */
  DOMAIN = /** @type {import("./kit/types.js").Box} */ ([
    [-3, 3],
    [-1.9, 1.9],
  ]);

export const STATE = {
  little: number(0.1, 0, TOP),
  right: number(0.522, 0, TOP),
  much: number(0.95, 0, TOP),
};

/** @typedef {keyof typeof STATE} Name */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} AmountsFigure */

/** What each momentum is called: as it begins, and however it is set. */
/** @type {Record<Name, string>} */
const PLACES = { little: "first", right: "second", much: "third" };
/** @type {Record<Name, string>} */
const WORDS = { little: "too little", right: "the right amount", much: "too much" };
const NAMES = /** @type {Name[]} */ (Object.keys(WORDS));
const PARAMS = { kappa: KAPPA, angle: ANGLE };

/** Heavy ball's run with this momentum. @param {number} beta */
const run = (beta) =>
  descend(RULES.heavy_ball, SURFACE, { start: START, steps: STEPS, hyper: { lr: LR, beta }, params: PARAMS });

/** The part of the first distance that is left at a step. @param {ArrayLike<number>} points @param {number} step */
const left = (points, step) =>
  Math.hypot(points[2 * step], points[2 * step + 1]) / Math.hypot(START[0], START[1]);

/** @param {import("./kit/types.js").Values<typeof STATE>} state */
const python = ({ little, right, much }) => `from momentum_lib import descend, rules, surfaces, theory

ravine = surfaces.ravine(kappa=25.0, angle=0.3)
lr = theory.best_gradient_descent(1, 25).lr
for beta in (${[little, right, much].map(pythonFloat).join(", ")}):
    path = descend(rules.heavy_ball, ravine, (-2.7, 0.5), steps=${STEPS}, lr=lr, beta=beta)
    print(f"momentum {beta:g}: {path.error[-1]:.3g} of the distance is left")
`;

/** One of the three pictures, with its slider below it. @param {AmountsFigure} fig @param {Name} name */
function addPlane(fig, name) {
  const pane = h("div", { class: "lf-pane" });
  fig.pictures.append(pane);
  const plot = fig.plot({
    parent: pane,
    label: `The ravine from above, and the path with the ${PLACES[name]} momentum`,
    x: { domain: DOMAIN[0], hidden: true },
    y: { domain: DOMAIN[1], hidden: true },
    equal: true,
    margin: { top: 24, right: 1, bottom: 1, left: 1 },
  });
  const contours = plot.contours({ count: 8, cells: 100 }),
    path = plot.line({ look: "momentum", class: "lf-thin", path: true }),
    dots = plot.marks({ look: "momentum", radius: 1.8 }),
    start = plot.marks({ look: "momentum", shape: "ring", radius: 5, layer: "front" }),
    minimum = plot.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" }),
    ball = plot.marks({ look: "momentum", radius: 6, layer: "front" }),
    heading = plot.text({ look: "momentum", class: "lf-loud" }),
    end = plot.text({ anchor: "end" });
  pane.append(
    fig.slider({ name, label: `${PLACES[name]} momentum`, symbol: "β", look: "momentum", type: "near-one" })
      .node,
  );
  return {
    /** @param {Float64Array} points @param {number} head @param {number} pen @param {number} beta */
    draw(points, head, pen, beta) {
      const k = Math.min(Math.floor(pen), STEPS),
        part = pen - k,
        next = Math.min(k + 1, STEPS),
        x = points[2 * k] + part * (points[2 * next] - points[2 * k]),
        y = points[2 * k + 1] + part * (points[2 * next + 1] - points[2 * k + 1]);
      contours.update((a, b) => SURFACE.value(a, b, PARAMS), "ravine");
      start.update(START);
      minimum.update([0, 0]);
      path.update(points, pen);
      dots.update(points, head);
      ball.update([x, y]);
      heading.update(
        DOMAIN[0][0],
        DOMAIN[1][1],
        `${beta === STATE[name].initial ? `${WORDS[name]}: ` : ""}β = ${show(beta)}`,
        2,
        -8,
      );
      end.update(DOMAIN[0][1], DOMAIN[1][0], `${percent(left(points, head), 2)} left`, -4, -6);
    },
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Three momenta in one ravine: which one crawls, which swings, which arrives?",
    python,
  });
  fig.pictures.classList.add("lf-thirds");
  const planes = NAMES.map((name) => addPlane(fig, name));
  const time = fig.player({ length: () => STEPS, seconds: () => 7, auto: true });
  fig.onReset(() => time.end());
  const say = fig.readout("step");
  let points = NAMES.map((name) => run(fig.get(name)).points);
  fig.draw(() => {
    points = NAMES.map((name) => run(fig.get(name)).points);
    planes.forEach((plane, k) => plane.draw(points[k], time.head(), time.pen(), fig.get(NAMES[k])));
    say(String(time.head()));
    fig.speak(
      `After ${many(time.head(), "step")}, of the distance: ${NAMES.map((name, k) => `with momentum ${show(fig.get(name))}, ${percent(left(points[k], time.head()), 2)} left`).join("; ")}.`,
    );
  });
  fig.numbers(() => ({
    ...Object.fromEntries(NAMES.map((name, k) => [name, Array.from(points[k])])),
    left: points.map((each) => left(each, STEPS)),
  }));
  return fig.start();
}
