// The edge: a small network learns a curve while the reader turns its rate and its momentum; its sharpness climbs to the edge
// that the rule sets. Python side: momentum_lib/widgets/edge.py

import { curve } from "./kit/curve.js";
import { clamp, pythonFloat, reducedMotion, show } from "./kit/dom.js";
import { stepVector } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { chebyshev, chebyshev5, dot, network } from "./kit/network.js";
import { onSpace } from "./kit/player.js";
import { LEARNING_RATE, MOMENTUM } from "./kit/sliders.js";
import { flag, integer, number } from "./kit/state.js";
import { inPieces } from "./kit/work.js";
import { RULES } from "./generated/rules.js";
import { FORMS, momentumEdge } from "./generated/theory.js";

/** @typedef {import("./kit/types.js").Pair} Pair */

export const POINTS = 20; // of the curve that is learnt
export const EVERY = 10; // steps from one measurement of the sharpness to the next
export const AVERAGED = 300; // the last so many steps of which the average is told
export const SWING = 40; // steps whose way along the sharpest direction is drawn
export const EXPLODED = 1e3; // a loss beyond which nothing comes back
export const MOST = 20000; // steps of one training
const WINDOW = 1600, // steps that are seen at once
  TOLERANCE = 1e-5, // of the sharpest direction: its sharpness is then known to about 1e-10
  PACE = 240, // steps a second while it plays
  BUDGET = 9, // milliseconds of a frame that training may take while it plays
  LEAP = 200, // steps that Play makes at once where nothing may move
  SHARP = /** @type {Pair} */ ([1, 300]),
  LOSS = /** @type {Pair} */ ([1e-6, 10]),
  HEIGHT = /** @type {Pair} */ ([-1.7, 1.7]);

export const STATE = {
  lr: number(0.1, 0.02, 0.5),
  beta: number(0.9, 0, 0.99),
  nesterov: flag(false),
  width: integer(12, 4, 24),
  seed: integer(1, 0, 9999),
  steps: integer(1600, 0, 4000),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {Pick<State, "lr"|"beta"|"nesterov">} Setting */
/** @typedef {ReturnType<typeof begin>} Training */

/** The rule's name in the library. @param {boolean} nesterov */
export const ruleOf = (nesterov) => (nesterov ? "nesterov_torch" : "heavy_ball");

/** A network like it in the playground: which path its weights take. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ lr, beta, nesterov }) => ({
  surface: { kind: "net", name: "curve" },
  rules: [
    { rule: "gradient_descent", hyper: { lr } },
    { rule: ruleOf(nesterov), hyper: { lr, beta } },
  ],
  starts: [[1, 0]],
  steps: 300,
});

/** The sharpness beyond which the rule cannot stay. @param {Setting} setting */
export function edgeOf({ lr, beta, nesterov }) {
  const { ahead, averaged } = FORMS[ruleOf(nesterov)];
  return momentumEdge(lr, beta, ahead, averaged); // rate times curvature is what counts, so either may be given
}

/** The learning rate whose edge this is. @param {number} edge @param {Setting} setting */
export const rateOf = (edge, setting) => edgeOf({ ...setting, lr: edge });

/** A training before its first step; its sharpness is measured. @param {number} width @param {number} seed */
export function begin(width, seed) {
  const net = network([1, width, width, 1]),
    theta = net.start(seed),
    room = () => new Float64Array(net.count);
  const run = {
    net,
    data: chebyshev(POINTS),
    theta,
    grad: room(),
    v: room(),
    t: 0,
    losses: /** @type {number[]} */ ([]), // before each step
    sharp: /** @type {number[]} */ ([]), // at 0, EVERY, 2 EVERY, ... steps
    edges: /** @type {number[]} */ ([]), // that stood when the sharpness was measured
    axis: /** @type {Float64Array|undefined} */ (undefined), // the sharpest direction
    recent: Array.from({ length: SWING + 1 }, room), // the last points: that of step t at t % (SWING + 1)
    parts: /** @type {(Setting & {steps: number})[]} */ ([]), // which settings for how many steps
    exploded: 0, // or the step after which the loss was beyond all bounds
  };
  run.recent[0].set(theta);
  return run;
}

/** @param {Training} run @param {Setting} setting */
function measure(run, setting) {
  const { value, vector } = run.net.sharpness(run.theta, run.data, TOLERANCE);
  run.axis = run.axis && dot(run.axis, vector) < 0 ? vector.map((v) => -v) : vector; // a direction has two
  run.sharp.push(value);
  run.edges.push(edgeOf(setting));
}

/** One step further. @param {Training} run @param {Setting} setting */
function step(run, { lr, beta, nesterov }) {
  const { net, theta, grad, v, data } = run,
    loss = net.lossAndGradient(theta, data, grad);
  if (!(loss <= EXPLODED)) {
    run.exploded = run.t;
    return;
  }
  run.losses.push(loss);
  stepVector(RULES[ruleOf(nesterov)], theta, grad, [v], run.t + 1, { lr, beta });
  run.t++;
  run.recent[run.t % (SWING + 1)].set(theta);
}

/**
 * So many steps further with this setting, or until it explodes, or the time is over; the sharpness is measured on the way.
 * @param {Training} run @param {Setting} setting @param {number} steps
 * @param {() => boolean} [over]
 */
export function advance(run, setting, steps, over = () => false) {
  const { lr, beta, nesterov } = setting,
    goal = Math.min(run.t + steps, MOST);
  if (run.sharp.length === 0) measure(run, setting);
  while (run.t < goal && !run.exploded && !over()) {
    const before = run.t;
    step(run, setting);
    if (run.t === before) break;
    let part = run.parts[run.parts.length - 1];
    if (!part || part.lr !== lr || part.beta !== beta || part.nesterov !== nesterov) {
      part = { lr, beta, nesterov, steps: 0 };
      run.parts.push(part);
    }
    part.steps++;
    if (run.t % EVERY === 0) measure(run, setting);
  }
}

/** The average sharpness over the last steps, the sharpness now, and both against the edge. @param {Training} run @param {Setting} setting */
export function summary(run, setting) {
  const edge = edgeOf(setting),
    last = run.sharp.slice(-AVERAGED / EVERY).filter(Number.isFinite),
    average = last.reduce((sum, v) => sum + v, 0) / last.length;
  return {
    edge,
    now: last[last.length - 1],
    average,
    ratio: average / edge,
    loss: run.losses[run.losses.length - 1],
  };
}

/** Where the last points lie along the sharpest direction, from their middle: one number a step. @param {Training} run */
export function swing({ recent, t, axis }) {
  const steps = Math.min(t, SWING),
    places = new Float64Array(steps + 1);
  if (!axis) return places;
  for (let k = 0; k <= steps; k++) {
    const theta = recent[(t - steps + k) % (SWING + 1)];
    for (let i = 0; i < theta.length; i++) places[k] += theta[i] * axis[i];
  }
  const middle = places.reduce((sum, v) => sum + v, 0) / places.length;
  return places.map((v) => v - middle);
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Figure<typeof STATE>} EdgeFigure */

/** The code that makes this training. @param {State} state @param {Training["parts"]} parts */
const python = ({ width, seed, ...setting }, parts) => `from momentum_lib import networks, rules

net, data = networks.Network((1, ${width}, ${width}, 1)), networks.chebyshev(${POINTS})
run = net.start(${seed})
for rule, lr, beta, steps in [
${(parts.length ? parts : [{ ...setting, steps: 0 }])
  .map(
    (part) =>
      `    (rules.${ruleOf(part.nesterov)}, ${pythonFloat(part.lr)}, ${pythonFloat(part.beta)}, ${part.steps}),\n`,
  )
  .join("")}]:
    run = networks.train(net, data, rule, run, steps, every=${EVERY}, lr=lr, beta=beta)
edge = networks.edge(rule, lr=lr, beta=beta)
print(f"loss {net.loss(run.theta, data):.3g}, sharpness {run.sharpness[-1]:.3g}, edge {edge:.3g}")
`;

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const shown = { run: begin(STATE.width.initial, STATE.seed.initial) };
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "How sharp a network becomes while it learns, and the edge that its rule sets",
    python: (state) => python(state, shown.run.parts),
    playground,
  });
  fig.root.classList.add("lf-edge");
  fig.pictures.classList.add("lf-halves");
  const time = addTraining(fig, shown),
    pictures = [addSharpness(fig, time), addFit(fig), addLoss(fig), addSwing(fig)];
  addControls(fig);
  time.addButtons();
  const say = addReadouts(fig, time);
  fig.draw(() => {
    time.catchUp();
    const state = fig.snapshot();
    for (const draw of pictures) draw(shown.run, state);
    say(shown.run, state);
  });
  fig.numbers(() => {
    time.finish();
    const { run } = shown;
    return {
      ...summary(run, fig.snapshot()),
      losses: run.losses.slice(),
      sharpness: run.sharp.slice(),
      steps: run.t,
      exploded: run.exploded,
      parts: run.parts.map((part) => ({ ...part })),
      live: time.live(),
      playing: time.playing(),
      swing: Array.from(swing(run)),
      theta: Array.from(run.theta),
    };
  });
  return fig.start();
}

/**
 * The training and its time. Until somebody lets it run on, the figure shows the first `steps` steps at the setting of the
 * controls, made anew whenever one changes; from then on a change counts from the step at which it is made.
 * @param {EdgeFigure} fig @param {{run: Training}} shown
 */
function addTraining(fig, shown) {
  const time = { live: false, playing: false, last: 0, owed: 0, key: "" };
  /** @type {ReturnType<EdgeFigure["button"]>} */
  let play;
  /** What the training as a whole depends on. */
  const keyOf = () => {
    const { width, seed, ...rest } = fig.snapshot();
    return time.live ? `live ${width} ${seed}` : `${width} ${seed} ${Object.values(rest)}`;
  };
  const owes = () => !time.live && !shown.run.exploded && shown.run.t < fig.get("steps");
  /** Begin anew where the state asks for another training. */
  function renew() {
    const key = keyOf();
    if (key === time.key) return;
    time.key = key;
    shown.run = begin(fig.get("width"), fig.get("seed"));
    advance(shown.run, fig.snapshot(), 0);
  }
  /** The opening, frame by frame. */
  const goOn = inPieces(fig.life, (over) => {
    renew();
    if (!owes()) return false;
    advance(shown.run, fig.snapshot(), fig.get("steps") - shown.run.t, over);
    fig.redraw();
    return owes();
  });
  function catchUp() {
    renew();
    if (owes()) goOn();
  }
  /** All of it, now. */
  function finish() {
    renew();
    if (!owes()) return;
    advance(shown.run, fig.snapshot(), fig.get("steps") - shown.run.t);
    fig.redraw();
    fig.flush();
  }
  /** From now on what the reader changes counts from this step on. */
  function goLive() {
    finish();
    time.live = true;
    time.key = keyOf();
  }
  function stop() {
    time.playing = false;
    play.name("Play", "play");
  }
  /** @param {number} steps */
  function more(steps) {
    goLive();
    const until = performance.now() + (time.playing ? BUDGET : Infinity);
    advance(shown.run, fig.snapshot(), steps, () => performance.now() > until);
    fig.redraw();
  }
  /** One frame. @param {number} now */
  function frame(now) {
    if (!time.playing) return;
    const passed = time.last ? Math.min(now - time.last, 50) : 16;
    time.last = now;
    time.owed += (passed * PACE) / 1000;
    const steps = Math.floor(time.owed);
    time.owed -= steps;
    more(steps);
    if (shown.run.exploded || shown.run.t >= MOST) stop();
    else fig.life.frame(frame);
    fig.flush();
  }
  function again() {
    time.live = true;
    time.key = "";
    renew();
    fig.redraw();
  }
  function toggle() {
    if (time.playing) return stop();
    if (shown.run.exploded || shown.run.t >= MOST) again();
    if (reducedMotion()) {
      more(LEAP);
      return fig.say(`Your system asks for less motion: Play trains ${LEAP} steps at once.`);
    }
    goLive();
    Object.assign(time, { playing: true, last: 0, owed: 0 });
    play.name("Pause", "pause");
    fig.life.frame(frame);
  }
  return {
    catchUp,
    finish,
    live: () => time.live,
    playing: () => time.playing,
    addButtons() {
      play = fig.button({ label: "Play", icon: "play", press: toggle });
      fig.button({
        label: "Ten steps",
        icon: "step",
        press: () => {
          stop();
          more(EVERY);
        },
      });
      fig.button({ label: "Start again", icon: "target", press: () => (again(), time.playing || toggle()) });
      fig.button({
        label: "Another start",
        press: () => fig.set({ seed: (fig.get("seed") + 1) % 10000 }),
      });
      onSpace(fig.life, fig.root, toggle);
      fig.onReset(() => {
        stop();
        Object.assign(time, { live: false, key: "" });
      });
    },
  };
}

/** @param {State} state */
const lookOf = ({ beta, nesterov }) => (beta === 0 ? "gradient" : nesterov ? "nesterov" : "momentum");

/** The steps that are seen. @param {Training} run @returns {Pair} */
const windowOf = ({ t }) => [Math.max(0, t - WINDOW), Math.max(WINDOW, t)];

/** Values every so many steps as flat pairs, from the first that is seen. @param {number[]} values @param {number} pace @param {Pair} window */
function track(values, pace, [from]) {
  const first = Math.max(0, Math.floor(from / pace) - 1),
    out = new Float64Array(2 * Math.max(0, values.length - first));
  for (let k = first; k < values.length; k++) {
    out[2 * (k - first)] = k * pace;
    out[2 * (k - first) + 1] = values[k];
  }
  return out;
}

/** The sharpness and the edge, which can be taken hold of. @param {EdgeFigure} fig @param {ReturnType<typeof addTraining>} time */
function addSharpness(fig, time) {
  const plot = fig.plot({
    label: "Sharpness against the step, and the edge",
    x: { domain: [0, WINDOW], label: "step", count: 4 },
    y: { type: "log", domain: SHARP, label: "sharpness" },
    height: (width) => clamp(width * 0.58, 210, 300),
    margin: { top: 26, left: 42, right: 18 },
  });
  const stood = plot.line({ class: "lf-stood" }),
    line = plot.line({ look: "ink", class: "lf-edge-line" }),
    sharp = plot.line({ look: "momentum" }),
    pen = plot.marks({ look: "momentum", radius: 4, layer: "front" }),
    end = plot.marks({ look: "gradient", shape: "cross", radius: 6, layer: "front", class: "lf-exploded" }),
    edgeName = plot.text({ class: "lf-direct", anchor: "end" }),
    sharpName = plot.text({ look: "momentum", anchor: "end" });
  const set = (/** @type {number} */ edge) =>
    fig.set({ lr: Number(rateOf(edge, fig.snapshot()).toPrecision(3)) });
  const handle = plot.handle({
    label: "Edge",
    axis: "y",
    look: "ink",
    bounds: () => [
      plot.x.domain,
      [edgeOf({ ...fig.snapshot(), lr: STATE.lr.max }), edgeOf({ ...fig.snapshot(), lr: STATE.lr.min })],
    ],
    set: (_, edge) => set(edge),
    words: (_, edge) => `edge ${show(edge)}: learning rate ${show(fig.get("lr"))}`,
  });
  plot.onPick((_, edge) => set(edge));
  /** @param {Training} run @param {State} state */
  return (run, state) => {
    const window = windowOf(run),
      edge = edgeOf(state),
      look = lookOf(state),
      at = run.t - (run.t % EVERY),
      now = run.sharp[run.sharp.length - 1];
    plot.setDomain(window);
    for (const part of [sharp, pen, sharpName]) part.node.dataset.look = look;
    if (time.live()) stood.update(track(run.edges, EVERY, window));
    else stood.clear();
    line.update([window[0], edge, window[1], edge]);
    sharp.update(track(run.sharp, EVERY, window));
    pen.update(run.exploded ? [] : [at, now]);
    end.update(run.exploded ? [at, now > 0 ? now : edge] : []);
    handle.update(window[1], edge);
    edgeName.update(window[1], edge, `edge ${show(edge)}`, -16, -8);
    sharpName.update(at, now > 0 ? now : edge, run.exploded ? "exploded" : `sharpness ${show(now)}`, -6, 20);
  };
}

/** The curve of the network through the points. @param {EdgeFigure} fig */
function addFit(fig) {
  const plot = fig.plot({
    label: "What the network answers, and the points that it learns",
    x: { domain: [-1.04, 1.04], label: "input", count: 5 },
    y: { domain: HEIGHT, label: "answer", count: 4 },
    height: (width) => clamp(width * 0.58, 210, 300),
    margin: { top: 26, left: 42, right: 12 },
  });
  const truth = plot.line({ class: "lf-guide" }),
    before = plot.line({ class: "lf-before" }),
    fit = plot.line({}),
    dots = plot.marks({ look: "ink", radius: 3 }),
    x = new Float64Array(1);
  /** @param {Training} run @param {Float64Array} theta */
  const curveOf = ({ net }, theta) =>
    curve(
      (at) => {
        x[0] = at;
        return net.outputs(theta, x)[0];
      },
      [-1, 1],
      80,
    );
  /** @param {Training} run @param {State} state */
  return (run, state) => {
    const { data, recent, t } = run;
    for (const part of [before, fit]) part.node.dataset.look = lookOf(state);
    truth.update(curve(chebyshev5, [-1, 1], 120));
    dots.update(Array.from({ length: 2 * POINTS }, (_, k) => (k % 2 ? data.y : data.x)[k >> 1]));
    fit.update(curveOf(run, run.theta));
    if (t > 0) before.update(curveOf(run, recent[(t - 1) % (SWING + 1)]));
    else before.clear();
  };
}

/** The loss. @param {EdgeFigure} fig */
function addLoss(fig) {
  const plot = fig.plot({
    label: "Loss against the step",
    x: { domain: [0, WINDOW], label: "step", count: 4 },
    y: { type: "log", domain: LOSS, label: "loss", count: 4 },
    later: true,
    height: (width) => clamp(width * 0.42, 170, 220),
    margin: { top: 26, left: 42, right: 18 },
  });
  const line = plot.line({ class: "lf-thin" });
  /** @param {Training} run @param {State} state */
  return (run, state) => {
    const window = windowOf(run);
    plot.setDomain(window);
    line.node.dataset.look = lookOf(state);
    line.update(track(run.losses, 1, window));
  };
}

/** A round number at or above a size: 1, 2 or 5 times a power of ten. @param {number} size */
function round(size) {
  const ten = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].map((k) => k * ten).find((v) => v >= size) ?? 10 * ten;
}

/** The last steps along the sharpest direction. @param {EdgeFigure} fig */
function addSwing(fig) {
  const plot = fig.plot({
    label: "The last steps along the direction in which the loss is sharpest",
    x: { domain: [-SWING, 0], label: "steps ago", count: 5, format: (v) => show(Math.abs(v)) },
    y: { domain: [-0.1, 0.1], label: "place along the sharpest direction", count: 3 },
    later: true,
    height: (width) => clamp(width * 0.42, 170, 220),
    margin: { top: 26, left: 54, right: 12 },
  });
  const rest = plot.line({ class: "lf-guide", layer: "back" }),
    line = plot.line({ class: "lf-thin" }),
    dots = plot.marks({ radius: 2.6 });
  let top = 0.1;
  /** @param {Training} run @param {State} state */
  return (run, state) => {
    const places = swing(run),
      size = Math.min(Math.max(1e-9, ...places.map(Math.abs)), 1e6);
    if (size > top || size < top / 6) top = round(size * 1.1); // it holds still while the swing changes a little
    plot.setDomain(undefined, [-top, top]);
    for (const part of [line, dots]) part.node.dataset.look = lookOf(state);
    const pairs = new Float64Array(2 * places.length);
    places.forEach((place, k) => {
      pairs[2 * k] = k - places.length + 1;
      pairs[2 * k + 1] = place;
    });
    rest.update([-SWING, 0, 0, 0]);
    line.update(pairs);
    dots.update(pairs);
  };
}

/** @param {EdgeFigure} fig */
function addControls(fig) {
  fig.slider({
    ...LEARNING_RATE,
    words: (lr) => `${show(lr)}: the edge is ${show(edgeOf({ ...fig.snapshot(), lr }))}`,
  });
  fig.slider(MOMENTUM);
  fig.toggle({ name: "nesterov", label: "look ahead (Nesterov)", look: "nesterov" });
  fig.slider({ name: "width", label: "units in each hidden layer", fold: true });
  fig.slider({ name: "steps", label: "steps when the figure opens", fold: true });
}

/** What the run has come to, in a sentence. @param {Training} run @param {State} state @param {boolean} live */
export function sentence(run, state, live) {
  const { edge, now, average, ratio, loss } = summary(run, state),
    rule = `learning rate ${show(state.lr)}, momentum ${show(state.beta)}${state.nesterov && state.beta > 0 ? " with a look ahead" : ""}`;
  if (run.exploded)
    return `Exploded at step ${run.exploded}, at ${rule}: the sharpness stood above the edge, ${show(edge)}, and the swing outgrew all bounds. Start again, or lower the rate first.`;
  const head = `Step ${run.t}, loss ${show(loss ?? NaN, 2)}, at ${rule}: `.replace(", loss not a number", "");
  if (now > 1.5 * edge && live)
    return `${head}the sharpness, ${show(now)}, is above the edge, ${show(edge)}; the network must become flatter, or explode.`;
  if (ratio > 0.9 && ratio < 1.1)
    return `${head}the sharpness, on average ${show(average)} over the last ${AVERAGED} steps, stays at the edge, ${show(edge)}: ratio ${ratio.toFixed(2)}.`;
  if (ratio <= 0.9)
    return `${head}the sharpness, on average ${show(average)} over the last ${AVERAGED} steps, is ${Math.round(100 * ratio)} % of the edge, ${show(edge)}.`;
  return `${head}the sharpness, on average ${show(average)} over the last ${AVERAGED} steps, is above the edge, ${show(edge)}.`;
}

/** @param {EdgeFigure} fig @param {ReturnType<typeof addTraining>} time */
function addReadouts(fig, time) {
  const saySharp = fig.readout("sharpness now", { look: "momentum" }),
    sayEdge = fig.readout("edge"),
    sayRatio = fig.readout(`sharpness / edge, last ${AVERAGED} steps`),
    sayLoss = fig.readout("loss");
  /** @param {Training} run @param {State} state */
  return (run, state) => {
    const { edge, now, ratio, loss } = summary(run, state);
    saySharp(run.exploded ? "exploded" : show(now));
    sayEdge(show(edge));
    sayRatio(run.exploded ? "exploded" : ratio.toFixed(2));
    sayLoss(run.exploded ? "∞" : loss === undefined ? "not yet" : show(loss, 2));
    fig.speak(sentence(run, state, time.live()));
  };
}
