// What several views draw alike: a rule's line, and a picture that fills its place.

import { s } from "../kit/dom.js";
import { memberLook, runner } from "../kit/looks.js";
import { createPlot } from "../kit/plot.js";

/** @typedef {import("../kit/types.js").Plot} Plot */
/** @typedef {import("./types.js").Lane} Lane */

/**
 * What a view has of the playground.
 * @typedef {object} Stage
 * @property {import("../kit/dom.js").Life} life
 * @property {import("./store.js").PlayStore} store
 * @property {HTMLElement} parent where the view stands
 * @property {() => {width: number, height: number}} room the place that a picture may fill
 * @property {ReturnType<typeof import("../kit/player.js").createPlayer>} time
 * @property {(lane: number, changes: import("../kit/types.js").Hyper) => void} turn set numbers of a rule
 * @property {() => boolean} held whether something is being dragged: coarse first, fine on release
 */
/**
 * A view of the state: `draw` shows a scene; `numbers` is what it shows, for tests.
 * @typedef {{draw: (scene: import("./types.js").Scene) => void, numbers?: () => object, covers?: () => boolean}} PlayView `covers`: whether results beside it would give the answer away
 */

/** A line in a rule's own colour and dash. @param {import("../kit/types.js").Line} line @param {Pick<Lane, "rule"|"dash">} lane */
export function dressed(line, { rule, dash }) {
  line.node.style.strokeDasharray = dash;
  line.node.setAttribute("data-look", rule.family);
  return line;
}

/** Give marks the colour and shape of a rule; what they are drawn with is set at `update`. @param {SVGElement} node @param {Lane["rule"]} rule */
export function worn(node, rule) {
  const { family, hollow, shape } = memberLook(rule);
  node.setAttribute("data-look", family);
  node.setAttribute("data-shape", shape);
  node.setAttribute("class", `lf-dots ${runner(hollow)} lf-rolling`);
}

/** A picture as large as its place, which grows and shrinks with it. @param {Stage} stage @param {Omit<Parameters<typeof createPlot>[0], "life"|"changed"|"height"|"parent"> & {share?: () => number, parent?: HTMLElement}} o `share`: its part of the place's height */
export function filling({ life, store, parent, room }, { share = () => 1, ...o }) {
  const plot = createPlot({
    parent,
    ...o,
    life,
    changed: store.redraw,
    height: () => Math.max(120, Math.floor(room().height * share())),
  });
  if (typeof ResizeObserver === "function") {
    let last = 0;
    const observer = new ResizeObserver(() => {
      const { height } = room();
      if (height === last || !plot.width) return;
      last = height;
      life.frame(() => plot.relay());
    });
    observer.observe(parent);
    life.observe(observer);
  }
  return plot;
}

/** A list that grows to as many parts as are asked for; the rest is hidden. @template T @param {(k: number) => T} make @param {(part: T) => void} clear */
export function growing(make, clear) {
  /** @type {T[]} */
  const parts = [];
  return (/** @type {number} */ n) => {
    while (parts.length < n) parts.push(make(parts.length));
    parts.slice(n).forEach(clear);
    return parts.slice(0, n);
  };
}

/** Milliseconds of a frame for what is refined beside the play. */
const SPARE = 10;

/**
 * Work of many equal parts, as many a frame as the frame has time for, once the hand rests.
 * @param {import("../kit/dom.js").Life} life
 * @param {number} parts
 * @param {(from: number, to: number) => void} work
 * @param {() => void} done
 * @returns {() => void} stops it
 */
export function inParts(life, parts, work, done) {
  let at = 0,
    many = 4,
    stop = () => {};
  function some() {
    const next = Math.min(at + many, parts),
      began = performance.now();
    work(at, next);
    many = Math.max(1, Math.round(many * Math.min(4, SPARE / Math.max(performance.now() - began, 1))));
    at = next;
    if (at < parts) stop = life.frame(some);
    else done();
  }
  stop = life.after(60, some);
  return () => stop();
}

const GLYPHS = {
  plus: "M8 2.5v11M2.5 8h11",
  minus: "M2.5 8h11",
  share: "M8 10V2M4.8 4.8 8 1.6l3.2 3.2M3 8.5v5h10v-5",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  pen: "M2.5 13.5l.7-3 7.8-7.8 2.3 2.3-7.8 7.8z",
  dice: "M3 3h10v10H3zM6 6h.01M10 10h.01M10 6h.01M6 10h.01",
};
/** A stroked glyph. @param {keyof typeof GLYPHS} name */
export const glyph = (name) =>
  s(
    "svg",
    { class: "pg-glyph", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("path", { d: GLYPHS[name] }),
  );
