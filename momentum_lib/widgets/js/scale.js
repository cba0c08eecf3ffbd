// The scale calculator: model states in bytes on one GPU. Python side: momentum_lib/widgets/scale.py

import { h, pythonFloat } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { CARDS, OPTIMISERS, PRECISIONS, STAGES } from "./generated/scale.js";
import { choice, integer, number } from "./kit/state.js";
import { count, size, threeDigits } from "./kit/units.js";

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
  const { weights, gradients, master, state } = PRECISIONS[precision];
  /** One of the three that every training keeps; shared from a stage on. @param {string} name @param {number} bytes @param {number} from */
  const part = (name, bytes, from) => ({
    name,
    title: name,
    look: LOOK[name],
    bytes,
    shared: stage >= from,
  });
  return [
    part("weights", weights, 3),
    part("gradients", gradients, 2),
    ...(master ? [part("master", master, 1)] : []),
    ...OPTIMISERS[optimiser].arrays.map((array) => ({
      name: array.name,
      title: array.title,
      look: array.look,
      bytes: array.size * (array.width ?? state),
      shared: stage >= 1,
    })),
  ];
}

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
    out.push([threeDigits(p.bytes), p]);
  });
  if (cut.length) {
    out.push([`${whole.length ? " + " : ""}${cut.length > 1 ? "(" : ""}`, null]);
    cut.forEach((p, k) => {
      if (k) out.push([" + ", null]);
      out.push([threeDigits(p.bytes), p]);
    });
    out.push([`${cut.length > 1 ? ")" : ""}/${gpus}`, null]);
  }
  out.push([`${outer ? ")" : ""} bytes = ${size(total)}`, null]);
  return out;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} ScaleFigure */
/** @typedef {ReturnType<typeof memory>} Memory */

const CARD_LIST = Object.entries(CARDS);

/** Which cards hold so many bytes. @param {number} total */
export function fitting(total) {
  const holds = CARD_LIST.filter(([, capacity]) => total <= capacity).map(([name]) => name),
    small = CARD_LIST.filter(([, capacity]) => total > capacity).map(([name]) => name);
  if (!holds.length) return `It fits no card: ${small.join(" and ")} are too small.`;
  return `It fits a card of ${holds.join(" and one of ")}${small.length ? `; ${small.join(" and ")} is too small` : ""}.`;
}

/** @param {State} state */
const python = ({ parameters, optimiser, precision, gpus, stage }) => `from momentum_lib import scale

need = scale.memory(${pythonFloat(parameters)}, "${optimiser}", precision="${precision}", stage=${stage}, gpus=${gpus})
print(need.line)
for name, value in need.bytes.items():
    print(f"{name:10s} {value / 1e9:.3f} GB")
`;

/** Where a card's capacity lies on the axis, for CSS. @param {number} capacity @param {number} reach */
const placeOf = (capacity, reach) => `${((100 * capacity) / reach).toFixed(2)}%`;

/** Four bars, which are four radio buttons; returns what draws them. @param {ScaleFigure} fig @param {HTMLElement} parent */
function addBars(fig, parent) {
  const group = `lf-stages-${Math.random().toString(36).slice(2, 8)}`,
    lines = h("div", { class: "lf-cards", "aria-hidden": "true" });
  const marks = CARD_LIST.map(([name]) => h("span", { class: "lf-card" }, h("span", { text: name })));
  lines.append(...marks);
  const rows = STAGES.map((words, stage) => {
    const radio = h("input", { type: "radio", name: group, value: stage }),
      total = h("span", { class: "lf-bar-total" }),
      track = h("span", { class: "lf-bar-track", "aria-hidden": "true" });
    const name = h("span", { class: "lf-bar-name" }, h("b", { text: `Stage ${stage}` }), ` ${words}`),
      node = h("label", { class: "lf-bar" }, radio, name, total, track);
    fig.life.on(radio, "change", () => fig.set({ stage }));
    return { node, radio, total, track };
  });
  parent.append(
    h(
      "div",
      { class: "lf-bars", role: "radiogroup", "aria-label": "ZeRO stage" },
      lines,
      ...rows.map((row) => row.node),
    ),
  );
  return (/** @type {Memory[]} */ found, /** @type {number} */ stage, /** @type {number} */ reach) => {
    rows.forEach(({ node, radio, total, track }, k) => {
      radio.checked = k === stage;
      node.classList.toggle("is-chosen", k === stage);
      total.textContent = size(found[k].total);
      track.classList.toggle("is-cut", found[k].total > reach);
      track.replaceChildren(...barOf(found[k], reach));
    });
    const close = (100 * (CARD_LIST[1][1] - CARD_LIST[0][1])) / reach < 16; // two names would lie over each other
    CARD_LIST.forEach(([name, capacity], k) => {
      marks[k].style.setProperty("--at", placeOf(capacity, reach));
      marks[k].classList.toggle("is-early", capacity / reach < 0.3);
      const words = close ? (k ? CARD_LIST.map(([each]) => each).join(", ") : "") : name;
      if (marks[k].textContent !== words)
        /** @type {Element} */ (marks[k].firstElementChild).textContent = words;
    });
  };
}

/** One bar: a piece for each part, and where the cards end. @param {Memory} memory @param {number} reach @returns {HTMLElement[]} */
function barOf({ kept, bytes }, reach) {
  const pieces = kept.map((part, i) => {
    const share = Math.min(100, (100 * bytes[i]) / reach);
    return h("span", {
      "data-look": part.look,
      class: share > 1.5 ? "lf-parted" : undefined,
      style: `width: ${share.toFixed(3)}%`,
    });
  });
  return [
    ...pieces,
    ...CARD_LIST.map(([, capacity]) => h("i", { style: `--at: ${placeOf(capacity, reach)}` })),
  ];
}

/** Each part with its colour and bytes per parameter. @param {Part[]} kept @param {number} gpus @returns {HTMLElement[]} */
const legendOf = (kept, gpus) =>
  kept.map(({ look, title, bytes, shared }) =>
    h("li", { "data-look": look }, h("i", {}), `${title} ${threeDigits(bytes)}${shared ? `/${gpus}` : ""}`),
  );

/** The arithmetic, each number in the colour of its part. @param {[string, Part|null][]} pieces */
const sumOf = (pieces) =>
  pieces.map(([text, part]) => {
    if (part) return h("b", { "data-look": part.look, text });
    return text.includes("=") ? h("span", { text }) : text;
  });

/** @param {ScaleFigure} fig */
function addControls(fig) {
  const sizes = /** @type {[number, string][]} */ ([
    [0.124, "124M"],
    [7, "7B"],
    [70, "70B"],
    [1000, "1T"],
  ]);
  fig.slider({
    label: "parameters",
    unit: "billion",
    type: "log",
    range: () => [0.01, 1000],
    bounds: [0.01, 1000],
    get: () => fig.get("parameters") / 1e9,
    set: (v) => fig.set({ parameters: Math.round(v * 1e9) }),
    words: (v) => count(v * 1e9),
    marks: () => sizes.map(([value, label]) => ({ value, label, side: value === 1000 ? "end" : "middle" })),
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
    options: Object.entries(OPTIMISERS).map(([value, { title }]) => ({ value, label: title })),
  });
  fig.select({
    name: "precision",
    label: "precision",
    options: Object.entries(PRECISIONS).map(([value, { title }]) => ({ value, label: title })),
  });
}

/** @param {ScaleFigure} fig */
function addReadouts(fig) {
  const sayEach = fig.readout("bytes per parameter"),
    sayCards = CARD_LIST.map(([name]) => fig.readout(`a card of ${name}`));
  return (/** @type {Memory} */ { perParameter, total }) => {
    sayEach(threeDigits(perParameter));
    CARD_LIST.forEach(([, capacity], k) =>
      sayCards[k](
        total <= capacity
          ? `fits, ${size(capacity - total)} left`
          : `too small, ${threeDigits(total / capacity)} times as much`,
      ),
    );
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Where the memory goes: weights, gradients, and what the optimiser remembers",
    python,
  });
  fig.root.classList.add("lf-memory-bars");
  const picture = h("div", { class: "lf-wide lf-split" }),
    drawBars = addBars(fig, picture),
    legend = h("ul", { class: "lf-legend", "aria-label": "Bytes per parameter" }),
    sum = h("p", { class: "lf-sum" });
  picture.append(legend, sum);
  fig.pictures.append(picture);
  addControls(fig);
  const tell = addReadouts(fig);

  const drawn = { found: /** @type {Memory[]} */ ([]), line: "", reach: NARROW };
  fig.draw(() => {
    const state = fig.snapshot(),
      { stage } = state,
      found = STAGES.map((_, k) => memory(state, k)),
      chosen = found[stage],
      pieces = arithmetic(chosen.kept, state.parameters, state.gpus, chosen.total);
    Object.assign(drawn, {
      found,
      line: pieces.map(([words]) => words).join(""),
      reach: Math.max(NARROW, 1.1 * chosen.total),
    });
    drawBars(found, stage, drawn.reach);
    legend.replaceChildren(...legendOf(chosen.kept, state.gpus));
    sum.replaceChildren(...sumOf(pieces));
    tell(chosen);
    fig.speak(
      `Stage ${stage}, ${STAGES[stage]}: ${drawn.line} ${state.gpus > 1 ? "on each GPU" : "on one GPU"}. ${fitting(chosen.total)}`,
    );
  });
  fig.numbers(() => {
    const { found, line, reach } = drawn,
      { perParameter, total } = found[fig.get("stage")];
    return {
      bytes: found.map(({ kept, bytes }) => Object.fromEntries(kept.map((p, i) => [p.name, bytes[i]]))),
      totals: found.map((m) => m.total),
      per_parameter: perParameter,
      line,
      reach,
      fits: Object.fromEntries(CARD_LIST.map(([name, capacity]) => [name, total <= capacity])),
    };
  });
  return fig.start();
}
