// The stage: one ravine, two balls, one dial, their memory. Python side: momentum_lib/widgets/stage.py

import { h, pythonFloat, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { MOMENTUM } from "./kit/sliders.js";
import { number, point } from "./kit/state.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { momentumEdge } from "./generated/theory.js";

const STEPS = 20,
  KAPPA = 25,
  PARAMS = { kappa: KAPPA, angle: 0.3 },
  SURFACE = SURFACES.ravine;
/** Where the picture begins, and how high and low it reaches; how far right, its shape says. */
const LEFT = -3.15,
  LOW = -1.95,
  HIGH = 1.45;

export const STATE = {
  start: point(
    [-2.7, 0.5],
    [
      [-3, 2],
      [-1.8, 1.3],
    ],
  ),
  beta: number(0.52, 0, 0.99),
  lr: number(0.0769, 0.005, 0.12),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} StageFigure */
/** @typedef {ReturnType<typeof addPlane>} Plane */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {ReturnType<StageFigure["player"]>} Time */

/** The same in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ start, beta, lr }) => ({
  surface: { kind: "library", name: "ravine", params: PARAMS },
  rules: [
    { rule: "gradient_descent", hyper: { lr } },
    { rule: "heavy_ball", hyper: { lr, beta } },
  ],
  starts: [start],
  steps: STEPS,
});

/** @param {State} state */
const python = ({ start, beta, lr }) => `from momentum_lib import descend, rules, surfaces

ravine = surfaces.ravine(kappa=25.0, angle=0.3)
settings = [(rules.gradient_descent, {}), (rules.heavy_ball, {"beta": ${pythonFloat(beta)}})]
for rule, memory in settings:
    path = descend(rule, ravine, start=[${start.map(pythonFloat).join(", ")}], steps=${STEPS}, lr=${pythonFloat(lr)}, **memory)
    print(rule.title, "ends at", path.points[-1])
`;

/** The part of the first distance that is left at a step; nothing where the start was the minimum. @param {ArrayLike<number>} points @param {number} step */
function left(points, step) {
  const k = Math.min(step, points.length / 2 - 1);
  return Math.hypot(points[2 * k], points[2 * k + 1]) / Math.hypot(points[0], points[1]) || 0;
}

/** Both runs. @param {State} state */
function compute({ start, beta, lr }) {
  const run = (/** @type {string} */ rule, /** @type {import("./kit/types.js").Hyper} */ hyper) =>
    descend(RULES[rule], SURFACE, { start, steps: STEPS, hyper, params: PARAMS }).points;
  return {
    plain: run("gradient_descent", { lr }),
    ball: run("heavy_ball", { lr, beta }),
  };
}

/** A part of the distance in percent, short. @param {number} part */
export function percent(part) {
  if (part > 9.99) return "flies off";
  const hundred = 100 * part;
  return `${show(hundred, hundred < 9.5 ? 1 : 2)} %`;
}

/** What the board says of a ball at a step. @param {ArrayLike<number>} points @param {number} step */
function remains(points, step) {
  const part = percent(left(points, step));
  return part.endsWith("%") ? `${part} left` : part;
}

/** How many times, short. @param {number} ratio */
const times = (ratio) => (ratio < 9.95 ? ratio.toFixed(1) : String(Math.round(ratio)));

/**
 * What the state says. `plain` and `ball` are the parts of the distance that are left after the last step.
 * @param {number} beta
 * @param {number} lr
 * @param {number} plain
 * @param {number} ball
 */
export function sentence(beta, lr, plain, ball) {
  const memory = `memory ${show(beta)}`;
  if (plain === 0 && ball === 0) return "Both balls start at the minimum, and stay there.";
  if (lr > momentumEdge(KAPPA, beta))
    return "At this learning rate both balls climb the walls and fly off; a lower rate holds them.";
  if (lr > momentumEdge(KAPPA, 0))
    return `At this learning rate the ball without memory flies off; with ${memory}, ${percent(ball)} of the distance is left after ${STEPS} steps.`;
  if (beta === 0)
    return `With memory 0 the two balls are one: ${percent(ball)} of the distance is left after ${STEPS} steps.`;
  if (ball === 0) return `With ${memory} the ball lies at the minimum after ${STEPS} steps.`;
  const ratio = plain / ball;
  if (ratio >= 1.05)
    return `With ${memory} the blue ball is ${times(ratio)} times nearer than the orange one after ${STEPS} steps.`;
  if (ratio > 0.95) return `With ${memory} the two balls are equally near after ${STEPS} steps.`;
  return `With ${memory} the blue ball swings out and past: after ${STEPS} steps it is ${times(1 / ratio)} times farther away than the orange one.`;
}

/** The ravine from above, with everything that moves on it. @param {StageFigure} fig */
function addPlane(fig) {
  const plot = fig.plot({
    label: "The ravine from above, and the paths of the two balls",
    x: { domain: [LEFT, -LEFT], hidden: true },
    y: { domain: [LOW, HIGH], hidden: true },
    height: (width) => Math.min(Math.max(0.62 * width, 232), 350),
    margin: { top: 0, right: 0, bottom: 0, left: 0 },
  });
  const { box } = plot;
  box.classList.add("lf-country");
  plot.onLayout(() => {
    const { left: a, right: b, top, bottom } = plot.inner;
    plot.setDomain([LEFT, LEFT + ((HIGH - LOW) * (b - a)) / (bottom - top)]);
  });
  const ball = (/** @type {string} */ look, /** @type {number} */ radius) => ({
    ghost: plot.line({ look, class: "lf-ghost" }),
    shadow: plot.line({ class: "lf-cast" }),
    path: plot.line({ look, path: true }),
    dots: plot.marks({ look, radius: 2.2 }),
    head: plot.marks({ look, class: "lf-rolling", radius, layer: "front" }),
  });
  const words = (/** @type {string} */ look) => ({
    name: plot.text({ look, class: "lf-loud", anchor: "end" }),
    value: plot.text({ look, class: "lf-loud", anchor: "end" }),
  });
  const startAt = (/** @type {number} */ x, /** @type {number} */ y) => fig.set({ start: [x, y] });
  const parts = {
    plot,
    contours: plot.contours({ count: 10, cells: 140 }),
    minimum: plot.marks({ class: "lf-minimum", shape: "cross", radius: 5 }),
    heavy: ball("momentum", 8),
    plain: ball("gradient", 6),
    told: { plain: words("gradient"), heavy: words("momentum"), step: plot.text({ anchor: "end" }) },
    handle: plot.handle({
      label: "Start of both balls",
      bounds: () => STATE.start.domain,
      set: startAt,
      starts: true,
    }),
  };
  plot.onPick(startAt);
  return parts;
}

/** A ball where the pen is, and the path behind it. @param {Plane["plain"]} parts @param {Float64Array} points @param {number} head @param {number} pen */
function drawBall({ ghost, shadow, path, dots, head: disc }, points, head, pen) {
  const last = points.length / 2 - 1,
    k = Math.min(Math.floor(pen), last),
    next = Math.min(k + 1, last),
    at = [0, 1].map((i) => points[2 * k + i] + (pen - k) * (points[2 * next + i] - points[2 * k + i]) || 0);
  ghost.update(points);
  shadow.update(points, Math.min(pen, last));
  path.update(points, Math.min(pen, last));
  dots.update(points, Math.min(head, last));
  disc.update(at);
}

/** @param {Plane} plane @param {State} state @param {Drawn} drawn @param {number} head @param {number} pen */
function drawPlane({ plot, contours, minimum, heavy, plain, told, handle }, state, drawn, head, pen) {
  contours.update((x, y) => SURFACE.value(x, y, PARAMS), "ravine");
  minimum.update([0, 0]);
  drawBall(heavy, drawn.ball, head, pen);
  drawBall(plain, drawn.plain, head, pen);
  handle.update(state.start[0], state.start[1]);
  const right = plot.x.domain[1];
  told.plain.name.update(right, HIGH, "without memory", -96, 26);
  told.plain.value.update(right, HIGH, remains(drawn.plain, head), -12, 26);
  told.heavy.name.update(right, HIGH, `with memory ${show(state.beta)}`, -96, 47);
  told.heavy.value.update(right, HIGH, remains(drawn.ball, head), -12, 47);
  told.step.update(right, HIGH, `step ${head} of ${STEPS}`, -12, 67);
}

/** @param {StageFigure} fig @param {() => void} touched */
function addControls(fig, touched) {
  const set = (/** @type {"beta"|"lr"} */ name) => (/** @type {number} */ value) => {
    touched();
    fig.set({ [name]: value });
  };
  fig.slider({
    ...MOMENTUM,
    label: "memory",
    marks: () => [0, 0.5, 0.9, 0.99].map((value) => ({ value, label: value ? String(value) : "none" })),
    set: set("beta"),
    words: (v) => `memory ${show(v)}`,
  });
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    marks: () => [{ value: momentumEdge(KAPPA, 0), label: "edge", side: "start", class: "lf-mark-edge" }],
    set: set("lr"),
    words: (v) => `${show(v)}, ${show(v / momentumEdge(KAPPA, 0), 2)} of what holds a ball without memory`,
  });
}

/** Until someone touches it, the stage plays by itself while it is in view. @param {StageFigure} fig @param {Element} box @param {Time} time */
function playUntouched(fig, box, time) {
  const watch = new IntersectionObserver(
    (entries) => {
      if (entries[entries.length - 1].isIntersecting) time.rounds();
      else time.end();
    },
    { threshold: 0.5 },
  );
  const untouched = () => {
    watch.disconnect();
    time.once();
  };
  watch.observe(box);
  fig.life.observe(watch);
  fig.life.on(fig.root, "pointerdown", untouched);
  fig.life.on(fig.root, "keydown", (event) => {
    if (event.key !== "Tab") untouched();
  });
  fig.onReset(untouched);
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Two balls roll down one ravine. Only the blue one remembers.",
    python,
    playground,
  });
  fig.root.classList.add("lf-stage");
  const time = fig.player({ length: () => STEPS, seconds: () => 6, rest: 2 });
  const plane = addPlane(fig);
  // Whole paths while the start moves, by whatever hand; let go, both balls roll (of a drag and a click the player hears).
  fig.watch((names) => {
    if (names.includes("start")) time.end();
  });
  fig.life.on(plane.handle.node, "keyup", (event) => {
    if (event.key.startsWith("Arrow")) time.again();
  });
  plane.plot.box.append(h("div", { class: "lf-aboard" }, ...time.buttons));
  addControls(fig, () => time.end());
  fig.onReset(() => time.end());
  let drawn = compute(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    drawPlane(plane, state, drawn, time.head(), time.pen());
    fig.speak(sentence(state.beta, state.lr, left(drawn.plain, STEPS), left(drawn.ball, STEPS)));
  });
  fig.numbers(() => {
    const parts = [left(drawn.plain, STEPS), left(drawn.ball, STEPS)];
    return {
      gradient_descent: Array.from(drawn.plain),
      heavy_ball: Array.from(drawn.ball),
      left: parts,
      said: sentence(fig.get("beta"), fig.get("lr"), parts[0], parts[1]),
      head: time.head(),
      playing: time.playing(),
    };
  });
  const stop = fig.start();
  fig.root.querySelector(".lf-share")?.prepend(...fig.root.querySelectorAll(".lf-acts .lf-button")); // Play is aboard, Reset is no row of its own
  if (typeof IntersectionObserver === "function") playUntouched(fig, plane.plot.box, time);
  return stop;
}
