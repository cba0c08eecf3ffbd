// The map: the surface from above, the path of every rule from every start, and the starts to be dragged.

import { show } from "../kit/dom.js";
import { createHand } from "./hand.js";
import { filling, dressed, growing, worn } from "./parts.js";
import { MOST_STARTS } from "./scene.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Plot} Plot */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Lane} Lane */

/** One path: the whole faintly, what is walked so far, its steps, the ball. @param {Plot} plot */
function pathParts(plot) {
  return {
    ghost: plot.line({ class: "lf-ghost" }),
    shadow: plot.line({ class: "lf-cast" }),
    path: plot.line({}),
    dots: plot.marks({ radius: 2 }),
    head: plot.marks({ layer: "front", radius: 7 }),
  };
}
/** @param {ReturnType<typeof pathParts>} parts */
const hide = (parts) => Object.values(parts).forEach((part) => part.clear());

/** @param {ReturnType<typeof pathParts>} parts @param {Lane} lane @param {Float64Array} points @param {{head: number, pen: number, playing: boolean}} time @param {boolean} picked */
function drawPath({ ghost, shadow, path, dots, head: ball }, lane, points, { head, pen, playing }, picked) {
  const last = points.length / 2 - 1,
    k = Math.min(Math.floor(pen), last),
    next = Math.min(k + 1, last);
  dressed(ghost, lane).update(points);
  ghost.node.style.display = playing ? "" : "none";
  shadow.update(points, Math.min(pen, last));
  dressed(path, lane).update(points, Math.min(pen, last));
  path.node.classList.toggle("pg-picked", picked);
  dots.node.setAttribute("data-look", lane.rule.family);
  dots.update(last > 140 ? [] : points, Math.min(head, last));
  worn(ball.node, lane.rule);
  ball.update(
    [0, 1].map((i) => points[2 * k + i] + (pen - k) * (points[2 * next + i] - points[2 * k + i]) || 0),
  );
}

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView & {plot: Plot}} */
export function createMap(stage) {
  const { store, time } = stage;
  const plot = filling(stage, {
    label: "The surface from above, and the paths of the rules",
    x: { domain: [-3, 3], hidden: true },
    y: { domain: [-2, 2], hidden: true },
    margin: { top: 0, right: 0, bottom: 0, left: 0 },
  });
  plot.box.classList.add("pg-map");
  const contours = plot.contours({ count: 11, cells: 132 }),
    minima = plot.marks({ class: "lf-minimum", shape: "cross", radius: 5 }),
    paths = growing(() => pathParts(plot), hide),
    first = plot.marks({ class: "pg-first", shape: "ring", radius: 7 }),
    invitation = plot.text({ class: "lf-loud pg-invitation" });
  /** Until somebody has moved a start, the ring says what it is for. */
  let moved = false;
  store.watch((names) => {
    moved ||= names.includes("starts");
  });
  let box = /** @type {Pair[]} */ ([
    [-3, 3],
    [-2, 2],
  ]);
  const put = (/** @type {number} */ which) => (/** @type {number} */ x, /** @type {number} */ y) => {
    const starts = store.state().starts.slice();
    starts[which] = [x, y];
    store.set({ starts });
  };
  const handles = growing(
    (k) =>
      plot.handle({
        label: k ? `Start ${k + 1}` : "Start of the balls",
        bounds: () => box,
        set: put(k),
        starts: true,
        words: (x, y) => `x ${show(x)}, y ${show(y)}`,
      }),
    ({ node }) => node.setAttribute("display", "none"),
  );
  plot.onPick((x, y) => {
    if (!plot.box.classList.contains("is-drawing") && store.state().surface.kind !== "net") put(0)(x, y);
  });

  const hand = createHand(stage, plot, stage.parent);
  /** @param {Scene} scene */
  function draw(scene) {
    hand();
    const { surface, params, key, lanes, state, picked, net } = scene;
    box = scene.box;
    plot.setDomain(box[0], box[1]);
    contours.update((x, y) => surface.value(x, y, params), key);
    minima.update(surface.minima.flat());
    const moment = { head: time.head(), pen: time.pen(), playing: time.playing() };
    const order = lanes.flatMap((lane) => lane.runs.map((run) => ({ lane, run })));
    order.sort((a, b) => Number(a.lane === picked) - Number(b.lane === picked)); // the picked one lies on top
    paths(order.length).forEach((parts, k) =>
      drawPath(parts, order[k].lane, order[k].run.points, moment, order[k].lane === picked),
    );
    first.update(net ? [0, 0] : []);
    // A network's start is a draw of its weights: there is nothing to drag.
    handles(net ? 0 : Math.min(state.starts.length, MOST_STARTS)).forEach((handle, k) => {
      handle.node.removeAttribute("display");
      handle.update(...state.starts[k]);
    });
    if (moved || net) invitation.clear();
    else invitation.update(...state.starts[0], "drag me", 16, 5);
    plot.settle();
  }
  return { draw, plot };
}
