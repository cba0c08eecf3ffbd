// The flow of many starts: where does each end, and in how many steps? One colour a start, one line round each basin.

import { h, many, s, show } from "../kit/dom.js";
import { rings, ringPaths } from "../kit/geometry.js";
import { filling, inParts } from "./parts.js";
import { createFleet } from "./fleet.js";

/** @typedef {import("./types.js").Scene} Scene */

const STEPS = 300,
  COARSE = 32,
  FINE = 216,
  /** Pixels of a cell at least. */
  CELL = 3,
  PARTS = 200;

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView} */
export function createFlow(stage) {
  const { life, parent, store, held, room } = stage;
  const told = h("p", { class: "pg-told" }),
    empty = h("p", { class: "pg-empty", hidden: true });
  const plot = filling(stage, {
    label: "Where a ball ends that starts here, and in how many steps",
    x: { domain: [-3, 3], hidden: true },
    y: { domain: [-2, 2], hidden: true },
    margin: { top: 0, right: 0, bottom: 0, left: 0 },
  });
  plot.box.classList.add("pg-map");
  parent.append(told, empty);
  const heat = plot.heat({}),
    edges = s("g", { class: "pg-basins" }),
    minima = plot.marks({ class: "lf-minimum pg-minima", shape: "cross", radius: 6, layer: "front" }),
    path = plot.line({ class: "pg-flow-path" });
  plot.layers.back.append(edges);
  const names = [0, 1, 2, 3, 4, 5, 6, 7].map(() => plot.text({ class: "lf-loud lf-direct" }));
  const handle = plot.handle({ label: "Start of the balls", set: (x, y) => put(x, y), starts: true });
  const put = (/** @type {number} */ x, /** @type {number} */ y) =>
    store.set({ starts: [[x, y], ...store.state().starts.slice(1)] });
  plot.onPick(put);
  const kept = { key: "", fine: "", going: "", stop: () => {}, said: "" };

  /** The basins' edges, a line round each. @param {{where: Int8Array, nx: number, ny: number}} found @param {number} basins */
  function outline({ where, nx, ny }, basins) {
    const { left, right, top, bottom } = plot.inner;
    const px = (/** @type {number} */ i) => left + ((i + 0.5) / nx) * (right - left),
      py = (/** @type {number} */ j) => bottom - ((j + 0.5) / ny) * (bottom - top);
    edges.replaceChildren(
      ...Array.from({ length: basins > 1 ? basins : 0 }, (_, k) => {
        const level = Float64Array.from(where, (w) => (w === k ? 0 : 1));
        return s("path", {
          class: "pg-basin",
          d: ringPaths(rings(level, nx, ny, [0.5])[0], nx, ny, px, py).line,
        });
      }),
    );
  }
  /** @param {Scene} scene @param {ReturnType<ReturnType<typeof createFleet>>} found */
  function paint({ surface, picked }, found) {
    const finite = found.steps.filter(Number.isFinite).sort(),
      most = Math.max(finite[Math.floor(0.99 * (finite.length - 1))] ?? STEPS, 2),
      least = Math.max(finite[Math.floor(0.01 * finite.length)] ?? 1, 1);
    heat.update(found.steps, found.nx, found.ny, least, Math.max(most, 1.5 * least));
    outline(found, surface.minima.length);
    const total = found.where.length,
      share = surface.minima.map((_, k) => found.where.reduce((sum, w) => sum + Number(w === k), 0) / total),
      gone = found.steps.reduce((sum, v) => sum + Number(Number.isNaN(v)), 0) / total,
      lost = Math.max(0, 1 - gone - share.reduce((a, b) => a + b, 0));
    const parts = [
      ...share.map((part, k) =>
        part > 0.0005
          ? `${percent(part)} ${share.length > 1 ? `in minimum ${k + 1}` : "in the minimum"}`
          : "",
      ),
      gone > 0.0005 ? `${percent(gone)} nowhere: they fly off` : "",
      lost > 0.0005 ? `${percent(lost)} still on their way after ${STEPS} steps` : "",
    ].filter(Boolean);
    kept.said = `${picked.title}, from ${show(total)} starts: ${parts.join("; ")}. Light: near it after about ${many(least, "step")}; dark: after ${show(most)} or more. Near is a hundredth of the picture’s diagonal.`;
    told.textContent = kept.said;
  }
  return {
    draw(scene) {
      const { surface, picked, key, state, box, net } = scene;
      plot.setDomain(box[0], box[1]);
      const none = surface.minima.length
        ? ""
        : net
          ? "A network has thousands of directions in which it could start: a picture of all starts is for surfaces of two."
          : "This surface has no lowest point at which a ball could end. Choose another one.";
      empty.textContent = none;
      empty.hidden = none === "";
      told.hidden = none !== "";
      const what = JSON.stringify([picked.rule.name, picked.hyper, key, box]);
      if (!none && what !== kept.key) {
        kept.stop();
        kept.going = "";
        kept.key = what;
        paint(scene, createFleet(scene, COARSE, STEPS)([0, 1]));
      }
      if (!none && kept.fine !== what && kept.going !== what && !held()) refine(scene, what);
      minima.update(surface.minima.flat());
      names.forEach((name, k) =>
        surface.minima.length > 1 && surface.minima[k]
          ? name.update(surface.minima[k][0], surface.minima[k][1], String(k + 1), 9, -7)
          : name.clear(),
      );
      path.update(picked.runs[0].points);
      path.node.setAttribute("data-look", picked.rule.family);
      handle.update(...state.starts[0]);
      plot.settle();
    },
    numbers: () => ({ said: kept.said, fine: kept.fine === kept.key }),
  };
  /** @param {Scene} scene @param {string} what */
  function refine(scene, what) {
    kept.stop();
    kept.going = what;
    const run = createFleet(scene, Math.min(FINE, Math.round(room().width / CELL)), STEPS);
    kept.stop = inParts(
      life,
      PARTS,
      (from, to) => run([from / PARTS, to / PARTS]),
      () => {
        kept.fine = what;
        paint(scene, run([1, 1]));
      },
    );
  }
}
const percent = (/** @type {number} */ part) => `${show(100 * part, 100 * part < 9.5 ? 1 : 2)} %`;
