// A matrix as a map of the plane: drag what it does to the two axes. Python side: momentum_lib/widgets/linear_map.py

import { ellipse } from "./kit/curve.js";
import { assign, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { eigenvalues, modulus } from "./kit/linear.js";
import { complexPlane, squarePlane } from "./kit/plane.js";
import { number } from "./kit/state.js";

const REACH = 1.6,
  FRAME = 2,
  SPOKES = 48;

export const STATE = {
  a: number(1.4, -REACH, REACH),
  b: number(0.4, -REACH, REACH),
  c: number(0.4, -REACH, REACH),
  d: number(0.8, -REACH, REACH),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} MapFigure */
/** @typedef {import("./kit/types.js").Pair} Pair */
/** @typedef {ReturnType<typeof compute>} Drawn */

/** Matrices worth a look, by the name of their button: the last is heavy ball's own. */
const EXAMPLES = {
  Stretch: { a: 1.4, b: 0.4, c: 0.4, d: 0.8 },
  "Turn and shrink": { a: 0.7, b: -0.5, c: 0.5, d: 0.7 },
  Shear: { a: 1, b: 0.8, c: 0, d: 1 },
  "Heavy ball": { a: 1.5, b: -0.8, c: 1, d: 0 },
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** Whether it is a multiple of the identity, which keeps every direction. @param {State} matrix */
const keepsAll = ({ a, b, c, d }) => b === 0 && c === 0 && a === d;

/**
 * The unit vectors that the matrix only stretches: none for a complex pair, one for a shear, else two. A multiple of the
 * identity keeps every direction; then the two axes stand for all.
 * @param {State} matrix @returns {Pair[]}
 */
export function directions(matrix) {
  const { a, b, c, d } = matrix;
  if (keepsAll(matrix))
    return [
      [1, 0],
      [0, 1],
    ];
  const [[first, turns], [second]] = eigenvalues([
    [a, b],
    [c, d],
  ]);
  if (turns) return [];
  return (first === second ? [first] : [first, second]).map((value) => {
    const rows = /** @type {Pair[]} */ ([
      [value - d, c],
      [b, value - a],
    ]);
    const [x, y] = rows[0][0] ** 2 + rows[0][1] ** 2 >= rows[1][0] ** 2 + rows[1][1] ** 2 ? rows[0] : rows[1],
      size = Math.hypot(x, y);
    return [x / size, y / size];
  });
}

/** @param {State} state */
const compute = (state) => ({
  determinant: state.a * state.d - state.b * state.c,
  trace: state.a + state.d,
  pair: eigenvalues([
    [state.a, state.b],
    [state.c, state.d],
  ]),
  kept: directions(state),
});

/** The eigenvalues in words. @param {Drawn} drawn */
function told({ pair: [[x, y], [other]] }) {
  if (y) return `${show(x)} ± ${show(y)} i`;
  return x === other ? `${show(x)}, twice` : `${show(x)} and ${show(other)}`;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {State} state */
const python = ({ a, b, c, d }) => `import numpy as np

matrix = np.array([[${pythonFloat(a)}, ${pythonFloat(b)}], [${pythonFloat(c)}, ${pythonFloat(d)}]])
values, vectors = np.linalg.eig(matrix)
print("determinant", np.linalg.det(matrix), "trace", np.trace(matrix))
print("eigenvalues", values, "of modulus", abs(values))
`;

/** The plane: circle, ellipse, the lines between them, the two arrows. @param {MapFigure} fig */
function addPlane(fig) {
  const plot = squarePlane(fig, "The unit circle and the ellipse that the matrix makes of it", FRAME);
  const spokes = s("path", { class: "lf-line lf-spokes", "aria-hidden": "true" }),
    area = s("path", { class: "lf-cell", "aria-hidden": "true" });
  plot.layers.back.append(area, spokes);
  /** @param {"a"|"b"} x @param {"c"|"d"} y @param {string} label */
  const handle = (x, y, label) =>
    plot.handle({
      label,
      bounds: () => [
        [-REACH, REACH],
        [-REACH, REACH],
      ],
      set: (u, v) => fig.set({ [x]: Number(u.toFixed(2)), [y]: Number(v.toFixed(2)) }),
    });
  return {
    plot,
    spokes,
    area,
    circle: plot.line({ class: "lf-guide", layer: "back" }),
    ellipse: plot.line({ class: "lf-image" }),
    kept: [plot.line({ look: "momentum" }), plot.line({ look: "momentum" })],
    keptName: [
      plot.text({ look: "momentum", anchor: "middle" }),
      plot.text({ look: "momentum", anchor: "middle" }),
    ],
    arrows: [plot.line({ class: "lf-arrow" }), plot.line({ class: "lf-arrow" })],
    names: [plot.text({ class: "lf-direct" }), plot.text({ class: "lf-direct" })],
    handles: [handle("a", "c", "Where (1, 0) goes"), handle("b", "d", "Where (0, 1) goes")],
  };
}

/** @param {ReturnType<typeof addPlane>} plane @param {State} state @param {Drawn} drawn */
function drawPlane(plane, { a, b, c, d }, { kept, pair }) {
  const { plot } = plane,
    px = (/** @type {number} */ x) => plot.x(x).toFixed(1),
    py = (/** @type {number} */ y) => plot.y(y).toFixed(1);
  const round = ellipse(1, 1, 0, 0, SPOKES),
    image = ellipse(1, 1, 0, 0, 180);
  let lines = "";
  for (let k = 0; k < SPOKES; k++) {
    const x = round[2 * k],
      y = round[2 * k + 1];
    lines += `M${px(x)},${py(y)}L${px(a * x + b * y)},${py(c * x + d * y)}`;
  }
  assign(plane.spokes, { d: lines });
  assign(plane.area, {
    d: `M${px(0)},${py(0)}L${px(a)},${py(c)}L${px(a + b)},${py(c + d)}L${px(b)},${py(d)}Z`,
  });
  for (let k = 0; k < image.length; k += 2) {
    const x = image[k],
      y = image[k + 1];
    image[k] = a * x + b * y;
    image[k + 1] = c * x + d * y;
  }
  plane.circle.update(ellipse(1, 1, 0, 0, 180));
  plane.ellipse.update(image);
  plane.kept.forEach((line, k) => {
    const label = plane.keptName[k];
    if (!kept[k]) {
      line.clear();
      label.clear();
      return;
    }
    const [x, y] = kept[k],
      side = y < 0 || (y === 0 && x < 0) ? -1 : 1,
      far = (0.9 * FRAME * side) / Math.max(Math.abs(x), Math.abs(y));
    line.update([-9 * x, -9 * y, 9 * x, 9 * y]);
    const away = plot.x(far * x) > plot.inner.right - 40 ? -26 : 26; // beside the line, not on it
    label.update(
      far * x,
      far * y,
      `× ${show(pair[k][0])}`,
      Math.abs(y) < 0.2 ? -30 * side : away,
      Math.abs(y) < 0.2 ? -10 : 10,
    );
  });
  [
    [a, c],
    [b, d],
  ].forEach(([x, y], k) => {
    plane.arrows[k].update([0, 0, x, y]);
    plane.handles[k].update(x, y);
    plane.names[k].anchor(x > 0.9 ? "end" : "start");
    plane.names[k].update(
      x,
      y,
      k ? "(0, 1)" : "(1, 0)",
      x > 0.9 ? -6 : 14,
      (k ? y >= 0 : y > 0.9) ? -14 : 24,
    );
  });
}

/** The complex plane with the unit circle and both eigenvalues. @param {MapFigure} fig */
function addDisc(fig) {
  const plot = complexPlane(fig, "The complex plane with the unit circle and the two eigenvalues", FRAME);
  const rays = plot.line({ class: "lf-faint", look: "momentum" }),
    dots = plot.marks({ look: "momentum", radius: 6 }),
    realName = plot.text(),
    verdict = plot.text({ class: "lf-direct", anchor: "middle" });
  plot.onLayout(() => realName.update(-FRAME, 0, "real numbers", 2, -6));
  /** @param {Drawn} drawn */
  return ({ pair }) => {
    const [[x, y], [other, below]] = pair;
    rays.update([x, y, 0, 0, other, below]);
    dots.update([x, y, other, below]);
    const size = modulus(pair[0]),
      turns = `a pair: every step turns, and ${size < 1 ? "shrinks" : size > 1 ? "grows" : "keeps the size"}`,
      words =
        Math.abs(x) > FRAME
          ? `one lies outside, at ${show(x)}`
          : y
            ? turns
            : "two real numbers: it only stretches";
    verdict.update(0, -FRAME, words, 0, -10);
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Drag the two arrows: what a matrix does to a circle, and which directions it keeps",
    python,
  });
  fig.root.classList.add("lf-linear-map");
  fig.pictures.classList.add("lf-halves");
  const plane = addPlane(fig),
    disc = addDisc(fig);
  const sayArea = fig.readout("determinant: the area’s factor"),
    sayTrace = fig.readout("trace: the eigenvalues’ sum"),
    sayPair = fig.readout("eigenvalues", { look: "momentum" }),
    saySize = fig.readout("larger modulus");
  for (const [label, matrix] of Object.entries(EXAMPLES)) fig.button({ label, press: () => fig.set(matrix) });
  for (const [name, label] of /** @type {["a"|"b"|"c"|"d", string][]} */ ([
    ["a", "row 1, column 1"],
    ["b", "row 1, column 2"],
    ["c", "row 2, column 1"],
    ["d", "row 2, column 2"],
  ]))
    fig.slider({ name, label, fold: true });
  let drawn = compute(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    drawPlane(plane, state, drawn);
    disc(drawn);
    sayArea(show(drawn.determinant));
    sayTrace(show(drawn.trace));
    sayPair(told(drawn));
    saySize(show(modulus(drawn.pair[0])));
    fig.speak(
      `The eigenvalues are ${told(drawn)}; their product, the determinant, is ${show(drawn.determinant)}, and the matrix keeps ${keepsAll(state) ? "every direction" : ["no direction", "one direction", "two directions"][drawn.kept.length]}.`,
    );
  });
  fig.numbers(() => ({
    determinant: drawn.determinant,
    trace: drawn.trace,
    values: drawn.pair.flat(),
    directions: drawn.kept.flat(),
  }));
  return fig.start();
}
