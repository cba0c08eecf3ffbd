// The scale calculator: model states in bytes on one GPU. Python side: momentum_lib/widgets/scale.py

import { h, pythonFloat } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { CARDS, OPTIMISERS, PRECISIONS, STAGES } from "./generated/scale.js";
import { choice, integer, number } from "./kit/state.js";

const NARROW = 160e9; // the axis reaches at least this far: both cards stay in the picture
const LOOK = /** @type {Record<string, string>} */ ({
  weights: "ink",
  gradients: "gradient",
  master: "quiet",
});

export const STATE = {
  parameters: number(7.5e9, 1e7, 1e12),
  optimiser: choice("adamw", Object.keys(OPTIMISERS)),
  precision: choice("mixed", Object.keys(PRECISIONS)),
  gpus: integer(64, 1, 16384),
  stage: integer(1, 0, 3),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @typedef {{name: string, title: string, look: string, bytes: number, shared: boolean}} Part bytes per parameter before sharing */

/** What is kept for each parameter, in order. @param {string} optimiser @param {string} precision @param {number} stage @returns {Part[]} */
export function parts(optimiser, precision, stage) {
  const p = /** @type {any} */ (PRECISIONS)[precision],
    arrays = /** @type {any} */ (OPTIMISERS)[optimiser].arrays;
  const part = (/** @type {string} */ name, /** @type {number} */ bytes, /** @type {number} */ from) => ({
    name,
    title: name,
    look: LOOK[name],
    bytes,
    shared: stage >= from,
  });
  return [
    part("weights", p.weights, 3),
    part("gradients", p.gradients, 2),
    ...(p.master ? [part("master", p.master, 1)] : []),
    ...arrays.map((/** @type {any} */ a) => ({
      name: a.name,
      title: a.title,
      look: a.look,
      bytes: a.size * (a.width ?? p.state),
      shared: stage >= 1,
    })),
  ];
}

const in_units = (/** @type {number} */ value, /** @type {[number, string][]} */ units) => {
  const three = Number(value.toPrecision(3)),
    [unit, word] = units.find(([size]) => three >= size) ?? units[units.length - 1];
  return `${Number((three / unit).toPrecision(6))} ${word}`;
};
/** Bytes in words: 31.4 GB. @param {number} value */
export const size = (value) =>
  in_units(value, [
    [1e15, "PB"],
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ]);
/** A count in words: 7.5 billion. @param {number} value */
export const count = (value) =>
  in_units(value, [
    [1e12, "trillion"],
    [1e9, "billion"],
    [1e6, "million"],
    [1e3, "thousand"],
  ]);
/** Three digits, as Python's %g prints them. @param {number} value */
const three = (value) => String(Number(value.toPrecision(3)));

/**
 * The model states of one GPU at a stage.
 * @param {{parameters: number, optimiser: string, precision: string, gpus: number}} state
 * @param {number} stage
 */
export function memory({ parameters, optimiser, precision, gpus }, stage) {
  const kept = parts(optimiser, precision, stage),
    bytes = kept.map((p) => (parameters * p.bytes) / (p.shared ? gpus : 1));
  const perParameter = kept.reduce((sum, p) => sum + p.bytes / (p.shared ? gpus : 1), 0);
  return { kept, bytes, perParameter, total: parameters * perParameter };
}

/** The arithmetic in pieces: [text, the part it belongs to]. @param {Part[]} kept @param {number} parameters @param {number} gpus @param {number} total @returns {[string, Part|null][]} */
export function arithmetic(kept, parameters, gpus, total) {
  const whole = kept.filter((p) => !p.shared),
    cut = kept.filter((p) => p.shared),
    outer = whole.length + (cut.length ? 1 : 0) > 1;
  /** @type {[string, Part|null][]} */
  const out = [[`${count(parameters)} × ${outer ? "(" : ""}`, null]];
  whole.forEach((p, k) => {
    if (k) out.push([" + ", null]);
    out.push([three(p.bytes), p]);
  });
  if (cut.length) {
    out.push([`${whole.length ? " + " : ""}${cut.length > 1 ? "(" : ""}`, null]);
    cut.forEach((p, k) => {
      if (k) out.push([" + ", null]);
      out.push([three(p.bytes), p]);
    });
    out.push([`${cut.length > 1 ? ")" : ""}/${gpus}`, null]);
  }
  out.push([`${outer ? ")" : ""} bytes = ${size(total)}`, null]);
  return out;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Where the memory goes: weights, gradients, and what the optimiser remembers",
    python: ({ parameters, optimiser, precision, gpus, stage }) => `from momentum_lib import scale

need = scale.memory(${pythonFloat(parameters)}, "${optimiser}", precision="${precision}", stage=${stage}, gpus=${gpus})
print(need.line)
for name, value in need.bytes.items():
    print(f"{name:10s} {value / 1e9:.3f} GB")
`,
  });
  fig.root.classList.add("lf-memory-bars");

  // ---- picture: four bars, which are four radio buttons
  const group = `lf-stages-${Math.random().toString(36).slice(2, 8)}`;
  const cards = Object.entries(CARDS),
    lines = h("div", { class: "lf-cards", "aria-hidden": "true" });
  const marks = cards.map(([name]) => {
    const node = h("span", { class: "lf-card" }, h("span", { text: name }));
    lines.append(node);
    return node;
  });
  const rows = STAGES.map((words, stage) => {
    const radio = h("input", { type: "radio", name: group, value: stage }),
      total = h("span", { class: "lf-bar-total" }),
      track = h("span", { class: "lf-bar-track", "aria-hidden": "true" });
    const node = h(
      "label",
      { class: "lf-bar" },
      radio,
      h("span", { class: "lf-bar-name" }, h("b", { text: `Stage ${stage}` }), ` ${words}`),
      total,
      track,
    );
    fig.life.on(radio, "change", () => fig.set({ stage }));
    return { node, radio, total, track };
  });
  const bars = h(
    "div",
    { class: "lf-bars", role: "radiogroup", "aria-label": "ZeRO stage" },
    lines,
    ...rows.map((row) => row.node),
  );
  const legend = h("ul", { class: "lf-legend", "aria-label": "Bytes per parameter" }),
    sum = h("p", { class: "lf-sum" });
  fig.pictures.append(h("div", { class: "lf-wide" }, bars, legend, sum));

  // ---- controls
  fig.slider({
    label: "parameters",
    unit: "billion",
    type: "log",
    range: () => [0.01, 1000],
    bounds: [0.01, 1000],
    get: () => fig.get("parameters") / 1e9,
    set: (v) => fig.set({ parameters: Math.round(v * 1e9) }),
    words: (v) => count(v * 1e9),
    marks: () =>
      [
        [0.124, "124M"],
        [7, "7B"],
        [70, "70B"],
        [1000, "1T"],
      ].map(([value, label]) => ({
        value: Number(value),
        label: String(label),
        side: value === 1000 ? "end" : "middle",
      })),
  });
  fig.slider({
    name: "gpus",
    label: "GPUs",
    type: "log",
    marks: () =>
      [1, 8, 64, 512, 16384].map((value) => ({
        value,
        label: String(value),
        side: value === 1 ? "start" : value === 16384 ? "end" : "middle",
      })),
  });
  fig.select({
    name: "optimiser",
    label: "optimiser",
    options: Object.entries(OPTIMISERS).map(([value, o]) => ({ value, label: o.title })),
  });
  fig.select({
    name: "precision",
    label: "precision",
    options: Object.entries(PRECISIONS).map(([value, p]) => ({ value, label: p.title })),
  });
  const sayEach = fig.readout("bytes per parameter"),
    sayCards = cards.map(([name]) => fig.readout(`a card of ${name}`));

  let found = /** @type {ReturnType<typeof memory>[]} */ ([]),
    text = "",
    reach = NARROW;
  fig.draw(() => {
    const state = /** @type {any} */ (fig.snapshot()),
      { stage } = state;
    found = STAGES.map((_, k) => memory(state, k));
    const chosen = found[stage];
    reach = Math.max(NARROW, 1.1 * chosen.total);
    rows.forEach((row, k) => {
      const { kept, bytes, total } = found[k];
      row.radio.checked = k === stage;
      row.node.classList.toggle("is-chosen", k === stage);
      row.total.textContent = size(total);
      row.track.classList.toggle("is-cut", total > reach);
      const places = cards.map(([, capacity]) => `--at: ${((100 * capacity) / reach).toFixed(2)}%`);
      row.track.replaceChildren(
        ...kept.map((p, i) => {
          const share = Math.min(100, (100 * bytes[i]) / reach);
          return h("span", {
            "data-look": p.look,
            class: share > 1.5 ? "lf-parted" : undefined,
            style: `width: ${share.toFixed(3)}%`,
          });
        }),
        ...places.map((style) => h("i", { style })),
      );
    });
    cards.forEach(([, capacity], k) =>
      marks[k].style.setProperty("--at", `${((100 * capacity) / reach).toFixed(2)}%`),
    );
    legend.replaceChildren(
      ...chosen.kept.map((p) =>
        h(
          "li",
          { "data-look": p.look },
          h("i", {}),
          `${p.title} ${three(p.bytes)}${p.shared ? `/${state.gpus}` : ""}`,
        ),
      ),
    );
    const pieces = arithmetic(chosen.kept, state.parameters, state.gpus, chosen.total);
    text = pieces.map(([words]) => words).join("");
    sum.replaceChildren(
      ...pieces.map(([words, p]) =>
        p
          ? h("b", { "data-look": p.look, text: words })
          : words.includes("=")
            ? h("span", { text: words })
            : words,
      ),
    );
    sayEach(three(chosen.perParameter));
    cards.forEach(([, capacity], k) =>
      sayCards[k](
        chosen.total <= capacity
          ? `fits, ${size(capacity - chosen.total)} left`
          : `too small, ${three(chosen.total / capacity)} times as much`,
      ),
    );
    fig.speak(
      `Stage ${stage}, ${STAGES[stage]}: ${text} on each GPU. ${cards.map(([name, capacity]) => `A card of ${name} ${chosen.total <= capacity ? "holds it" : "is too small"}`).join("; ")}.`,
    );
  });
  fig.numbers(() => ({
    bytes: found.map(({ kept, bytes }) => Object.fromEntries(kept.map((p, i) => [p.name, bytes[i]]))),
    totals: found.map((m) => m.total),
    per_parameter: found[fig.get("stage")].perParameter,
    line: text,
    reach,
    fits: Object.fromEntries(
      cards.map(([name, capacity]) => [name, found[fig.get("stage")].total <= capacity]),
    ),
  }));
  return fig.start();
}
