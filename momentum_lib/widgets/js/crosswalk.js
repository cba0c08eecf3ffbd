// The crosswalk: one setting in every convention, and the change of rate that parts them. Python side: momentum_lib/widgets/crosswalk.py

import { h, parseNumber, plain, pythonFloat, pythonNumber, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { equation } from "./kit/equation.js";
import { createFigure } from "./kit/figure.js";
import { CONVENTIONS, PAIRS, REASONS } from "./generated/conventions.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { memberDash } from "./kit/members.js";
import { marksData } from "./kit/geometry.js";
import { choice, choices, flag, integer, number, point } from "./kit/state.js";

const NAMES = Object.keys(CONVENTIONS);
const PARAMS = { kappa: 25, angle: 0.3 };

export const STATE = {
  source: choice("heavy_ball", NAMES),
  lr: number(0.012, 1e-5, 1000),
  beta: number(0.9, 0, 0.999),
  drop: flag(false),
  drop_at: integer(13, 1, 299),
  factor: number(10, 1, 100),
  shown: choices(["classical_momentum", "heavy_ball", "averaged_momentum"], NAMES, 0),
  start: point([-2.5, -1.2], SURFACES.ravine.domain),
  steps: integer(60, 10, 300),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** What conventions.convert answers: the target's learning rate, or the sentence that refuses. @param {string} source @param {string} target @param {number} lr @param {number} beta */
export function convert(source, target, lr, beta) {
  const pair = PAIRS[source][target];
  if (beta === 0) return { lr, refused: null };
  if (pair.refused !== null) return { lr: NaN, refused: REASONS[pair.refused] };
  return {
    lr: pair.lr === "divide" ? lr / (1 - beta) : pair.lr === "multiply" ? lr * (1 - beta) : lr,
    refused: null,
  };
}

/** The points by which a rule is compared: its own, or, for the look-ahead rule, the points at which it looks. @param {string} name @param {any} state @param {number} lr */
export function run(name, { start, steps, drop, drop_at, factor, beta }, lr) {
  const rule = RULES[name],
    rates = Float64Array.from({ length: steps }, (_, k) => (drop && k >= drop_at ? lr / factor : lr));
  const ahead = rule.template.look !== null;
  const path = descend(rule, SURFACES.ravine, {
    start,
    steps,
    params: PARAMS,
    hyper: { lr: rates, beta },
    extras: ahead,
  });
  if (!ahead) return path;
  const slots = Object.keys(rule.slots);
  const points = path.points.map((theta, k) =>
    rule.lookAt(
      theta,
      slots.map((slot) => path.state[slot][k]),
      { lr: rates[Math.min(k >> 1, steps - 1)], beta },
    ),
  );
  return { ...path, points };
}

/** Length of each step of a flat (x, y) path. @param {ArrayLike<number>} points */
export function stepLengths(points) {
  return Float64Array.from({ length: points.length / 2 - 1 }, (_, k) =>
    Math.hypot(points[2 * k + 2] - points[2 * k], points[2 * k + 3] - points[2 * k + 1]),
  );
}

/** The largest distance between two of the paths at one step, over the largest distance from the minimum. @param {ArrayLike<number>[]} paths */
export function largestDifference(paths) {
  let gap = 0,
    size = 0;
  for (const a of paths) {
    for (let k = 0; k < a.length; k += 2) size = Math.max(size, Math.hypot(a[k], a[k + 1]));
    for (const b of paths)
      for (let k = 0; k < Math.min(a.length, b.length); k += 2)
        gap = Math.max(gap, Math.hypot(a[k] - b[k], a[k + 1] - b[k + 1]));
  }
  return size ? gap / size : 0;
}

// ------------------------------------------------------------------------------------------------------ the figure

const SHAPE = /** @type {Record<string, any>} */ ({
  polyak: "diamond",
  classical_momentum: "square",
  heavy_ball: "disc",
  averaged_momentum: "ring",
  dampened_momentum: "triangle",
  nesterov: "triangle",
  nesterov_torch: "diamond",
  nesterov_lerp: "ring",
});
/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title:
      "One run, eight ways to write it: at a constant rate the forms agree, and a change of the rate parts them",
    python: (state) => {
      const { source, lr, beta, drop, drop_at, factor, start, steps } = state,
        names = drawnNames(state);
      const points = names.includes("nesterov")
        ? 'path.looks if name == "nesterov" else path.points  # nesterov is compared where it looks'
        : "path.points";
      return `import numpy as np
from momentum_lib import convert, descend, rules, surfaces

ravine = surfaces.ravine(kappa=${PARAMS.kappa}, angle=${PARAMS.angle})
divisor = np.where(np.arange(${steps}) < ${Math.min(drop_at, steps - 1)}, 1.0, ${drop ? pythonFloat(factor) : "1.0"})  # the rate is lr / divisor
paths = {}
for name in [${names.map((name) => `"${name}"`).join(", ")}]:
    hyper = convert("${source}", name, lr=${pythonFloat(lr)}, beta=${pythonFloat(beta)})
    lr = hyper.pop("lr")
    path = descend(rules.get(name), ravine, start=[${start.map(pythonFloat).join(", ")}], steps=${steps}, lr=lr / divisor, **hyper)
    paths[name] = ${points}
    print(f"{name:20} lr={lr:.6g}", paths[name][-1])
`;
    },
  });

  /** The rules that are drawn: the source, and every ticked one that converts. @param {any} state */
  function drawnNames({ source, shown, lr, beta }) {
    return NAMES.filter(
      (name) => name === source || (shown.includes(name) && !convert(source, name, lr, beta).refused),
    );
  }
  const title = (/** @type {string} */ name) => RULES[name].title;

  // ---- pictures
  const [xs, ys] = SURFACES.ravine.domain;
  const plane = fig.plot({
    label: "The ravine seen from above, and the path of every convention",
    x: { domain: xs, hidden: true },
    y: { domain: ys, hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const contours = plane.contours({ count: 9, cells: 150 });
  const minimum = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" });
  const lengths = fig.plot({
    label: "Length of each step",
    x: { domain: [0, 60], label: "step", count: 4 },
    y: { type: "log", domain: [1e-3, 2], label: "length of the step", count: 4 },
    height: (width) => Math.max(190, Math.min(width * 0.9, 300)),
    margin: { top: 26, left: 42, right: 14 },
  });
  const wall = lengths.line({ class: "lf-guide", layer: "back" });
  const wallName = lengths.text({ class: "lf-direct" }),
    sides = { inside: lengths.text({ class: "lf-direct" }), outside: lengths.text({ class: "lf-direct" }) };
  const tracks = Object.fromEntries(
    NAMES.map((name) => {
      const look = RULES[name].family,
        parts = {
          line: plane.line({ look }),
          dots: plane.marks({ look, shape: SHAPE[name], class: "lf-nested" }),
          length: lengths.line({ look, class: "lf-thin" }),
        };
      for (const part of [parts.line, parts.length])
        part.node.style.setProperty("--lf-dash", memberDash(name));
      return [name, parts];
    }),
  );
  const handle = plane.handle({
    label: "Start of the paths",
    bounds: () => STATE.start.domain,
    set: (x, y) => fig.set({ start: [x, y] }),
  });
  plane.onPick((x, y) => fig.set({ start: [x, y] }));
  const last = () => Math.min(fig.get("drop_at"), fig.get("steps") - 1);
  const gate = lengths.handle({
    label: "Step after which the rate drops",
    axis: "x",
    bounds: () => [
      [1, fig.get("steps") - 1],
      [1e-3, 2],
    ],
    set: (x) => fig.set({ drop_at: Math.round(x), drop: true }),
    words: () =>
      fig.get("drop")
        ? `the rate is divided by ${show(fig.get("factor"))} after step ${last()}`
        : "the rate stays constant",
  });
  // A key moves it by whole steps, however long the axis is.
  fig.life.on(
    gate.node,
    "keydown",
    (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[
        /** @type {"ArrowLeft"} */ (event.key)
      ];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      fig.set({
        drop_at: Math.min(Math.max(last() + by * (event.shiftKey ? 10 : 1), 1), fig.get("steps") - 1),
        drop: true,
      });
    },
    { capture: true },
  );

  // ---- controls
  const scaleOf = () =>
    CONVENTIONS[fig.get("source")].weight === "1 - beta" ? 1 / (1 - fig.get("beta")) : 1;
  const edge = () => {
    const b = fig.get("beta");
    return (
      (2 * (1 + b) * scaleOf()) /
      (PARAMS.kappa * (CONVENTIONS[fig.get("source")].measures === "ahead" ? 1 + 2 * b : 1))
    );
  };
  fig.select({
    name: "source",
    label: "your formula",
    options: NAMES.map((name) => ({
      value: name,
      label: `${title(name)} (${CONVENTIONS[name].usedBy.split(/,| as | with /)[0]})`,
    })),
    set: adopt,
  });
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => [edge() / 100, 1.05 * edge()],
    marks: () => [{ value: edge(), label: "edge", side: "end", class: "lf-mark-edge" }],
  });
  fig.slider({
    name: "beta",
    label: QUANTITIES.beta.name,
    symbol: QUANTITIES.beta.symbol,
    look: "momentum",
    type: "near-one",
    marks: () => [0.5, 0.9, 0.99].map((value) => ({ value, label: String(value) })),
  });
  fig.segments({
    name: "drop",
    label: "the rate",
    options: [
      { value: "stays", label: "stays" },
      { value: "drops", label: "drops" },
    ],
    get: () => (fig.get("drop") ? "drops" : "stays"),
    set: (value) => fig.set({ drop: value === "drops" }),
  });
  fig.slider({
    name: "drop_at",
    label: "drops after step",
    range: () => [1, fig.get("steps") - 1],
    get: last,
    set: (v) => fig.set({ drop_at: v }),
    fold: true,
  });
  fig.slider({ name: "factor", label: "divided by", type: "log", fold: true });
  fig.slider({ name: "steps", label: "steps drawn", type: "log", fold: true });

  const sayGap = fig.readout("largest difference of the paths"),
    sayInside = fig.readout("next step, rate inside"),
    sayOutside = fig.readout("next step, rate outside");

  /** Another formula for the same run where there is one; else the same numbers in the new formula. @param {string} name */
  function adopt(name) {
    const found = convert(fig.get("source"), name, fig.get("lr"), fig.get("beta"));
    fig.set({ source: name, ...(found.refused ? {} : { lr: found.lr }) });
  }

  // ---- the table of conventions
  const table = h("div", { class: "lf-crosswalk" });
  fig.controls.after(table);
  const rows = /** @type {Record<string, any>} */ ({}),
    sections = /** @type {Record<string, any>} */ ({});
  for (const [where, heading] of [
    ["here", "Gradient measured at the point."],
    ["ahead", "Gradient measured ahead."],
  ]) {
    const reason = h("span", { class: "lf-reason" }),
      list = h("ul", { class: "lf-rows" });
    table.append(h("p", { class: "lf-rows-title" }, h("b", { text: heading }), " ", reason), list);
    sections[where] = { reason, members: NAMES.filter((name) => CONVENTIONS[name].measures === where) };
    for (const name of sections[where].members) {
      const { usedBy, lines } = CONVENTIONS[name],
        look = RULES[name].family;
      const tick = h("input", { type: "checkbox", "aria-label": `Draw ${title(name)}` });
      const rate = h("input", {
        type: "text",
        inputmode: "decimal",
        size: 7,
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "—",
        "aria-label": `Learning rate of ${title(name)}`,
      });
      const momentum = h("span", { class: "lf-beta" }),
        next = h("span", { class: "lf-next" });
      const node = h(
        "li",
        { class: "lf-row", "data-look": look, "data-rule": name },
        h(
          "label",
          { class: "lf-row-name" },
          tick,
          swatch(name),
          h(
            "span",
            {},
            h("b", { text: title(name) }),
            " ",
            h("small", { text: RULES[name].template.look ? `${usedBy}; drawn where it looks` : usedBy }),
          ),
        ),
        h("span", { class: "lf-row-text" }, ...lines.map(equation)),
        h(
          "span",
          { class: "lf-row-values" },
          h("span", { class: "lf-value" }, h("i", { class: "lf-symbol", text: "η" }), " ", rate),
          momentum,
          next,
        ),
      );
      list.append(node);
      rows[name] = { node, tick, rate, momentum, next };
      fig.life.on(tick, "change", () =>
        fig.set({
          shown: NAMES.filter((other) => (other === name ? tick.checked : fig.get("shown").includes(other))),
        }),
      );
      const enter = () => {
        const found = parseNumber(rate.value),
          { min, max } = STATE.lr;
        if (rate.value.trim() === "" || found === Number(rate.dataset.shown)) return fill(name);
        if (!(found >= min && found <= max))
          fig.say(`The learning rate lies between ${show(min)} and ${show(max)}; “${rate.value}” does not.`);
        else {
          fig.say("");
          fig.set({ source: name, lr: found });
        }
        fill(name);
      };
      fig.life.on(rate, "change", enter);
      fig.life.on(rate, "keydown", (event) => {
        if (event.key === "Enter") {
          enter();
          rate.select();
          event.preventDefault();
        }
        if (event.key === "Escape") fill(name);
      });
      fig.life.on(rate, "focus", () => rate.select());
    }
  }
  function fill(/** @type {string} */ name) {
    const { source, lr, beta } = fig.snapshot(),
      found = convert(source, name, lr, beta),
      { rate } = rows[name];
    rate.value = rate.dataset.shown = found.refused ? "" : plain(found.lr, 6);
  }
  /** A sample of the line and the mark of a rule. @param {string} name */
  function swatch(name) {
    const plot = document.createElementNS("http://www.w3.org/2000/svg", "svg"),
      line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    plot.setAttribute("class", "lf-swatch");
    plot.setAttribute("viewBox", "0 0 34 12");
    plot.setAttribute("aria-hidden", "true");
    line.setAttribute("class", "lf-line");
    line.setAttribute("data-look", RULES[name].family);
    line.setAttribute("d", "M1,6H33");
    line.style.setProperty("--lf-dash", memberDash(name));
    plot.append(line);
    return plot;
  }

  // ---- the runs
  let drawn = /** @type {any} */ ({ names: [] });
  function compute() {
    const state = fig.snapshot(),
      { source, lr, beta, steps } = state,
      settings = Object.fromEntries(NAMES.map((name) => [name, convert(source, name, lr, beta)]));
    const turn = last(),
      now = { ...state, drop_at: turn };
    const paths = Object.fromEntries(
      NAMES.filter((name) => !settings[name].refused).map((name) => [
        name,
        run(name, now, settings[name].lr),
      ]),
    );
    const lengthsOf = Object.fromEntries(
      Object.entries(paths).map(([name, path]) => [name, stepLengths(path.points)]),
    );
    const ratios = Object.fromEntries(
      Object.entries(lengthsOf).map(([name, all]) => [
        name,
        turn < all.length && all[turn - 1] > 0 ? all[turn] / all[turn - 1] : NaN,
      ]),
    );
    const names = drawnNames(state);
    drawn = {
      names,
      settings,
      paths,
      lengths: lengthsOf,
      ratios,
      turn,
      steps,
      gap: largestDifference(names.map((name) => paths[name].points)),
      divergedAt: names.map((name) => paths[name].divergedAt).find(Boolean) || null,
    };
  }
  /** The points of a path that lie at least so many pixels from the last one kept: where the steps are tiny their marks would be one blot. @param {ArrayLike<number>} points @param {number} pixels */
  function apart(points, pixels) {
    const kept = [points[0], points[1]];
    for (let k = 2; k < points.length; k += 2) {
      const n = kept.length;
      if (
        Math.hypot(
          plane.x(points[k]) - plane.x(kept[n - 2]),
          plane.y(points[k + 1]) - plane.y(kept[n - 1]),
        ) >= pixels
      )
        kept.push(points[k], points[k + 1]);
    }
    return kept;
  }
  const times = (/** @type {number} */ ratio) =>
    Number.isNaN(ratio) ? (drawn.divergedAt ? "diverged" : "none") : `× ${ratio.toFixed(3)}`;

  fig.draw(() => {
    compute();
    const { source, drop, factor, start, steps, beta } = fig.snapshot(),
      { names, paths, turn, ratios, gap } = drawn;
    const { value, params } = SURFACES.ravine,
      where = { ...params, ...PARAMS };
    contours.update((x, y) => value(x, y, where), "ravine");
    minimum.update([0, 0]);
    handle.update(start[0], start[1]);

    let low = Infinity,
      high = 0;
    for (const name of names)
      for (const v of drawn.lengths[name])
        if (v > 0) {
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
    if (high === 0) low = high = 1; // every path stands still
    const top = Math.ceil(Math.log10(Math.min(Math.max(high, 1e-6), 1e3))),
      bottom = Math.floor(Math.log10(Math.min(low, high / 10)));
    lengths.setDomain([0, steps], [10 ** Math.max(Math.min(bottom, top - 1), top - 6), 10 ** top]); // one to six decades
    const box = lengths.frame()[1];
    NAMES.forEach((name) => {
      const track = tracks[name],
        rank = names.indexOf(name);
      if (rank < 0) {
        track.line.clear();
        track.dots.clear();
        track.length.clear();
        return;
      }
      const all = drawn.lengths[name],
        xy = new Float64Array(2 * all.length);
      all.forEach((v, k) => {
        xy[2 * k] = k + 1;
        xy[2 * k + 1] = Math.max(v, 1e-300);
      });
      track.line.update(paths[name].points);
      // One mark inside the other, so that each can be seen where all are at one point.
      track.dots.node.setAttribute(
        "d",
        marksData(
          apart(paths[name].points, 6 + 4.2 * names.length),
          plane.x,
          plane.y,
          plane.frame(),
          SHAPE[name],
          1.8 + 2.1 * rank,
        ),
      );
      track.length.update(xy);
    });
    wall.update([turn, box[0], turn, box[1]]);
    wall.node.style.strokeOpacity = drop ? "1" : "0.35";
    const grip = box[1] * (box[0] / box[1]) ** 0.08;
    gate.update(turn, grip);
    wallName.node.setAttribute("text-anchor", turn > 0.55 * steps ? "end" : "start");
    wallName.update(
      turn,
      grip,
      drop ? `rate ÷ ${show(factor)} after step ${turn}` : "drag: the rate drops",
      turn > 0.55 * steps ? -16 : 16,
      4,
    );

    const inside = names.find((/** @type {string} */ name) => CONVENTIONS[name].rate === "inside"),
      out = names.filter((/** @type {string} */ name) => CONVENTIONS[name].rate === "outside");
    const outside = out.find((/** @type {string} */ name) => !RULES[name].template.look) ?? out[0]; // the rule's own points before those at which one looks
    sayGap(
      names.length < 2
        ? "tick a second form"
        : gap === 0
          ? "0, identical"
          : gap < 1e-9
            ? `${show(gap, 2)}, identical`
            : show(gap, 3),
    );
    sayInside(inside ? times(ratios[inside]) : "none drawn");
    sayOutside(outside ? times(ratios[outside]) : "none drawn");
    for (const [where, name] of /** @type {["inside"|"outside", string|undefined][]} */ ([
      ["inside", inside],
      ["outside", outside],
    ])) {
      const label = sides[where],
        all = name && drawn.lengths[name];
      if (!(drop && inside && outside && all?.length === steps && turn < 0.7 * steps)) {
        label.clear();
        continue;
      }
      const from = turn + Math.round(0.12 * steps),
        part = all.slice(from - 1, from + Math.round(0.2 * steps)),
        at = where === "inside" ? Math.max(...part) : Math.min(...part);
      label.update(from, Math.max(at, box[0]), `rate ${where}`, 2, where === "inside" ? -9 : 18);
    }

    for (const where of ["here", "ahead"]) {
      const { members, reason } = sections[where],
        { refused } = drawn.settings[members[0]];
      const parts =
        drop && !refused && beta > 0
          ? members
              .map((/** @type {string} */ name) => PAIRS[source][name].parts)
              .find((/** @type {any} */ k) => k !== null)
          : null;
      const words = refused
        ? refused.replace("{source}", title(source)).replace("{target}", "these forms")
        : parts !== null && parts !== undefined
          ? REASONS[parts]
              .replace("{source} and {target}", "These forms")
              .replace(" They agree at a constant rate (constant_rate=True).", "")
          : "";
      if (reason.textContent !== words) reason.textContent = words;
    }
    for (const name of NAMES) {
      const { node, tick, rate, momentum, next } = rows[name],
        { refused } = drawn.settings[name],
        mine = name === source;
      tick.checked = names.includes(name);
      tick.disabled = mine || refused !== null;
      node.classList.toggle("is-mine", mine);
      node.classList.toggle("is-refused", refused !== null);
      if (document.activeElement !== rate) fill(name);
      momentum.textContent = refused ? "" : `β ${plain(beta, 4)}`;
      next.textContent = refused || !drop ? "" : `next step ${times(ratios[name])}`;
    }
    fig.speak(
      `${names.length} forms drawn; their paths differ by ${gap < 1e-9 ? "nothing but rounding" : show(gap)}.${drop ? ` The rate is divided by ${show(factor)} after step ${turn}: the next step is ${inside ? `${times(ratios[inside])} with the rate inside` : ""}${inside && outside ? " and " : ""}${outside ? `${times(ratios[outside])} with the rate outside` : ""}.` : ""}`,
    );
  });
  fig.numbers(() => ({
    drawn: drawn.names,
    settings: Object.fromEntries(
      NAMES.map((name) => [name, drawn.settings[name].refused ? null : drawn.settings[name].lr]),
    ),
    paths: Object.fromEntries(
      drawn.names.map((/** @type {string} */ name) => [name, Array.from(drawn.paths[name].points)]),
    ),
    difference: drawn.gap,
    turn: drawn.turn,
    ratios: Object.fromEntries(
      drawn.names.map((/** @type {string} */ name) => [
        name,
        Number.isNaN(drawn.ratios[name]) ? null : drawn.ratios[name],
      ]),
    ),
    divergedAt: drawn.divergedAt,
  }));
  return fig.start();
}
