// Empty axes on which the reader draws the curve that they expect: with the mouse, a finger or the arrow keys.

import { assign, clamp, h, powerOfTen, reducedMotion, s, show } from "./dom.js";
import { createPlot } from "./plot.js";

/** @typedef {import("../predict/truth.js").Spec} Spec */
/** @typedef {import("../predict/truth.js").Curve} Curve */

/** How many heights a drawn curve has. */
export const COLUMNS = 61;
/** How many points the arrow keys move. */
const KNOTS = 7,
  EACH = (COLUMNS - 1) / (KNOTS - 1),
  NEAR = 5; // columns that a hand may leave out at either end

/**
 * Fill what the hand left out between two columns, and up to NEAR of them at the ends. Heights are from 0, the axis, to 1.
 * @param {(number|null)[]} heights
 * @returns {number[]|null} null where too much is missing
 */
export function whole(heights) {
  const set = heights.flatMap((value, k) => (value === null ? [] : [k]));
  if (!set.length || set[0] > NEAR || set[set.length - 1] < COLUMNS - 1 - NEAR) return null;
  return heights.map((value, k) => {
    if (value !== null) return value;
    const after = set.find((one) => one > k) ?? set[set.length - 1],
      before = set.filter((one) => one < k).pop() ?? set[0],
      part = after === before ? 0 : (k - before) / (after - before),
      a = /** @type {number} */ (heights[before]),
      b = /** @type {number} */ (heights[after]);
    return a + clamp(part, 0, 1) * (b - a);
  });
}

/** A drawn curve in the axes' units. @param {number[]} heights @param {Spec} spec @param {[number, number]} ends of the x axis @returns {Curve} */
export function inUnits(heights, { low, high, log }, [first, last]) {
  const value = log
    ? (/** @type {number} */ v) => low * (high / low) ** v
    : (/** @type {number} */ v) => low + v * (high - low);
  return {
    x: heights.map((_, k) => first + (k / (COLUMNS - 1)) * (last - first)),
    y: heights.map(value),
  };
}

/** @param {Curve} curve */
const flat = ({ x, y }) => x.flatMap((value, k) => [value, y[k]]);

/** What is drawn into the axes: what is given, the hand's curve, the run, their names, the pen of the arrow keys. @param {import("../kit/types.js").Plot} plot @param {Spec} spec @param {{look: string}|null} given */
function partsOf(plot, spec, given) {
  const parts = {
    given: given ? plot.line({ look: given.look, class: "lf-faint predict-given" }) : null,
    givenName: given ? plot.text({ look: given.look }) : null,
    mine: plot.line({ class: "predict-mine" }),
    run: plot.line({ look: spec.look }),
    mineName: plot.text({ class: "lf-direct" }),
    runName: plot.text({ look: spec.look }),
    hint: plot.text({ anchor: "middle" }),
    pen: s(
      "g",
      { class: "lf-handle predict-pen", tabindex: 0, role: "slider", "aria-label": "Your curve" },
      s("circle", { class: "lf-hit", r: 22 }),
      s("circle", { class: "lf-focus", r: 14 }),
      s("circle", { class: "lf-ring", r: 8 }),
    ),
  };
  plot.layers.front.append(parts.pen);
  return parts;
}

/**
 * @param {object} o
 * @param {import("./dom.js").Life} o.life
 * @param {HTMLElement} o.parent
 * @param {Spec} o.spec
 * @param {string} o.axis what the curve is
 * @param {[number, number]} o.ends of the x axis
 * @param {{curve: Curve, label: string, look: string}|null} o.given a curve that stands there already
 * @param {(complete: boolean, released: boolean) => void} o.changed
 */
export function createPad({ life, parent, spec, axis, ends, given, changed }) {
  const box = h("div", { class: "lf predict-pad" });
  parent.append(box);
  life.onEnd(() => box.remove());
  const hand = {
    heights: /** @type {(number|null)[]} */ (Array.from({ length: COLUMNS }, () => null)),
    /** The point that the arrow keys move. */
    knot: 0,
    locked: false,
    run: /** @type {Curve|null} */ (null),
    shown: Infinity,
    begun: false,
  };
  const plot = createPlot({
    life,
    parent: box,
    label: `Axes to draw on: ${axis}, against the ${spec.show === "steps" ? "momentum" : "step"}`,
    x: { domain: ends, label: spec.show === "steps" ? "momentum β" : "step" },
    y: {
      domain: [spec.low, spec.high],
      type: spec.log ? "log" : "linear",
      label: axis,
      format: spec.log
        ? (v) => (v >= 0.01 && v <= 100 ? show(v) : powerOfTen(Math.round(Math.log10(v))))
        : undefined,
    },
    height: (width) => clamp(width * 0.5, 230, 320),
    margin: { top: 30, right: 18, left: 44 },
    changed: () => hand.begun && draw(), // it is laid out once before its parts are there
  });
  const parts = partsOf(plot, spec, given);

  const valueAt = (/** @type {number} */ k) => inUnits([hand.heights[k] ?? 0.5], spec, ends).y[0];
  function draw() {
    if (!plot.width) return;
    const set = hand.heights.map((v, column) => ({ v, column })).filter(({ v }) => v !== null),
      all = inUnits(
        hand.heights.map((v) => v ?? 0),
        spec,
        ends,
      ),
      k = hand.knot * EACH,
      [left, right] = plot.pixelBox()[0],
      [top, bottom] = plot.pixelBox()[1];
    if (given) parts.given?.update(flat(given.curve));
    if (given) nameAt(parts.givenName, given.curve, given.label, 0.3);
    parts.mine.update(set.flatMap(({ column }) => [all.x[column], all.y[column]]));
    parts.hint.update(
      (ends[0] + ends[1]) / 2,
      inUnits([0.85], spec, ends).y[0],
      set.length || hand.locked ? "" : "draw your curve here",
    );
    assign(parts.pen, {
      transform: `translate(${(left + (k / (COLUMNS - 1)) * (right - left)).toFixed(1)} ${(bottom - (hand.heights[k] ?? 0.5) * (bottom - top)).toFixed(1)})`,
      "aria-valuemin": spec.low,
      "aria-valuemax": spec.high,
      "aria-valuenow": Number(valueAt(k).toPrecision(3)),
      "aria-valuetext": `${spec.show === "steps" ? "momentum" : "step"} ${show(all.x[k])}: ${show(valueAt(k))}${hand.heights[k] === null ? ", not drawn yet" : ""}`,
      "aria-disabled": hand.locked ? "true" : "false",
    });
    parts.pen.classList.toggle("is-idle", hand.locked || !set.length);
    if (hand.run) parts.run.update(flat(hand.run), Number.isFinite(hand.shown) ? hand.shown : undefined);
    else parts.run.clear();
    names(all, hand.run && hand.shown === Infinity ? hand.run : null);
    plot.settle();
  }
  /** A name beside a curve, at a part of the way. @param {any} label @param {Curve} curve @param {string} words @param {number} part @param {number} [dy] */
  function nameAt(label, { x, y }, words, part, dy = -9) {
    const k = Math.round(part * (x.length - 1));
    label?.update(x[k], clamp(y[k], spec.low, spec.high), words, 6, dy);
  }
  /** Names at the place where the two curves are farthest apart. @param {Curve} mine @param {Curve|null} run */
  function names(mine, run) {
    parts.mineName.clear();
    parts.runName.clear();
    if (!run) return;
    let best = 0.5,
      gap = -1,
      above = true;
    for (const part of [0.35, 0.45, 0.55, 0.65, 0.75]) {
      const at = (/** @type {Curve} */ c) =>
          clamp(plot.y(c.y[Math.round(part * (c.y.length - 1))]), plot.inner.top, plot.inner.bottom),
        apart = Math.abs(at(mine) - at(run));
      if (apart > gap) [best, gap, above] = [part, apart, at(mine) < at(run)];
    }
    nameAt(parts.mineName, mine, "yours", best, above ? -9 : 18);
    nameAt(parts.runName, run, spec.label || "the run", best, above ? 18 : -9);
  }

  const complete = () => whole(hand.heights) !== null;
  byPointer(
    life,
    plot,
    hand,
    () => draw(),
    (released) => changed(complete(), released),
  );
  byKeys(life, parts.pen, hand, () => {
    draw();
    changed(complete(), false);
  });
  hand.begun = true;
  draw();
  return {
    node: box,
    heights: () => whole(hand.heights),
    /** @param {number[]} heights */
    put(heights) {
      hand.heights = heights.slice();
      draw();
    },
    /** Draw the run over it; nothing can be drawn any more. @param {Curve} run @param {boolean} once at once, without growing */
    reveal(run, once) {
      hand.locked = true;
      hand.run = run;
      box.classList.add("is-locked");
      const began = performance.now(),
        n = run.x.length;
      const grow = (/** @type {number} */ now) => {
        const part = Math.max((now - began) / 1100, 0); // a frame may carry a time before its request
        hand.shown = part >= 1 ? Infinity : part * (n - 1);
        draw();
        if (part < 1) life.frame(grow);
      };
      hand.shown = once || reducedMotion() ? Infinity : 0;
      draw();
      if (hand.shown === 0) life.frame(grow);
    },
    clear() {
      Object.assign(hand, { locked: false, run: null, knot: 0, heights: hand.heights.map(() => null) });
      box.classList.remove("is-locked");
      draw();
    },
    focus: () => parts.pen.focus({ preventScroll: true }),
  };
}

/** @typedef {{heights: (number|null)[], knot: number, locked: boolean}} Hand */

/** Draw with a pointer: every column that it passes has its height. @param {import("./dom.js").Life} life @param {import("../kit/types.js").Frame} plot @param {Hand} hand @param {() => void} draw @param {(released: boolean) => void} changed */
function byPointer(life, plot, hand, draw, changed) {
  let last = /** @type {[number, number]|null} */ (null);
  /** @param {PointerEvent} event @returns {[number, number]} */
  const spot = (event) => {
    const r = plot.svg.getBoundingClientRect(),
      { left, right, top, bottom } = plot.inner;
    return [
      clamp(((event.clientX - r.left - left) / (right - left)) * (COLUMNS - 1), 0, COLUMNS - 1),
      clamp((bottom - (event.clientY - r.top)) / (bottom - top), 0, 1),
    ];
  };
  /** @param {[number, number]} to */
  const stroke = (to) => {
    const from = last ?? to,
      [a, b] = from[0] <= to[0] ? [from, to] : [to, from];
    for (let k = Math.round(a[0]); k <= Math.round(b[0]); k++) {
      const part = b[0] > a[0] ? clamp((k - a[0]) / (b[0] - a[0]), 0, 1) : 1;
      hand.heights[k] = a[1] + part * (b[1] - a[1]);
    }
    last = to;
    draw();
  };
  life.on(plot.svg, "touchstart", (event) => hand.locked || event.preventDefault(), { passive: false });
  life.on(plot.svg, "pointerdown", (event) => {
    if (hand.locked || event.button !== 0) return;
    plot.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    last = null;
    stroke(spot(event));
  });
  life.on(plot.svg, "pointermove", (event) => {
    if (!last || hand.locked) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) stroke(spot(one));
    stroke(spot(event));
  });
  for (const type of ["pointerup", "pointercancel"])
    life.on(plot.svg, type, () => {
      if (!last) return;
      last = null;
      if (!hand.locked) changed(true);
    });
}

/** Draw with the arrow keys: left and right choose a point, up and down move it. @param {import("./dom.js").Life} life @param {SVGGElement} pen @param {Hand} hand @param {() => void} changed */
function byKeys(life, pen, hand, changed) {
  life.on(pen, "keydown", (event) => {
    const across = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (event.key)] ?? 0,
      up = { ArrowUp: 1, ArrowDown: -1 }[/** @type {string} */ (event.key)] ?? 0;
    if (hand.locked || !(across || up) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // The first key makes a level line: then every point has a place to be moved from.
    if (hand.heights.some((v) => v === null)) hand.heights = hand.heights.map((v) => v ?? 0.5);
    hand.knot = clamp(hand.knot + across, 0, KNOTS - 1);
    const at = hand.knot * EACH,
      next = clamp(/** @type {number} */ (hand.heights[at]) + up * (event.shiftKey ? 0.01 : 0.05), 0, 1);
    if (up)
      for (const side of [-1, 1])
        for (let k = 0; k <= EACH; k++) {
          const here = at + side * k,
            there = hand.heights[at + side * EACH];
          if (here < 0 || here >= COLUMNS || typeof there !== "number") continue;
          hand.heights[here] = next + (k / EACH) * (there - next);
        }
    changed();
  });
}
