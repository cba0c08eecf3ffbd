// The velocity, drawn: gradients of the past tip to tail, and their sum, at the ball. Python side: momentum_lib/widgets/velocity.py

import { h, pythonFloat, s, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { onSpace } from "./kit/player.js";
import { MOMENTUM } from "./kit/sliders.js";
import { choice, integer, number } from "./kit/state.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";

const STEPS = 24,
  GHOSTS = 10,
  LR = 0.05,
  ANGLE = 0.3,
  START = [-2.7, 0.5],
  PARAMS = { kappa: 25, angle: ANGLE },
  SURFACE = SURFACES.ravine,
  DOMAIN = /** @type {import("./kit/types.js").Box} */ ([
    [-3.1, 2],
    [-1.95, 1.4],
  ]);
/** The directions along the valley and across it. @type {Record<string, number[]>} */
const AXES = {
  along: [Math.cos(ANGLE), Math.sin(ANGLE)],
  across: [-Math.sin(ANGLE), Math.cos(ANGLE)],
};

export const STATE = {
  beta: number(0.8, 0, 0.97),
  step: integer(5, 0, STEPS),
  view: choice("together", ["together", "along", "across"]),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} VelocityFigure */
/** @typedef {ReturnType<typeof addPlane>} Plane */
/** @typedef {ReturnType<typeof compute>} Drawn */

/** The same in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ beta }) => ({
  surface: { kind: "library", name: "ravine", params: PARAMS },
  rules: [
    { rule: "gradient_descent", hyper: { lr: LR } },
    { rule: "heavy_ball", hyper: { lr: LR, beta } },
  ],
  starts: [[START[0], START[1]]],
  steps: STEPS,
});

/** @param {State} state */
const python = ({ beta, step }) => `from momentum_lib import descend, rules, surfaces

ravine = surfaces.ravine(kappa=25.0, angle=0.3)
path = descend(rules.heavy_ball, ravine, [-2.7, 0.5], steps=${step + 1}, lr=${LR}, beta=${pythonFloat(beta)})
for age in range(min(${step}, ${GHOSTS}) + 1):
    print(f"a gradient of age {age}, faded:", ${pythonFloat(beta)}**age * path.gradients[${step} - age])
print("their sum, the velocity:", path.state["v"][-1])
`;

/** The terms of the velocity, newest first, each as the part of the step that it makes; the last one is all that is older. @param {State} state */
function compute({ beta, step }) {
  const run = descend(RULES.heavy_ball, SURFACE, {
    start: START,
    steps: STEPS + 1,
    hyper: { lr: LR, beta },
    params: PARAMS,
    extras: true,
  });
  const slopes = /** @type {Float64Array} */ (run.gradients),
    terms = /** @type {number[][]} */ ([]),
    sizes = { along: 0, across: 0 },
    sums = { along: 0, across: 0 };
  for (let age = 0; age <= step; age++) {
    const k = 2 * (step - age),
      term = [0, 1].map((i) => -LR * beta ** age * slopes[k + i]);
    for (const name of /** @type {const} */ (["along", "across"])) {
      const part = term[0] * AXES[name][0] + term[1] * AXES[name][1];
      sizes[name] += Math.abs(part);
      sums[name] += part;
    }
    if (age <= GHOSTS) terms.push(term);
    else if (age === GHOSTS + 1) terms.push(term);
    else terms[GHOSTS + 1] = terms[GHOSTS + 1].map((v, i) => v + term[i]);
  }
  const from = [0, 1].map((i) => run.points[2 * step + i]),
    to = [0, 1].map((i) => run.points[2 * step + 2 + i]);
  return {
    points: run.points,
    terms,
    from,
    to,
    kept: [Math.abs(sums.along) / sizes.along, Math.abs(sums.across) / sizes.across],
  };
}

/** A part in percent. @param {number} part */
const percent = (part) => `${Math.round(100 * part)} %`;

/** What the state says. @param {number} step @param {number} beta @param {number[]} kept */
export function sentence(step, beta, [along, across]) {
  if (step === 0) return "At the start nothing is remembered: the velocity is the first gradient.";
  if (beta === 0) return `With momentum 0 only the last gradient counts: step ${step} is gradient descent's.`;
  return `At step ${step}, with momentum ${show(beta)}, the arrows' sum keeps ${percent(along)} of their length along the valley and ${percent(across)} of it across.`;
}

// ------------------------------------------------------------------------------------------------------ the picture

/** An arrow from pixel to pixel as path data: its shaft and an open head. @param {number[]} a @param {number[]} b @param {number} head */
function arrow([x0, y0], [x1, y1], head) {
  const size = Math.hypot(x1 - x0, y1 - y0);
  if (size < 0.5) return "";
  const long = Math.min(head, 0.6 * size),
    dx = ((x1 - x0) / size) * long,
    dy = ((y1 - y0) / size) * long,
    barb = (/** @type {number} */ side) =>
      `${(x1 - dx - side * 0.55 * dy).toFixed(1)},${(y1 - dy + side * 0.55 * dx).toFixed(1)}`;
  return `M${x0.toFixed(1)},${y0.toFixed(1)}L${x1.toFixed(1)},${y1.toFixed(1)}M${barb(1)}L${x1.toFixed(1)},${y1.toFixed(1)}L${barb(-1)}`;
}

/** A group that lights up with its term of the rule. @param {Element} layer @param {string} term @param {string} look @param {string} label @param {number} n */
function arrows(layer, term, look, label, n) {
  const paths = Array.from({ length: n }, () =>
    s("path", { class: "lf-line lf-vector", "data-look": look, "data-of": term }),
  );
  const group = s(
    "g",
    { class: "lf-term", "data-term": term, tabindex: 0, role: "img", "aria-label": label },
    ...paths,
  );
  layer.append(group);
  return { group, paths };
}

/** @param {VelocityFigure} fig */
function addPlane(fig) {
  const plot = fig.plot({
    label: "The ravine from above, the ball, and the arrows that make its next step",
    x: { domain: DOMAIN[0], hidden: true },
    y: { domain: DOMAIN[1], hidden: true },
    equal: true,
    margin: { top: 0, right: 0, bottom: 0, left: 0 },
  });
  plot.box.classList.add("lf-country");
  const marks = plot.layers.marks;
  return {
    plot,
    contours: plot.contours({ count: 10, cells: 130 }),
    axis: plot.line({ class: "lf-guide", layer: "back" }),
    minimum: plot.marks({ class: "lf-minimum", shape: "cross", radius: 4.5 }),
    path: plot.line({ look: "momentum", class: "lf-ghost", path: true }),
    dots: plot.marks({ look: "momentum", radius: 2 }),
    sum: arrows(marks, "v", "momentum", "The velocity: the sum of all arrows", 1),
    ghosts: arrows(
      marks,
      "memory",
      "momentum",
      "Remembered gradients, each faded by the momentum",
      GHOSTS + 1,
    ),
    now: arrows(marks, "g", "gradient", "The gradient of this step", 1),
    ball: plot.marks({ look: "momentum", class: "lf-rolling", radius: 7 }),
  };
}

/** Where a chain of arrows goes, in pixels: tip to tail; on one axis each lies beside the one before, so that turning back is seen. @param {Plane} plane @param {Drawn} drawn @param {string} view */
function chain({ plot }, { from, terms, to }, view) {
  const direction = AXES[view],
    shadow = (/** @type {number[]} */ step) => {
      if (!direction) return step;
      const part = step[0] * direction[0] + step[1] * direction[1];
      return [part * direction[0], part * direction[1]];
    },
    aside = (/** @type {number} */ k) => (direction ? [7 * k * direction[1], 7 * k * direction[0]] : [0, 0]),
    pixel = (/** @type {number[]} */ [x, y], /** @type {number} */ k) => {
      const [dx, dy] = aside(k);
      return [plot.x(x) + dx, plot.y(y) + dy];
    };
  let at = from;
  const links = terms.map((term, k) => {
    const [dx, dy] = shadow(term),
      next = [at[0] + dx, at[1] + dy],
      link = [pixel(at, k + 1), pixel(next, k + 1)];
    at = next;
    return link;
  });
  const whole = shadow([to[0] - from[0], to[1] - from[1]]);
  return { links, sum: [pixel(from, 0), pixel([from[0] + whole[0], from[1] + whole[1]], 0)] };
}

/** @param {Plane} plane @param {State} state @param {Drawn} drawn */
function drawPlane(plane, { beta, step, view }, drawn) {
  const { contours, minimum, axis, path, dots, sum, ghosts, now, ball } = plane,
    direction = AXES[view];
  contours.update((x, y) => SURFACE.value(x, y, PARAMS), "ravine");
  minimum.update([0, 0]);
  if (direction) {
    const [x, y] = drawn.from,
      [a, b] = direction;
    axis.update([x - 6 * a, y - 6 * b, x + 6 * a, y + 6 * b]);
  } else axis.clear();
  path.update(drawn.points, step);
  dots.update(drawn.points, step);
  ball.update(drawn.from);
  const { links, sum: whole } = chain(plane, drawn, view);
  sum.paths[0].setAttribute("d", arrow(whole[0], whole[1], 13));
  now.paths[0].setAttribute("d", arrow(links[0][0], links[0][1], 9));
  ghosts.paths.forEach((node, k) => {
    const link = links[k + 1];
    node.setAttribute("d", link ? arrow(link[0], link[1], 7) : "");
    node.style.strokeOpacity = String(Math.max(0.25, beta ** (k + 1)));
  });
}

// --------------------------------------------------------------------------------------------------------- the rule

/** The rule, beside the picture: each term lights up its arrows, and the other way round. @param {VelocityFigure} fig */
function addRule(fig) {
  const term = (
    /** @type {string} */ name,
    /** @type {string} */ text,
    /** @type {string} */ look,
    /** @type {string} */ words,
  ) =>
    h(
      "div",
      {
        class: "lf-term",
        "data-term": name,
        "data-look": look,
        tabindex: 0,
        role: "note",
        "aria-label": `${text}: ${words}`,
      },
      h("i", { class: "lf-symbol", "data-look": look, text }),
      h("span", { text: words }),
    );
  const box = h(
    "div",
    { class: "lf-ruled" },
    h(
      "p",
      { class: "lf-equation" },
      h("i", { class: "lf-symbol", "data-look": "momentum", text: "v" }),
      " ← ",
      h("i", { class: "lf-symbol", "data-look": "momentum", text: "β v" }),
      " + ",
      h("i", { class: "lf-symbol", "data-look": "gradient", text: "g" }),
    ),
    term("g", "g", "gradient", "this step's gradient, the thin orange arrow"),
    term("memory", "β v", "momentum", "the gradients before it, each faded by β once a step"),
    term("v", "v", "momentum", "their sum, the thick arrow: the ball's next step"),
  );
  fig.pictures.append(box);
}

/** Under the pointer, or with the focus, a term and its arrows light up together. @param {VelocityFigure} fig */
function lightUp({ life, root }) {
  const lit = (/** @type {Event} */ event) =>
    event.target instanceof Element ? event.target.closest("[data-term]") : null;
  const light = (/** @type {Event} */ event) => {
    const name = lit(event)?.getAttribute("data-term");
    if (name) root.dataset.lit = name;
    else delete root.dataset.lit;
  };
  for (const type of ["pointerover", "focusin"]) life.on(root, type, light);
  life.on(root, "pointerleave", () => delete root.dataset.lit);
  life.on(root, "focusout", () => delete root.dataset.lit);
}

/** Play and Step: a still every so many milliseconds. @param {VelocityFigure} fig */
function addTime(fig) {
  const time = { playing: false, cancel: () => {} };
  const name = () => play.name(time.playing ? "Pause" : "Play", time.playing ? "pause" : "play");
  const stop = () => {
    time.cancel();
    time.playing = false;
    name();
  };
  const next = () => fig.set({ step: fig.get("step") >= STEPS ? 0 : fig.get("step") + 1 });
  const tick = () => {
    next();
    if (fig.get("step") >= STEPS) stop();
    else time.cancel = fig.life.after(650, tick);
  };
  const toggle = () => {
    if (time.playing) return stop();
    time.playing = true;
    name();
    tick();
  };
  const play = fig.button({ label: "Play", icon: "play", press: toggle });
  const step = fig.button({
    label: "Step",
    icon: "step",
    press: () => {
      stop();
      next();
    },
  });
  onSpace(fig.life, fig.root, toggle);
  fig.onReset(stop);
  return { stop, nodes: [play.node, step.node] };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "The velocity is the sum of the gradients so far, each a little faded",
    python,
    playground,
  });
  fig.root.classList.add("lf-velocity");
  const plane = addPlane(fig);
  addRule(fig);
  lightUp(fig);
  const time = addTime(fig);
  plane.plot.box.append(h("div", { class: "lf-aboard" }, ...time.nodes));
  fig.slider({ name: "step", label: "step", words: (v) => `step ${v} of ${STEPS}` });
  fig.slider({ ...MOMENTUM, marks: () => [0.5, 0.9].map((value) => ({ value, label: String(value) })) });
  fig.segments({
    name: "view",
    label: "the arrows",
    options: ["together", "along", "across"].map((value) => ({ value, label: value })),
  });
  let drawn = compute(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    drawPlane(plane, state, drawn);
    fig.speak(sentence(state.step, state.beta, drawn.kept));
  });
  fig.numbers(() => ({
    path: Array.from(drawn.points),
    terms: drawn.terms.flat(),
    next: drawn.to,
    kept: drawn.kept,
    said: sentence(fig.get("step"), fig.get("beta"), drawn.kept),
  }));
  const stop = fig.start();
  fig.root.querySelector(".lf-share")?.prepend(...fig.root.querySelectorAll(".lf-acts .lf-button")); // Play is aboard, Reset is no row of its own
  return stop;
}
