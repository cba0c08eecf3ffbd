// Memory in tokens: half-lives of published trainings, and the reader's own. Python side: momentum_lib/widgets/memory.py

import { clamp, many, nearOne, pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { RUNS } from "./generated/scale.js";
import { betaAtHalfLife, halfLife as stepsToHalf } from "./generated/theory.js";
import { flag, number } from "./kit/state.js";
import { MOMENTUM_AT_SCALE } from "./kit/sliders.js";
import { count } from "./kit/units.js";

const REACH = /** @type {[number, number]} */ ([1e4, 1e10]),
  ROW = 30;

export const STATE = {
  beta: number(0.95, 0.0001, 0.999999),
  tokens: number(491520, 1e3, 1e9),
  hold: flag(false),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** After how many tokens the weight of a gradient has halved. @param {number} beta @param {number} tokens per step */
export const halfLife = (beta, tokens) => stepsToHalf(beta) * tokens;
/** The momentum whose memory halves after so many tokens. @param {number} life @param {number} tokens per step */
export const betaFor = (life, tokens) => betaAtHalfLife(life / tokens);
/** The momentum that remembers as many tokens at another batch size. @param {number} beta @param {number} tokens @param {number} next */
export const sameMemory = (beta, tokens, next) => beta ** (next / tokens);

/** The published trainings that state momentum and tokens per step, by tokens per step. @returns {{name: string, look: string, momentum: number, squares?: number}[]} */
export function published() {
  const known = RUNS.filter(
    (run) => typeof run.momentum === "number" && typeof run.tokens_per_step === "number",
  );
  return known
    .sort((a, b) => Number(a.tokens_per_step) - Number(b.tokens_per_step))
    .map((run) => ({
      name: run.name,
      look: run.family === "muon" ? "matrix" : "momentum",
      momentum: halfLife(Number(run.momentum), Number(run.tokens_per_step)),
      ...(typeof run.beta2 === "number" ? { squares: halfLife(run.beta2, Number(run.tokens_per_step)) } : {}),
    }));
}

/** @type {Record<string, string>} */
const LETTERS = { thousand: "k", million: "M", billion: "bn", trillion: "tn" };

/** A count of tokens, short: 6.6M. @param {number} value */
const short = (value) => {
  const [digits, word] = count(value).split(" ");
  return digits + (LETTERS[word] ?? "");
};

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "How much text a momentum remembers",
    python: ({ beta, tokens }) => `from momentum_lib import scale

mine = scale.half_life(${pythonFloat(beta)}, tokens=${pythonFloat(tokens)})
print(f"half-life {mine / 1e6:.3g} million tokens")
for run in scale.runs("momentum", "tokens_per_step"):
    print(run.name, f"{scale.half_life(run.momentum, run.tokens_per_step) / mine:.3g} times as long")
`,
  });
  const rows = published();
  const plot = fig.plot({
    label: "Half-lives in tokens, one row a training",
    x: {
      type: "log",
      domain: REACH,
      label: "tokens until the weight of a gradient has halved",
      format: short,
    },
    y: { domain: [-0.5, rows.length + 0.5], hidden: true },
    height: () => ROW * (rows.length + 1) + 44,
    margin: { top: 6, left: 14, right: 20 },
  });
  const guide = plot.line({ class: "lf-guide", layer: "back" });
  const drawn = rows.map((row) => ({
    row,
    span: plot.line({ class: "lf-span" }),
    squares: plot.marks({ look: "adaptive", shape: "square", radius: 5.5, class: "lf-hollow" }),
    momentum: plot.marks({ look: row.look, shape: "disc", radius: 4 }),
    name: plot.text({ class: "lf-direct" }),
    left: plot.text({ anchor: "end" }),
    right: plot.text(),
  }));
  const mine = plot.text({ class: "lf-direct" }),
    mineIs = plot.text();
  plot.key([
    { words: "● momentum", look: "momentum" },
    { words: "□ Adam’s β₂", look: "adaptive" },
    { words: "● Muon’s momentum", look: "matrix" },
  ]);
  const own = () => halfLife(fig.get("beta"), fig.get("tokens"));
  const handle = plot.handle({
    label: "Your half-life in tokens",
    axis: "x",
    look: "momentum",
    bounds: () => [REACH, [rows.length, rows.length]],
    set: (life) => fig.set({ beta: betaFor(life, fig.get("tokens")) }),
    words: () => `${count(own())} tokens, momentum ${nearOne(fig.get("beta"))}`,
  });

  fig.slider(MOMENTUM_AT_SCALE);
  fig.slider({
    name: "tokens",
    label: "tokens per step",
    type: "log",
    digits: 9,
    words: (v) => `${count(v)} tokens`,
    set: (next) =>
      fig.set({
        tokens: next,
        ...(fig.get("hold") ? { beta: sameMemory(fig.get("beta"), fig.get("tokens"), next) } : {}),
      }),
    bounds: [1e3, 1e9],
    marks: () => [4096, 491520, 62914560].map((value) => ({ value, label: short(value) })),
  });
  fig.toggle({ name: "hold", label: "another batch size keeps the half-life", look: "momentum" });
  const sayLife = fig.readout("half-life in tokens", { look: "momentum" }),
    saySteps = fig.readout("in steps"),
    sayBeta = fig.readout("same memory at 62.9M tokens a step");

  fig.draw(() => {
    const { beta, tokens } = fig.snapshot(),
      life = own();
    drawn.forEach(({ row, span, squares, momentum, name, left, right }, i) => {
      const y = rows.length - 1 - i,
        ends = [row.momentum, row.squares ?? row.momentum],
        apart = plot.x(ends[1]) - plot.x(ends[0]) > 3;
      span.update([REACH[0], y + 0.5, REACH[1], y + 0.5]);
      momentum.update([ends[0], y]);
      squares.update([ends[1], y]);
      if (row.squares === undefined) squares.clear();
      name.update(REACH[0], y, row.name, 0, 4);
      if (apart) left.update(ends[0], y, short(ends[0]), -9, 4);
      else left.clear();
      right.update(ends[1], y, short(ends[1]), 10, 4);
    });
    const seen = clamp(life, ...REACH),
      late = plot.x(seen) > plot.inner.right - 70;
    guide.update([seen, -0.5, seen, rows.length + 0.5]);
    handle.update(seen, rows.length);
    mine.update(REACH[0], rows.length, "yours", 0, 4);
    mineIs.anchor(late ? "end" : "start");
    mineIs.update(
      seen,
      rows.length,
      `${short(life)}${life > REACH[1] ? " →" : life < REACH[0] ? " ←" : ""}`,
      late ? -15 : 15,
      4,
    );
    const steps = life / tokens,
      there = sameMemory(beta, tokens, 62914560);
    sayLife(count(life));
    saySteps(show(steps));
    sayBeta(
      there < 0.001
        ? "less than 0.001: none"
        : there > 0.999
          ? `β = 1 − ${show(1 - there, 2)}`
          : `β = ${show(there)}`,
    );
    fig.speak(
      `Momentum ${nearOne(beta)} at ${count(tokens)} tokens a step: half of what it has read is forgotten after ${count(life)} tokens, which is ${many(steps, "step")}.`,
    );
  });
  fig.numbers(() => ({
    rows: Object.fromEntries(
      rows.map(({ name, momentum, squares }) => [
        name,
        squares === undefined ? { momentum } : { momentum, squares },
      ]),
    ),
    mine: own(),
    steps: own() / fig.get("tokens"),
  }));
  return fig.start();
}
