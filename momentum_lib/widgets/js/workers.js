// Workers that do not wait: ages of their copies, the mean path, and the explicit momentum that gives way. Python side: momentum_lib/widgets/workers.py

import { clamp, fixed, many, pythonFloat, roundTo, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { drawNoise } from "./kit/noise.js";
import { choice, integer, number } from "./kit/state.js";
import { asynchronousSpread, asynchronousStep, asynchronyBeta } from "./generated/theory.js";

const UPDATES = 120,
  LATE = 30,
  MOST = 16,
  FLOOR = 1e-9,
  WIDE = 0.6;

/** The explicit momenta at which the error left is computed. */
export const BETAS = Array.from({ length: 39 }, (_, k) => (k - 19) / 20);

/** @type {Record<string, string>} */
export const ORDERS = { random: "random order", turn: "in turn" };

export const STATE = {
  order: choice("random", Object.keys(ORDERS)),
  workers: integer(8, 1, MOST),
  lr: number(0.15, 0.005, 0.5),
  beta: number(0, -0.95, 0.95),
  seed: integer(1, 0, 999),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} WorkersFigure */
/** @typedef {ReturnType<typeof compute>} Drawn */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** Which worker, from 0, reports at each update. @param {State} state */
export function orderOf({ workers, order, seed }) {
  if (order === "turn") return Array.from({ length: UPDATES }, (_, t) => t % workers);
  return Array.from(drawNoise(UPDATES, seed), (noise) =>
    Math.min(Math.floor(workers * ((noise + 6) % 1)), workers - 1),
  );
}

/** How many updates old each copy is before each update, and after the last. @param {number[]} who @param {number} workers */
export function agesOf(who, workers) {
  let now = /** @type {number[]} */ (new Array(workers).fill(0));
  const ages = [now];
  for (const i of who) {
    now = now.map((age, k) => (k === i ? 0 : age + 1));
    ages.push(now);
  }
  return ages;
}

/** The distance in one run. @param {number[]} who @param {number} workers @param {number} lr @param {number} beta */
export function runOf(who, workers, lr, beta) {
  const copies = new Array(workers).fill(1),
    path = [1];
  let v = 0;
  for (const i of who) {
    v = beta * v + lr * copies[i];
    copies[i] = path[path.length - 1] - v;
    path.push(copies[i]);
  }
  return path;
}

/** Its mean over all orders. @param {State} state @param {number[]} who */
export function meanOf({ workers, lr, beta, order }, who) {
  if (order === "turn") return runOf(who, workers, lr, beta);
  let [x, w, v] = [1, 1, 0];
  const path = [x];
  for (let t = 0; t < UPDATES; t++) {
    [x, w, v] = asynchronousStep(x, w, v, workers, lr, beta);
    path.push(x);
  }
  return path;
}

/** The heavy ball of the formula, after a first step of lr. @param {number} workers @param {number} lr */
export function ballOf(workers, lr) {
  const beta = asynchronyBeta(workers),
    path = [1, 1 - lr];
  for (let t = 1; t < UPDATES; t++) path.push((1 + beta - lr / workers) * path[t] - beta * path[t - 1]);
  return path;
}

/** The momentum that fits a path best, and what the fit leaves. @param {number[]} x */
export function fitOf(x) {
  const [before, now, after] = [x.slice(0, -2), x.slice(1, -1), x.slice(2)],
    dot = (/** @type {number[]} */ a, /** @type {number[]} */ b) =>
      a.reduce((sum, v, t) => sum + v * b[t], 0),
    less = (/** @type {number[]} */ a, /** @type {number} */ times, /** @type {number[]} */ b) =>
      a.map((v, t) => v - times * b[t]);
  // What the point in the middle does not say of the others: a slow path would lose half its digits otherwise.
  const old = less(before, dot(now, before) / dot(now, now), now),
    next = less(after, dot(now, after) / dot(now, now), now),
    second = dot(old, next) / dot(old, old),
    left = less(next, second, old),
    mean = after.reduce((sum, v) => sum + v, 0) / after.length,
    spread = after.map((v) => v - mean);
  return { fitted: -second, leaves: Math.sqrt(dot(left, left) / dot(spread, spread)) };
}

/** The root mean square of the last distances at an explicit momentum. @param {State} state @param {number[]} who */
export function leftAt({ workers, lr, beta, order }, who) {
  let sum = 0;
  if (order === "turn") {
    const path = runOf(who, workers, lr, beta);
    for (const x of path.slice(-LATE)) sum += x * x;
  } else {
    let now = [1, 0, 0, 1, 0, 1, 1];
    for (let t = 1; t <= UPDATES; t++) {
      const [xx, xv, vv, xw, vw, ww, wu] = now;
      now = asynchronousSpread(xx, xv, vv, xw, vw, ww, wu, workers, lr, beta);
      if (t > UPDATES - LATE) sum += now[0];
    }
  }
  return Math.sqrt(Math.max(sum, 0) / LATE);
}

/** All that is shown. @param {State} state */
export function compute(state) {
  const { workers, lr, beta } = state,
    who = orderOf(state),
    mean = meanOf(state, who),
    left = BETAS.map((each) => leftAt({ ...state, beta: each }, who)),
    under = BETAS.filter((_, k) => left[k] < FLOOR),
    fit = workers > 1 || beta !== 0 ? fitOf(mean) : { fitted: null, leaves: null };
  return {
    who,
    ages: agesOf(who, workers),
    path: runOf(who, workers, lr, beta),
    mean,
    ball: ballOf(workers, lr),
    implied: asynchronyBeta(workers),
    ...fit,
    left: left.map((each) => Math.max(each, FLOOR)),
    here: Math.max(leftAt(state, who), FLOOR),
    best: BETAS[left.indexOf(Math.min(...left))], // before the floor, on which many are alike
    under: under.length ? [under[0], under[under.length - 1]] : [],
  };
}

// ------------------------------------------------------------------------------------------------------------ words

/** What is left where no curve is seen any more. @param {Drawn} drawn */
function unseen({ best, under: [low, high] }) {
  if (low === undefined) return "";
  return low === high && low === best
    ? ", less than a billionth"
    : `; all from ${show(low, 2)} to ${show(high, 2)} leave less than a billionth`;
}

/** What the state says. @param {State} state @param {Drawn} drawn */
export function sentence({ workers, order, beta }, drawn) {
  const { implied, fitted, leaves, best } = drawn,
    give = `After ${UPDATES} updates at this rate, the least error is left by an explicit momentum of ${show(best, 2)}${unseen(drawn)}.`,
    formula = fixed(implied, 3),
    late = `every gradient is ${many(workers - 1, "update")} old`;
  if (workers === 1) return `One worker never lags: this is the rule as you know it. ${give}`;
  if (beta !== 0)
    return order === "random"
      ? `An explicit momentum of ${show(beta, 2)} comes on top of the ${formula} that ${workers} workers in random order make by themselves. ${give}`
      : `An explicit momentum of ${show(beta, 2)}, and ${workers} workers in turn: ${late}, which is a delay. In random order they would make a momentum of ${formula} by themselves. ${give}`;
  const fit = fixed(/** @type {number} */ (fitted), 3);
  if (order === "random")
    return `${workers} workers in random order are, on average, heavy ball with momentum 1 − 1/${workers} = ${formula}; the fit finds ${fit}. ${give}`;
  return `${workers} workers in turn: ${late}, and no momentum appears. The best fit is ${fit} instead of ${formula}${workers > 2 ? `, and leaves ${show(/** @type {number} */ (leaves), 2)} of the spread unexplained` : ""}. ${give}`;
}

/** @param {State} state */
const python = ({ workers, order, lr, beta }) => `from momentum_lib import theory

workers, product, beta = ${workers}, ${pythonFloat(lr)}, ${pythonFloat(beta)}
mean = theory.asynchronous_mean(workers, product, ${UPDATES}, beta, order="${order}")
fitted, rate, leaves = theory.fit_momentum(mean)
print(f"fitted momentum {fitted:.4f}, formula {theory.asynchrony_beta(workers):.4f}; the fit leaves {leaves:.1e}")
`;

// --------------------------------------------------------------------------------------------------------- pictures

/** Numbers at 0, 1, 2 ... as pairs. @param {number[]} values @param {number} [count] */
const pairs = (values, count = values.length) =>
  Float64Array.from({ length: 2 * count }, (_, k) => (k % 2 ? values[k >> 1] : k >> 1));

/** @param {WorkersFigure} fig */
function addPaths(fig) {
  const plot = fig.plot({
    label: "Distance from the minimum against the number of updates",
    x: { domain: [0, UPDATES], label: "update", count: 6 },
    y: { domain: [-1.1, 1.1], label: "distance from the minimum", count: 5 },
    height: (width) => clamp(width * 0.42, 210, 300),
    margin: { top: 26, left: 44, right: 14 },
  });
  plot.box.classList.add("lf-wide");
  const rest = plot.line({ class: "lf-guide", layer: "back" }),
    one = plot.line({ look: "gradient", class: "lf-thin" }),
    mean = plot.line({ look: "momentum" }),
    ball = plot.line({ class: "lf-ball" }),
    pen = plot.marks({ look: "gradient", radius: 4, layer: "front" }),
    key = plot.key();
  /** @param {State} state @param {Drawn} drawn @param {number} head */
  return ({ order, beta }, drawn, head) => {
    const both = [...drawn.path, ...drawn.mean],
      random = order === "random";
    plot.setDomain(undefined, [
      clamp(1.1 * Math.min(...both), -3, -0.2),
      Math.min(3, 1.1 * Math.max(...both)),
    ]);
    rest.update([0, 0, UPDATES, 0]);
    if (random) one.update(pairs(drawn.path, head + 1));
    else one.clear();
    mean.update(pairs(drawn.mean, random ? undefined : head + 1));
    if (beta === 0) ball.update(pairs(drawn.ball));
    else ball.clear();
    pen.update([head, drawn.path[head]]);
    key.update([
      ...(random ? [{ words: "this run", look: "gradient" }] : []),
      { words: random ? "mean over all orders" : "every run in this order", look: "momentum" },
      ...(beta === 0 ? [{ words: "┅ heavy ball, β = 1 − 1/M" }] : []),
    ]);
  };
}

/** One box from the floor to a height. @param {import("./kit/types.js").Plot} plot @param {number} at @param {number} height */
function box(plot, at, height) {
  const left = plot.x(at - WIDE / 2),
    wide = plot.x(at + WIDE / 2) - left;
  return `M${left.toFixed(1)},${plot.y(0).toFixed(1)}V${plot.y(height).toFixed(1)}h${wide.toFixed(1)}V${plot.y(0).toFixed(1)}z`;
}

/** @param {WorkersFigure} fig */
function addRods(fig) {
  const plot = fig.plot({
    label: "How old each worker’s copy of the weights is",
    x: { domain: [0.4, 8.6], label: "worker", ticks: () => [1, 4, 8, 12, 16], format: (k) => show(k) },
    y: { domain: [0, 24], label: "age in updates", count: 4 },
    later: true,
    height: (width) => clamp(width * 0.8, 210, 270),
    margin: { top: 26, left: 40, right: 12 },
  });
  const rods = plot.line({ look: "gradient", class: "lf-rod lf-waits" }),
    next = plot.line({ look: "gradient", class: "lf-rod" }),
    level = plot.line({ class: "lf-ball" }),
    name = plot.text({ class: "lf-direct", anchor: "end" });
  /** @param {State} state @param {Drawn} drawn @param {number} head */
  return ({ workers }, { who, ages }, head) => {
    const tallest = Math.max(...ages.map((row) => Math.max(...row)), workers);
    plot.setDomain([0.4, workers + 0.6], [0, 1.12 * tallest]);
    const turn = who[Math.min(head, UPDATES - 1)],
      now = ages[head];
    rods.path(now.map((age, k) => (k === turn ? "" : box(plot, k + 1, age))).join(""));
    next.path(box(plot, turn + 1, Math.max(now[turn], 0.012 * tallest)));
    level.update([0.4, workers - 1, workers + 0.6, workers - 1]);
    name.update(workers + 0.6, workers - 1, `M − 1 = ${workers - 1}, the mean age of a gradient`, -4, -8);
  };
}

/** @param {WorkersFigure} fig */
function addLeft(fig) {
  const plot = fig.plot({
    label: "The error left against the explicit momentum",
    x: { domain: [-1, 1], label: "explicit momentum β", count: 5, format: (v) => show(v, 2) },
    y: { type: "log", domain: [FLOOR, 1e3], label: "error left", ticks: () => [1e-8, 1e-4, 1] },
    later: true,
    height: (width) => clamp(width * 0.8, 210, 270),
    margin: { top: 26, left: 46, right: 14 },
  });
  const zero = plot.line({ class: "lf-guide", layer: "back" }),
    line = plot.line({ look: "momentum" }),
    least = plot.marks({ look: "momentum", shape: "triangle", radius: 6, layer: "front" }),
    leastName = plot.text({ look: "momentum", anchor: "middle" }),
    handle = plot.handle({
      label: "Explicit momentum",
      axis: "x",
      look: "momentum",
      bounds: () => [
        [STATE.beta.min, STATE.beta.max],
        [FLOOR, 1e3],
      ],
      set: (beta) => fig.set({ beta: Math.abs(beta) < 0.01 ? 0 : roundTo(beta, 2) }),
      words: (beta) => show(beta, 2),
    });
  /** @param {State} state @param {Drawn} drawn */
  return ({ beta }, { left, best, here }) => {
    zero.update([0, FLOOR, 0, 1e3]);
    line.update(BETAS.flatMap((each, k) => [each, Math.min(left[k], 1e4)]));
    const low = Math.min(...left);
    least.update([best, low]);
    leastName.anchor(best < -0.6 ? "start" : best > 0.6 ? "end" : "middle"); // inside the picture at both ends
    leastName.update(best, low, `least at ${show(best, 2)}`, 0, plot.y(FLOOR) - plot.y(low) < 30 ? -14 : 22);
    handle.update(beta, clamp(here, FLOOR, 900));
  };
}

// ------------------------------------------------------------------------------------------------------- the figure

/** @param {WorkersFigure} fig */
function addControls(fig) {
  fig.segments({
    name: "order",
    label: "who is next",
    options: [
      { value: "random", label: "at random" },
      { value: "turn", label: "in turn" },
    ],
  });
  fig.slider({ name: "workers", label: "workers", symbol: "M" });
  fig.slider({ name: "beta", label: "explicit momentum", symbol: "β", look: "momentum", digits: 2 });
  fig.slider({ name: "lr", label: "learning rate × curvature", symbol: "ηλ", type: "log", fold: true });
  fig.button({ label: "Another order", press: () => fig.set({ seed: (fig.get("seed") + 1) % 1000 }) });
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Workers that nobody waits for, and the momentum they make",
    python,
  });
  fig.root.classList.add("lf-workers");
  const drawPaths = addPaths(fig),
    drawRods = addRods(fig),
    drawLeft = addLeft(fig);
  addControls(fig);
  const sayFormula = fig.readout("1 − 1/M"),
    sayFit = fig.readout("fitted momentum", { look: "momentum" }),
    sayLeaves = fig.readout("the fit leaves");
  const time = fig.player({ length: () => UPDATES, seconds: () => 14 });
  fig.watch(() => time.end());
  fig.onReset(() => time.end());
  let drawn = compute(fig.snapshot());
  /** @type {State | null} */
  let known = null;
  fig.draw(() => {
    const state = fig.snapshot(),
      head = time.head();
    if (
      !known ||
      Object.entries(state).some(([name, value]) => known?.[/** @type {keyof State} */ (name)] !== value)
    ) {
      known = state;
      drawn = compute(state);
    }
    drawPaths(state, drawn, head);
    drawRods(state, drawn, head);
    drawLeft(state, drawn);
    sayFormula(fixed(drawn.implied, 3));
    sayFit(drawn.fitted === null ? "any: one number would do" : fixed(drawn.fitted, 3));
    sayLeaves(drawn.leaves === null ? "nothing" : drawn.leaves < 1e-9 ? "nothing" : show(drawn.leaves, 2));
    fig.speak(sentence(state, drawn));
  });
  fig.numbers(() => ({ ...drawn, head: time.head() }));
  return fig.start();
}
