// Digits: two networks learn to read, one without and one with momentum, each at its own best rate; then both read what the
// reader writes. Python side: momentum_lib/widgets/digits.py

import { assign, clamp, pythonFloat, s, show } from "./kit/dom.js";
import { LEARNT, SHOWN, inputs, pixels } from "./kit/digits.js";
import { stepVector } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { batches, network, softmax } from "./kit/network.js";
import { choice, integer, name } from "./kit/state.js";
import { inPieces } from "./kit/work.js";
import { PEN, SIDE, fit, ink } from "./digits/ink.js";
import { DIGITS, RATES } from "./generated/digits.js";
import { RULES } from "./generated/rules.js";

/** @typedef {import("./kit/types.js").Pair} Pair */
/** @typedef {"plain"|"momentum"} Which */

export const SIZES = [64, 32, 10];
export const STEPS = 120;
export const EVERY = 4; // steps from one judgement to the next
const LOSS = /** @type {Pair} */ ([0.05, 3]),
  SETTLES = 600, // milliseconds after which a drawing moves to where the data's digits stand
  BARS = { left: 9.9, wide: 8.6, row: 0.8, high: 0.28 }, // where the bars stand, in pixels of a digit
  EMPTY = "0".repeat(64);

export const STATE = {
  batch: choice("32", ["4", "32", "all"]),
  momentum: choice("0.9", ["0.5", "0.9", "0.99"]),
  sample: integer(0, 0, DIGITS.shown.y.length - 1),
  drawing: name(""),
  seed: integer(1, 0, 9999),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {ReturnType<typeof begin>} Learner */

const net = network(SIZES, "cross-entropy");

/** The momentum of a side. @param {Which} which @param {State} state */
export const momentumOf = (which, { momentum }) => (which === "plain" ? "0" : momentum);
/** Its own best rate, found by Python. @param {Which} which @param {State} state */
export const rateOf = (which, state) => RATES[state.batch][momentumOf(which, state)];
/** Digits a step. @param {State} state */
const sizeOf = ({ batch }) => (batch === "all" ? LEARNT.rows : Number(batch));

/** The share of the shown digits that a network reads right, and its loss on them. @param {Float64Array} theta */
export function judge(theta) {
  let right = 0,
    loss = 0;
  for (let row = 0; row < SHOWN.rows; row++) {
    const z = net.outputs(theta, SHOWN.x.subarray(64 * row, 64 * row + 64)),
      answer = z[SHOWN.y[row]];
    if (z.indexOf(Math.max(...z)) === SHOWN.y[row]) right++;
    loss += softmax(z) - answer;
  }
  return { right: right / SHOWN.rows, loss: loss / SHOWN.rows };
}

/** What the two networks of a state begin with: the same parameters, and which digits each step takes. @param {State} state */
function outset(state) {
  const theta = net.start(state.seed);
  return {
    theta,
    order: state.batch === "all" ? null : batches(LEARNT.rows, sizeOf(state), STEPS, state.seed),
    judged: judge(theta),
  };
}

/** A network before its first step. @param {Which} which @param {State} state */
export function begin(which, state, { theta, order, judged } = outset(state)) {
  return {
    which,
    lr: rateOf(which, state),
    beta: Number(momentumOf(which, state)),
    order,
    size: sizeOf(state),
    t: 0,
    theta: theta.slice(),
    v: new Float64Array(net.count),
    grad: new Float64Array(net.count),
    points: [theta], // after 0, 1, 2, ... steps
    judged: [judged], // after 0, EVERY, 2 EVERY, ... steps
  };
}

/** One step. @param {Learner} one */
export function step(one) {
  const { order, size, theta, grad, v, t, lr, beta } = one;
  net.lossAndGradient(theta, LEARNT, grad, order?.subarray(size * t, size * (t + 1)));
  stepVector(RULES.heavy_ball, theta, grad, [v], t + 1, { lr: lr * (1 - t / STEPS), beta });
  one.t++;
  one.points.push(theta.slice());
  if (one.t % EVERY === 0) one.judged.push(judge(theta));
}

/** What a network makes of a digit: the shares of the ten classes. @param {Float64Array} theta @param {string} text */
export function read(theta, text) {
  const z = net.outputs(theta, inputs(text));
  softmax(z);
  return z;
}

/** The digit that is on the pad. @param {State} state */
export const padOf = ({ drawing, sample }) => (pixels(drawing) ? drawing : DIGITS.shown.x[sample]);
/** Whether that is one of the test. @param {State} state */
const isSample = ({ drawing }) => !pixels(drawing);

// ------------------------------------------------------------------------------------------------------ the figure

/** The same network in the playground, with all digits in each step. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = (state) => ({
  surface: { kind: "net", name: "digits" },
  rules: SIDES.map((which) => ({
    rule: which === "plain" ? "gradient_descent" : "heavy_ball",
    hyper: {
      lr: rateOf(which, { ...state, batch: "all" }),
      ...(which === "plain" ? {} : { beta: Number(momentumOf(which, state)) }),
    },
  })),
  starts: [[1, 0]],
});

/** @typedef {import("./kit/types.js").Figure<typeof STATE>} DigitsFigure */
/** @typedef {Record<Which, Learner>} Pairing */

const SIDES = /** @type {Which[]} */ (["plain", "momentum"]);
const LOOKS = { plain: "gradient", momentum: "momentum" };

/** @param {State} state */
const python = (state) => `from momentum_lib import networks, rules
from momentum_lib.widgets.digits_table import falling, pixels

net, data = networks.Network((${SIZES.join(", ")}), "cross-entropy"), networks.digits(${LEARNT.rows}, 297)
shown = data.test.take(slice(0, ${SHOWN.rows}))
digit = pixels("${padOf(state)}") / 16 - data.mean
for lr, beta in [${SIDES.map((which) => `(${pythonFloat(rateOf(which, state))}, ${pythonFloat(Number(momentumOf(which, state)))})`).join(", ")}]:
    run = networks.train(net, data.train, rules.heavy_ball, net.start(${state.seed}), ${STEPS},
                         batch=${state.batch === "all" ? "None" : state.batch}, seed=${state.seed}, lr=lr * falling(), beta=beta)
    read = net.probabilities(run.theta, digit[None])[0]
    print(f"momentum {beta}: {net.accuracy(run.theta, shown):.2f} right, reads {read.argmax()} ({read.max():.2f})")
`;

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Write a digit, and let two networks read it: one learnt without momentum, one with it",
    python,
    playground,
  });
  fig.root.classList.add("lf-digits");
  const school = addSchool(fig),
    pad = addPad(fig),
    bars = addBars(pad.plot),
    curves = addCurves(fig);
  const time = fig.player({ length: () => STEPS, seconds: () => 5 });
  fig.onReset(() => time.end());
  fig.button({ label: "Clear the pad", press: pad.clear });
  addControls(fig);
  const say = addReadouts(fig);
  const drawn = { shares: /** @type {Record<Which, Float64Array>} */ ({}) };
  fig.draw(() => {
    const pair = school.catchUp(time.head()),
      state = fig.snapshot(),
      head = Math.min(time.head(), pair.plain.t, pair.momentum.t),
      text = padOf(state);
    for (const which of SIDES) drawn.shares[which] = read(pair[which].points[head], text);
    pad.draw(text);
    bars(drawn.shares, state);
    curves(pair, head, state);
    say(pair, head, state, drawn.shares);
  });
  fig.numbers(() => {
    if (school.finish()) {
      fig.redraw();
      fig.flush();
    }
    const pair = school.pair(),
      each = (/** @type {(one: Learner) => any} */ f) => ({
        plain: f(pair.plain),
        momentum: f(pair.momentum),
      });
    return {
      losses: each((one) => one.judged.map(({ loss }) => loss)),
      right: each((one) => one.judged.map(({ right }) => right)),
      rates: each((one) => one.lr),
      shares: { plain: Array.from(drawn.shares.plain), momentum: Array.from(drawn.shares.momentum) },
      theta: each((one) => Array.from(one.theta)),
      head: time.head(),
    };
  });
  return fig.start();
}

/** The two networks, trained as far as a frame allows. @param {DigitsFigure} fig */
function addSchool(fig) {
  const kept = {
    key: "",
    outset: /** @type {ReturnType<typeof outset>|undefined} */ (undefined),
    pair: /** @type {Pairing} */ ({}),
    head: 0,
  };
  function renew() {
    const state = fig.snapshot(),
      key = `${state.batch} ${state.momentum} ${state.seed}`;
    if (key === kept.key) return;
    const same = kept.key.split(" ")[0] === state.batch && kept.key.split(" ")[2] === String(state.seed);
    if (!same) kept.outset = outset(state);
    kept.pair = {
      plain: same ? kept.pair.plain : begin("plain", state, kept.outset), // it knows no momentum
      momentum: begin("momentum", state, kept.outset),
    };
    kept.key = key;
  }
  /** The one that is behind makes the next step; false where both are done. */
  function next() {
    const { plain, momentum } = kept.pair,
      one = momentum.t < plain.t ? momentum : plain;
    if (one.t >= STEPS) {
      if (momentum.t >= STEPS) return false;
      step(momentum);
    } else step(one);
    return true;
  }
  /** Whether the step that is shown is still to come. */
  const owes = () => Math.min(kept.pair.plain.t, kept.pair.momentum.t) < kept.head;
  const goOn = inPieces(fig.life, (over) => {
    renew();
    while (owes() && !over()) next();
    fig.redraw();
    return owes();
  });
  return {
    pair: () => kept.pair,
    /** All of it, now; whether anything was left to do. */
    finish() {
      renew();
      const left = next();
      while (next());
      return left;
    },
    /** Train on, frame by frame, until the step that is shown. @param {number} head */
    catchUp(head) {
      renew();
      kept.head = head;
      if (owes()) goOn();
      return kept.pair;
    },
  };
}

/** The pad: what the networks see, and where the reader writes. @param {DigitsFigure} fig */
function addPad(fig) {
  const plot = fig.plot({
    label: "The pad with a digit of eight by eight pixels, and what each network takes it for",
    equal: true,
    x: { domain: [0, 19], hidden: true },
    y: { domain: [0, SIDE], hidden: true },
    margin: { top: 8, right: 8, bottom: 8, left: 8 },
  });
  plot.box.classList.add("lf-wide");
  const group = s("g", { class: "lf-cells", "aria-hidden": "true" }),
    cells = Array.from({ length: SIDE * SIDE }, () => group.appendChild(s("rect"))),
    frame = s("rect", { class: "lf-pad" }),
    stroke = s("path", { class: "lf-line lf-stroke", "data-look": "ink" }),
    held = { strokes: /** @type {Pair[][]} */ ([]), text: "", shown: "", settle: () => {} };
  const pad = s(
    "g",
    {
      role: "img",
      "aria-label":
        "The pad: write a digit with the mouse or a finger; without them, choose a test digit below",
    },
    frame,
  );
  plot.layers.back.append(group);
  plot.layers.marks.append(stroke);
  plot.layers.front.append(pad);
  plot.onLayout(() => {
    const { x, y } = plot,
      side = Math.abs(x(1) - x(0));
    cells.forEach((cell, k) => {
      cell.setAttribute("x", String(x(k % SIDE)));
      cell.setAttribute("y", String(y(SIDE - Math.floor(k / SIDE))));
      cell.setAttribute("width", String(side));
      cell.setAttribute("height", String(side));
    });
    assign(frame, { x: x(0), y: y(SIDE), width: SIDE * side, height: SIDE * side });
    stroke.style.strokeWidth = `${2 * PEN * side}px`;
  });
  const place = (/** @type {PointerEvent} */ event) => {
    const box = plot.svg.getBoundingClientRect();
    return /** @type {Pair} */ ([
      clamp(plot.x.invert(event.clientX - box.left), 0, SIDE),
      SIDE - clamp(plot.y.invert(event.clientY - box.top), 0, SIDE), // y downwards, as a pen goes
    ]);
  };
  const store = () => {
    held.text = ink(held.strokes);
    fig.set({ drawing: held.text });
  };
  write(fig, frame, {
    /** @param {PointerEvent} event */
    down(event) {
      held.settle();
      if (fig.get("drawing") !== held.text) held.strokes = []; // what is on the pad is not the reader's own
      held.strokes.push([place(event)]);
      store();
    },
    move(event) {
      held.strokes[held.strokes.length - 1].push(place(event));
      store();
    },
    up() {
      held.settle = fig.life.after(SETTLES, () => {
        held.strokes = fit(held.strokes);
        store();
      });
    },
  });
  return {
    plot,
    clear() {
      held.settle();
      Object.assign(held, { strokes: [], text: EMPTY });
      fig.set({ drawing: EMPTY });
    },
    /** @param {string} text */
    draw(text) {
      const values = pixels(text);
      if (text !== held.shown)
        cells.forEach((cell, k) => cell.setAttribute("fill-opacity", String((values?.[k] ?? 0) / 16)));
      held.shown = text;
      if (text !== held.text) held.strokes = [];
      const trace = held.strokes.map((one) =>
        one.map(([x, y]) => `${plot.x(x).toFixed(1)},${plot.y(SIDE - y).toFixed(1)}`),
      );
      stroke.setAttribute("d", trace.map((one) => `M${one[0]}L${one.join("L")}`).join(""));
    },
  };
}

/**
 * A pen on the pad: mouse, finger or stylus. A finger on the pad writes and does not scroll.
 * @param {DigitsFigure} fig @param {SVGElement} frame
 * @param {{down: (event: PointerEvent) => void, move: (event: PointerEvent) => void, up: () => void}} pen
 */
function write({ life }, frame, { down, move, up }) {
  let writing = false;
  life.on(frame, "pointerdown", (event) => {
    if (event.button !== 0) return;
    writing = true;
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
    down(event);
  });
  life.on(frame, "touchstart", (event) => event.preventDefault(), { passive: false });
  life.on(frame, "pointermove", (event) => {
    if (writing) move(event);
  });
  const lift = () => {
    if (writing) up();
    writing = false;
  };
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) life.on(frame, type, lift);
}

/** Ten rows of two bars, beside the pad. @param {import("./kit/types.js").Plot} plot */
function addBars(plot) {
  const rects = Object.fromEntries(
      SIDES.map((which) => [
        which,
        Array.from({ length: 10 }, () =>
          plot.layers.marks.appendChild(
            s("rect", { class: `lf-bar lf-bar-${which}`, "data-look": LOOKS[which] }),
          ),
        ),
      ]),
    ),
    ends = [BARS.left, BARS.left + BARS.wide].map((at) => ({
      at,
      line: plot.line({ class: "lf-guide", layer: "back" }),
    })),
    names = Array.from({ length: 10 }, (_, digit) =>
      plot.layers.front.appendChild(
        s("text", { class: "lf-text lf-class", "text-anchor": "middle", text: String(digit) }),
      ),
    ),
    key = plot.key();
  plot.onLayout(() => {
    names.forEach((node, digit) => {
      node.setAttribute("x", plot.x(BARS.left - 0.55).toFixed(1));
      node.setAttribute("y", (plot.y(SIDE - (digit + 0.5) * BARS.row) + 4).toFixed(1));
    });
  });
  /** @param {Record<Which, Float64Array>} shares @param {State} state */
  return (shares, state) => {
    const { left, wide, row, high } = BARS,
      best = SIDES.map((which) => shares[which].indexOf(Math.max(...shares[which])));
    const unit = plot.x(1) - plot.x(0);
    SIDES.forEach((which, k) =>
      rects[which].forEach((rect, digit) =>
        assign(rect, {
          x: plot.x(left),
          y: plot.y(SIDE - digit * row - row / 2) + (k - 1) * (high + 0.02) * unit,
          width: Math.max(0.5, wide * unit * shares[which][digit]),
          height: high * unit,
        }),
      ),
    );
    for (const { at, line } of ends) line.update([at, 0, at, SIDE]);
    names.forEach((node, digit) => node.classList.toggle("lf-read", best.includes(digit)));
    key.update(
      SIDES.map((which, k) => ({
        look: LOOKS[which],
        words: `${which === "plain" ? "without momentum" : `with momentum ${state.momentum}`}: reads ${best[k]}`,
      })),
    );
  };
}

/** The loss on the digits that were not learnt. @param {DigitsFigure} fig */
function addCurves(fig) {
  const plot = fig.plot({
    label: "Loss on digits that were not learnt, against the step",
    x: { domain: [0, STEPS], label: "step", count: 6 },
    y: { type: "log", domain: LOSS, label: "loss on unseen digits", count: 4 },
    later: true,
    height: (width) => clamp(width * 0.26, 150, 210),
    margin: { top: 26, left: 42, right: 14 },
  });
  const lines = Object.fromEntries(SIDES.map((which) => [which, plot.line({ look: LOOKS[which] })])),
    now = Object.fromEntries(
      SIDES.map((which) => [which, plot.marks({ look: LOOKS[which], radius: 4, layer: "front" })]),
    ),
    names = Object.fromEntries(
      SIDES.map((which) => [which, plot.text({ look: LOOKS[which], anchor: "end" })]),
    );
  /** @param {Pairing} pair @param {number} head @param {State} state */
  return (pair, head, state) => {
    for (const which of SIDES) {
      const upTo = Math.floor(head / EVERY),
        pairs = pair[which].judged.slice(0, upTo + 1).flatMap((one, k) => [k * EVERY, one.loss]),
        loss = pairs[pairs.length - 1];
      lines[which].update(pairs);
      now[which].update([upTo * EVERY, loss]);
      names[which].update(
        upTo * EVERY,
        clamp(loss, ...LOSS),
        which === "plain" ? "without" : `momentum ${state.momentum}`,
        -8,
        which === "plain" ? 18 : -8,
      );
    }
  };
}

/** @param {DigitsFigure} fig */
function addControls(fig) {
  fig.slider({
    name: "sample",
    label: "test digit",
    get: () => fig.get("sample"),
    set: (sample) => fig.set({ sample, drawing: "" }),
    whole: true,
    words: (k) => `number ${k}, a ${DIGITS.shown.y[k]}`,
  });
  fig.segments({
    name: "momentum",
    label: "momentum of the second network",
    options: STATE.momentum.options.map((value) => ({ value, label: value, look: "momentum" })),
  });
  fig.segments({
    name: "batch",
    label: "digits a step",
    options: STATE.batch.options.map((value) => ({
      value,
      label: value === "all" ? `all ${LEARNT.rows}` : value,
    })),
  });
  fig.button({ label: "Another start", press: () => fig.set({ seed: (fig.get("seed") + 1) % 10000 }) });
}

/** What both networks have come to, in two sentences. @param {Pairing} pair @param {number} head @param {State} state @param {Record<Which, Float64Array>} shares */
export function sentence(pair, head, state, shares) {
  const right = SIDES.map((which) => pair[which].judged[Math.floor(head / EVERY)].right),
    best = SIDES.map((which) => shares[which].indexOf(Math.max(...shares[which]))),
    sure = SIDES.map((which, k) => `${best[k]} (${Math.round(100 * shares[which][best[k]])} %)`),
    subject = isSample(state) ? `This test digit, a ${DIGITS.shown.y[state.sample]},` : "What is on the pad",
    of = SHOWN.rows;
  return `After ${head} steps of ${sizeOf(state)} digits, ${Math.round(right[0] * of)} of ${of} unseen digits are read right without momentum, at rate ${show(pair.plain.lr)}, and ${Math.round(right[1] * of)} with momentum ${state.momentum}, at rate ${show(pair.momentum.lr)}. ${subject} is read as ${sure[0]} without and as ${sure[1]} with it.`;
}

/** @param {DigitsFigure} fig */
function addReadouts(fig) {
  const say = Object.fromEntries(
    SIDES.map((which) => [
      which,
      fig.readout(which === "plain" ? "right, without momentum" : "right, with momentum", {
        look: LOOKS[which],
      }),
    ]),
  );
  const sayRates = fig.readout("rates, each its own best"),
    sayDigits = fig.readout("digits learnt, digits unseen");
  /** @param {Pairing} pair @param {number} head @param {State} state @param {Record<Which, Float64Array>} shares */
  return (pair, head, state, shares) => {
    for (const which of SIDES)
      say[which](`${Math.round(100 * pair[which].judged[Math.floor(head / EVERY)].right)} %`);
    sayRates(`${show(pair.plain.lr)}, ${show(pair.momentum.lr)}`);
    sayDigits(`${LEARNT.rows}, ${SHOWN.rows}`);
    fig.speak(sentence(pair, head, state, shares));
  };
}
