// Pure geometry and state of the live figures, without a browser. Run by tests/test_widgets_node.py.
import assert from "node:assert/strict";
import test from "node:test";

import {
  parseNumber,
  plain,
  pythonFloat,
  pythonNumber,
  roundTo,
  show,
} from "../../momentum_lib/widgets/js/kit/dom.js";
import {
  between,
  clipSegment,
  cividis,
  contourLevels,
  framed,
  heatPixels,
  logTicks,
  marksData,
  pathData,
  pixelText,
  ringPaths,
  rings,
  sample,
  scale,
  ticks,
} from "../../momentum_lib/widgets/js/kit/geometry.js";
import { plainModel } from "../../momentum_lib/widgets/js/kit/host.js";
import { drawNoise, fillNoise } from "../../momentum_lib/widgets/js/kit/noise.js";
import * as kinds from "../../momentum_lib/widgets/js/kit/state.js";
import { measuredRate } from "../../momentum_lib/widgets/js/kit/measure.js";
import { components, distances, leavesAt, stepsTo } from "../../momentum_lib/widgets/js/ravine.js";

const { clampValue, decode, encode, fromHash, toHash } = kinds;

/** @typedef {import("../../momentum_lib/widgets/js/kit/types.js").Pair} Pair */

/** A scale that changes nothing. @param {number} v */
const same = (v) => v;
/** How often a text has that letter. @param {string} text @param {string} letter */
const times = (text, letter) => text.split(letter).length - 1;

test("a scale and its inverse undo each other", () => {
  const axes = /** @type {[import("../../momentum_lib/widgets/js/kit/types.js").ScaleType, Pair][]} */ ([
    ["linear", [-3, 5]],
    ["log", [1e-6, 40]],
    ["near-one", [0, 0.999]],
  ]);
  for (const [type, domain] of axes) {
    const to = scale(type, domain, [320, 20]);
    assert.equal(to(domain[0]), 320);
    assert.ok(Math.abs(to(domain[1]) - 20) < 1e-9);
    for (const part of [0.1, 0.37, 0.9]) {
      const value = domain[0] + part * (domain[1] - domain[0]);
      assert.ok(Math.abs(to.invert(to(value)) - value) < 1e-12 * Math.max(1, Math.abs(value)));
    }
  }
  assert.ok(Math.abs(scale("log", [1, 100], [0, 1])(10) - 0.5) < 1e-15);
});

test("ticks are round, inside, and about as many as asked", () => {
  assert.deepEqual(ticks(0, 100, 4), [0, 50, 100]);
  assert.deepEqual(ticks(-0.3, 0.3, 6), [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  assert.deepEqual(
    logTicks(3e-8, 10, 5),
    [1e-7, 1e-5, 1e-3, 0.1, 10].map((v) => 10 ** Math.round(Math.log10(v))),
  );
  for (let k = 0; k < 200; k++) {
    const low = Math.sin(k) * 10 ** (k % 7),
      high = low + 10 ** ((k % 9) - 3),
      found = ticks(low, high, 5);
    assert.ok(found.length >= 2 && found.length <= 12, `${low} ${high} ${found}`);
    assert.ok(found.every((v) => v >= low - 1e-9 * Math.abs(low) && v <= high + 1e-9 * Math.abs(high)));
  }
});

test("the contour of a circle is a circle, to second order in the grid", () => {
  const n = 81,
    values = sample(
      (x, y) => x * x + y * y,
      [
        [-2, 2],
        [-2, 2],
      ],
      n,
      n,
    );
  const [found] = rings(values, n, n, [1]);
  assert.equal(found.length, 1);
  for (const [i, j] of found[0]) assert.ok(Math.abs(Math.hypot(-2 + i / 20, -2 + j / 20) - 1) < 1e-3);
  let area = 0; // shoelace: positive means the region lies to the left of the ring
  for (let k = 0; k < found[0].length; k++) {
    const [a, b] = found[0][k],
      [c, d] = found[0][(k + 1) % found[0].length];
    area += (a * d - b * c) / 2 / 400;
  }
  assert.ok(Math.abs(area - Math.PI) < 0.01, String(area));
});

test("a region cut by the edge closes along it, and its line leaves the edge out", () => {
  const n = 41,
    values = sample(
      (x) => x,
      [
        [-1, 1],
        [-1, 1],
      ],
      n,
      n,
    ),
    [found] = rings(values, n, n, [0.01]);
  assert.equal(found.length, 1);
  const { area, line } = ringPaths(
    found,
    n,
    n,
    (i) => i,
    (j) => j,
  );
  assert.ok(area.startsWith("M") && area.endsWith("Z"));
  const drawn = [...line.matchAll(/[ML]([-\d.]+),/g)].map((m) => Number(m[1]));
  assert.ok(drawn.length > 10 && drawn.every((x) => Math.abs(x - 20.2) < 0.06), line.slice(0, 80)); // one upright line, nothing else
});

test("a saddle and separate wells give separate rings", () => {
  const n = 61,
    wells = (/** @type {number} */ x, /** @type {number} */ y) => (x * x - 1) ** 2 + y * y,
    values = sample(
      wells,
      [
        [-2, 2],
        [-2, 2],
      ],
      n,
      n,
    );
  const found = rings(values, n, n, [-1, 0.5, 1.5]);
  assert.deepEqual(
    found.map((one) => one.length),
    [0, 2, 1],
  );
});

test("every crossing of the grid is on exactly one ring", () => {
  const n = 40,
    values = sample(
      (x, y) => Math.sin(3 * x) * Math.cos(4 * y) + 0.2 * x,
      [
        [-2, 2],
        [-2, 2],
      ],
      n,
      n,
    );
  const levels = [-0.5, 0, 0.3],
    found = rings(values, n, n, levels);
  for (const [k, level] of levels.entries()) {
    let expected = 0;
    const low = (/** @type {number} */ i, /** @type {number} */ j) =>
      i >= 0 && j >= 0 && i < n && j < n && values[j * n + i] < level;
    for (let j = -1; j <= n; j++)
      for (let i = -1; i <= n; i++) {
        if (low(i, j) !== low(i + 1, j)) expected++;
        if (low(i, j) !== low(i, j + 1)) expected++;
      }
    assert.equal(
      found[k].reduce((sum, ring) => sum + ring.length, 0),
      expected,
    );
  }
});

test("contour levels rise and space a bowl's rings evenly", () => {
  const values = sample(
      (x, y) => x * x + y * y,
      [
        [-1, 1],
        [-1, 1],
      ],
      201,
      201,
    ),
    levels = contourLevels(values, 8);
  assert.equal(levels.length, 8);
  const radii = levels.slice(0, 6).map(Math.sqrt),
    gaps = radii.slice(1).map((r, k) => r - radii[k]);
  assert.ok(Math.max(...gaps) / Math.min(...gaps) < 1.1, gaps.join(" "));
});

test("contour levels are quantiles of the finite values, whatever these are", () => {
  const quantile = (/** @type {number[]} */ sorted, /** @type {number} */ part) => {
    const at = part ** 2 * (sorted.length - 1),
      i = Math.floor(at);
    return sorted[i] + (at - i) * ((sorted[i + 1] ?? sorted[i]) - sorted[i]);
  };
  for (const f of [
    (/** @type {number} */ k) => Math.sin(k) * 3,
    (/** @type {number} */ k) => Math.exp(k / 9), // nearly all on one shelf
    (/** @type {number} */ k) => (k % 7 ? Math.cos(9 * k) : k % 2 ? NaN : Infinity),
    (/** @type {number} */ k) => (k % 2 ? -1e308 : 1e308) * Math.cos(k), // their range is no number
  ]) {
    const values = Float64Array.from({ length: 900 }, (_, k) => f(k)),
      sorted = [...values].filter(Number.isFinite).sort((a, b) => a - b);
    assert.deepEqual(
      contourLevels(values, 9),
      Array.from({ length: 9 }, (_, k) => quantile(sorted, (k + 0.75) / 9)),
    );
  }
  const all = Float64Array.from({ length: 900 }, (_, k) => Math.sin(k) * 3),
    row = [...all].sort((a, b) => a - b);
  assert.deepEqual(
    contourLevels(all, 2000),
    Array.from({ length: 2000 }, (_, k) => quantile(row, (k + 0.75) / 2000)),
    "the largest counts, too",
  );
  assert.deepEqual(contourLevels(new Float64Array(50).fill(2), 9), [2]);
});

test("a length in pixels is written as it is rounded", () => {
  for (const value of [0, 0.004, 0.996, 1, 9.999, 12.34, 650.5, 1e6, -0.5, -12.34])
    assert.equal(pixelText(value), value.toFixed(2).replace("-0.00", "0.00"));
  for (const [value, text] of [
    [0, "0"],
    [0.96, "1"],
    [12.34, "12.3"],
    [-7.25, "-7.3"],
  ])
    assert.equal(pixelText(Number(value), 10), text);
});

test("noise that is made in parts is the noise made at once", () => {
  const whole = drawNoise(1000, 7),
    parts = new Float64Array(1000);
  for (const [from, to] of [
    [0, 1],
    [1, 640],
    [640, 1000],
  ])
    fillNoise(parts, 7, from, to);
  assert.deepEqual(parts, whole);
});

test("segments are cut at a box", () => {
  /** @type {Pair[]} */
  const box = [
    [0, 10],
    [0, 5],
  ];
  assert.deepEqual(clipSegment(-5, 2, 15, 2, box), [0, 2, 10, 2]);
  assert.deepEqual(clipSegment(2, 2, 3, 3, box), [2, 2, 3, 3]);
  assert.equal(clipSegment(-5, 6, 15, 6, box), null);
  assert.equal(clipSegment(11, -1, 12, 8, box), null);
  assert.deepEqual(clipSegment(5, 2, 5, 1e300, box), [5, 2, 5, 5]);
  for (const at of [0, 1, 2, 3])
    assert.equal(clipSegment(...pairsWith(at, NaN), box), null, "an end that is no number is nowhere");
});

/** A segment inside the box, but for one of its numbers. @param {number} at @param {number} value @returns {[number, number, number, number]} */
const pairsWith = (at, value) => {
  const found = /** @type {[number, number, number, number]} */ ([5, 2, 6, 3]);
  found[at] = value;
  return found;
};

test("segments of any length are cut where two slabs cut them", () => {
  /** @type {Pair[]} */
  const box = [
    [0, 10],
    [0, 5],
  ];
  let cut = 0;
  for (let k = 0; k < 3000; k++) {
    const part = (/** @type {number} */ n) => Math.abs(Math.sin(12.9898 * k + 78.233 * n) * 43758.5453) % 1,
      long = [0.3, 3, 30][k % 3],
      x = 14 * part(0) - 2,
      y = 9 * part(1) - 2,
      way = [(part(2) - 0.5) * long * (k % 7 ? 1 : 0), (part(3) - 0.5) * long * (k % 11 ? 1 : 0)];
    let [first, last] = [0, 1];
    [x, y].forEach((from, axis) => {
      const [low, high] = box[axis],
        meets = [low, high].map((end) =>
          way[axis] ? (end - from) / way[axis] : from < end ? Infinity : -Infinity,
        );
      first = Math.max(first, Math.min(...meets));
      last = Math.min(last, Math.max(...meets));
    });
    const found = clipSegment(x, y, x + way[0], y + way[1], box);
    assert.equal(found === null, first > last, `${[x, y, ...way]}`);
    if (!found) continue;
    cut += Number(first > 0 || last < 1);
    [x + first * way[0], y + first * way[1], x + last * way[0], y + last * way[1]].forEach((right, i) =>
      assert.ok(Math.abs(right - found[i]) < 1e-9, `${[x, y, ...way]}: ${found}`),
    );
  }
  assert.ok(cut > 300, String(cut));
});

test("a path has a gap where a point is no number", () => {
  const text = pathData([1, 1, 2, 1, NaN, 1, 4, 1, 5, 1], same, same, [
    [0, 10],
    [0, 5],
  ]);
  assert.equal(text, "M1.00,1.00L2.00,1.00M4.00,1.00L5.00,1.00");
});

test("a path that flies off keeps small numbers, and comes back as a new piece", () => {
  const text = pathData([1, 1, 2, 1e250, 3, -1e250, 4, 1, 5, 2], same, same, [
    [0, 10],
    [0, 5],
  ]);
  assert.ok(
    (text.match(/[-\d.]+/g) ?? []).every((v) => Math.abs(Number(v)) <= 10),
    text,
  );
  assert.equal(times(text, "M"), 3);
  assert.equal(
    pathData(
      [0, 0, 1, 1, 2, 2],
      same,
      same,
      [
        [0, 10],
        [0, 5],
      ],
      1,
    ),
    "M0.00,0.00L1.00,1.00",
  );
  assert.equal(
    pathData(
      [0, 0, 1, 1, 2, 3],
      same,
      same,
      [
        [0, 10],
        [0, 5],
      ],
      1.5,
    ),
    "M0.00,0.00L1.00,1.00L1.50,2.00",
  );
  assert.equal(
    pathData(
      [0, 0, 4, 4],
      same,
      same,
      [
        [0, 10],
        [0, 5],
      ],
      0.25,
    ),
    "M0.00,0.00L1.00,1.00",
  );
  const settled = pathData(
    Float64Array.from({ length: 2000 }, (_, k) => 5 * 0.9 ** (k >> 1)),
    same,
    same,
    [
      [0, 10],
      [0, 5],
    ],
  );
  assert.ok(times(settled, "L") < 40, "what cannot be seen is left out");
  assert.equal(
    pathData([0, 0, 1, -Infinity], same, same, [
      [0, 10],
      [-5, 5],
    ]),
    "M0.00,0.00L0.00,-5.00",
  );
});

test("each kind of mark is drawn about its place", () => {
  const disc = (/** @type {number} */ r) =>
    `m${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0z`;
  const shapes = /** @type {[import("../../momentum_lib/widgets/js/kit/types.js").Shape, string][]} */ ([
    ["disc", disc(2)],
    ["ring", disc(2)],
    ["dot", disc(1.6)],
    ["triangle", "m0,-2.5l2.3,4h-4.6z"],
    ["square", "m-2,-2h4v4h-4z"],
    ["diamond", "m0,-2.6l2.6,2.6l-2.6,2.6l-2.6,-2.6z"],
    ["cross", "m-2,-2l4,4m0,-4l-4,4"],
  ]);
  /** @type {Pair[]} */
  const box = [
    [0, 10],
    [0, 5],
  ];
  for (const [shape, text] of shapes)
    assert.equal(marksData([3, 4], same, same, box, shape, 2), `M3.00,4.00${text}`, shape);
});

test("of marks in one place the first is drawn, at the edge too, and from one point to another", () => {
  /** @type {Pair[]} */
  const box = [
    [0, 10],
    [0, 5],
  ];
  const drawn = (/** @type {number[]} */ xy, /** @type {number[]} */ ...more) =>
    [...marksData(xy, same, same, box, "square", 1, ...more).matchAll(/M([-\d.]+),([-\d.]+)/g)].map(
      ([, x, y]) => [Number(x), Number(y)],
    );
  assert.deepEqual(drawn([0, 0, 10, 5, -0.1, 1, 10.1, 1, 1, -0.1, 1, 5.1, NaN, 1]), [
    [0, 0],
    [10, 5],
  ]);
  assert.deepEqual(drawn([1, 1, 1.29, 1.29, 1.31, 1, 1.31, 1.31, 5, 1, 1, 1]), [
    [1, 1],
    [1.31, 1],
    [1.31, 1.31],
    [5, 1],
    [1, 1],
  ]);
  assert.deepEqual(drawn([1, 1, 2, 2, 3, 3, 4, 4], 2, 1), [
    [2, 2],
    [3, 3],
  ]);
});

test("a frame of one shape is widened on its shorter side", () => {
  /** @type {Pair[]} */
  const box = [
    [0, 4],
    [1, 3],
  ];
  assert.deepEqual(framed(box, 3), [
    [-1, 5],
    [1, 3],
  ]);
  assert.deepEqual(framed(box, 2), box);
  assert.deepEqual(framed(box, 1), [
    [0, 4],
    [0, 4],
  ]);
  assert.deepEqual(framed(box, 0.5), [
    [0, 4],
    [-2, 6],
  ]);
});

test("the area between two lines goes along the upper and back along the lower", () => {
  assert.deepEqual(
    [...between([0, 1, 1, 2, 3, 1.5], [0, 5, 1, 6, 3, 7])],
    [0, 5, 1, 6, 3, 7, 3, 1.5, 1, 2, 0, 1],
  );
});

test("a function is sampled at the ends and evenly between", () => {
  assert.deepEqual(
    [
      ...sample(
        (x, y) => 100 * x + y,
        [
          [1, 3],
          [4, 5],
        ],
        3,
        2,
      ),
    ],
    [104, 204, 304, 105, 205, 305],
  );
});

test("ticks by hand", () => {
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(0, 9.99, 5), [0, 2, 4, 6, 8]);
  assert.deepEqual(ticks(0, 10, 0), [0, 10]);
  assert.deepEqual(ticks(1, 4, 3), [1, 2, 3, 4]);
  assert.deepEqual(ticks(0, 0.7, 7), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
  assert.deepEqual(ticks(-15, 15, 6), [-15, -10, -5, 0, 5, 10, 15]);
  assert.deepEqual(ticks(0, 60, 10), [0, 10, 20, 30, 40, 50, 60]);
  assert.deepEqual(logTicks(1e-3, 1e3, 3), [1e-3, 1, 1e3]);
  assert.deepEqual(logTicks(1e-3, 1e3, 7), [1e-3, 1e-2, 0.1, 1, 10, 100, 1000]);
  assert.deepEqual(logTicks(0.02, 900, 0), [100]);
  assert.deepEqual(logTicks(0.02, 900, 2), [1, 100]);
});

test("marks outside the picture are left out", () => {
  const text = marksData(
    [1, 1, 20, 1, 3, 3],
    same,
    same,
    [
      [0, 10],
      [0, 5],
    ],
    "disc",
    2,
  );
  assert.equal(times(text, "M"), 2);
});

test("cividis runs from dark blue to yellow, even in lightness", () => {
  assert.deepEqual(cividis(0), [0, 34, 78]);
  assert.deepEqual(cividis(1), [254, 232, 56]);
  const light = Array.from({ length: 64 }, (_, k) => {
    const [r, g, b] = cividis(k / 63);
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
  assert.ok(light.every((v, k) => k === 0 || v > light[k - 1] - 0.5));
});

test("a heat map: few steps light, many dark, diverged left open, top row first", () => {
  const pixels = heatPixels([10, 1000, NaN, Infinity], 2, 2, 10, 1000),
    at = (/** @type {number} */ k) => [...pixels.slice(4 * k, 4 * k + 4)];
  assert.deepEqual(at(0), [0, 0, 0, 0]);
  assert.deepEqual(at(1), [0, 34, 78, 255]);
  assert.deepEqual(at(2), [254, 232, 56, 255]);
  assert.deepEqual(at(3), [0, 34, 78, 255]);
});

test("state is clamped, and nonsense keeps what was", () => {
  const { number, integer, point, choice, choices, flag, numbers } = kinds;
  const lr = number(0.1, 0, 1);
  assert.deepEqual(
    [2, -1, 0.3, NaN, Infinity, "0.5", null].map((v) => clampValue(lr, v, 0.7)),
    [1, 0, 0.3, 0.7, 0.7, 0.7, 0.7],
  );
  assert.equal(clampValue(integer(5, 1, 9), 6.6), 7);
  assert.deepEqual(
    clampValue(
      point(
        [0, 0],
        [
          [-1, 1],
          [-2, 2],
        ],
      ),
      [5, -9],
    ),
    [1, -2],
  );
  assert.deepEqual(
    clampValue(
      point(
        [0, 0],
        [
          [-1, 1],
          [-2, 2],
        ],
      ),
      [NaN, 0],
      [9, 9],
    ),
    [9, 9],
  );
  assert.equal(clampValue(choice("a", ["a", "b"]), "c"), "a");
  assert.deepEqual(clampValue(choices(["a"], ["a", "b", "c"], 1, 2), ["b", "x", "b", "c", "a"]), ["b", "c"]);
  assert.deepEqual(clampValue(choices(["a"], ["a", "b"], 1), []), ["a"]);
  assert.equal(clampValue(flag(true), "false"), true);
  assert.deepEqual(
    clampValue(numbers({ lr: 0.1, beta: 0.9 }, { lr: [0, 1], beta: [0, 0.99] }), { beta: 4, other: 3 }),
    { lr: 0.1, beta: 0.99 },
  );
});

test("an address keeps every kind of state exactly", () => {
  const { number, integer, point, choice, choices, flag, numbers } = kinds;
  const specs = {
    a: number(0.1, 0, 1),
    b: integer(5, 1, 9),
    c: point(
      [0, 0],
      [
        [-1, 1],
        [-2, 2],
      ],
    ),
    d: choice("x", ["x", "y z&="]),
    e: choices(["p"], ["p", "q"]),
    f: flag(false),
    g: numbers({ lr: 0.1, beta: 0.9 }, { lr: [0, 1], beta: [0, 1] }),
  };
  const values = {
    a: 0.1 + 0.2,
    b: 7,
    c: [-1 / 3, 5e-17],
    d: "y z&=",
    e: ["q", "p"],
    f: true,
    g: { lr: 1e-7, beta: 2 / 3 },
  };
  assert.deepEqual(fromHash(toHash("fig.2", specs, values), "fig.2", specs), values);
  assert.equal(fromHash(toHash("fig.2", specs, values), "fig", specs), null);
  assert.deepEqual(fromHash("#live=fig&a=7&b=x&c=1&d=no&f=maybe&unknown=1", "fig", specs), { a: 1 });
  assert.equal(encode(specs.c, values.c), `${-1 / 3},5e-17`);
  assert.equal(decode(specs.a, ""), null);
});

test("names keep to a length; runs are checked, and no address carries them", () => {
  const specs = { runs: kinds.runs(), side: kinds.name("") },
    part = { steps: [1], held_steps: [1], sides: [{}], place: [0] };
  assert.deepEqual(
    ["a, b", "", 3, "x".repeat(401)].map((v) => clampValue(specs.side, v, "old")),
    ["a, b", "", "old", "old"],
  );
  assert.deepEqual(clampValue(specs.runs, { one: part }), { one: part });
  for (const bad of [
    null,
    3,
    [part],
    { one: null },
    { one: { ...part, steps: [] } },
    { one: { steps: [1], sides: [1] } },
  ])
    assert.deepEqual(clampValue(specs.runs, bad), {});
  const address = toHash("curves", specs, { runs: { one: part }, side: "adamw 0.9,adamw 0" });
  assert.ok(!address.includes("runs"));
  assert.deepEqual(fromHash(`${address}&runs=1`, "curves", specs), { side: "adamw 0.9,adamw 0" });
});

test("numbers: typed, shown, written as Python", () => {
  assert.deepEqual(
    ["0,05", " 2/26 ", "−3", "1e-3", "1/0", "x", "", "1/2/3", "0x10", "12 000"].map(parseNumber),
    [0.05, 2 / 26, -3, 1e-3, NaN, NaN, NaN, NaN, NaN, 12000],
  );
  assert.deepEqual(
    [0.076923, -2.5, 1000, 12345, 1e-6, 3.2e-9, 0, Infinity, 0.5].map((v) => show(v)),
    ["0.0769", "−2.5", "1000", "12\u202f345", "10⁻⁶", "3.20 × 10⁻⁹", "0", "∞", "0.5"],
  );
  assert.deepEqual([3, -0, 0.1, 1e-7, 1e22].map(pythonFloat), ["3.0", "-0.0", "0.1", "1e-7", "1e+22"]);
  assert.deepEqual([3, 2.5].map(pythonNumber), ["3", "2.5"]);
  assert.equal(plain(0.07692307692), "0.076923");
  assert.equal(roundTo(0.07692307692), 0.0769);
});

test("the ravine's read-outs", () => {
  const { along, across } = components([1, 0, 0, 1], Math.PI / 2);
  assert.ok(Math.abs(along[0]) < 1e-15 && Math.abs(along[1] - 1) < 1e-15 && Math.abs(across[0] + 1) < 1e-15);
  assert.deepEqual([...distances([3, 4, 0, 2.5])], [1, 0.5]);
  assert.equal(stepsTo([1, 1e-7, 1, 1e-7, 1e-8], 1e-6), 3);
  assert.equal(stepsTo([1, 0.5], 1e-6), null);
  assert.equal(stepsTo([0, 0], 1e-6), 0);
  assert.ok(Math.abs(Number(measuredRate([1, 0.5, 0.25, 0.125])) - 0.5) < 1e-15);
  assert.equal(measuredRate([1, 0, 0]), null);
  assert.equal(
    leavesAt(
      [0, 0, 0, 3, 0, 1, 0, -3, 0, 9],
      [
        [-2, 2],
        [-2, 2],
      ],
    ),
    3,
  );
  assert.equal(
    leavesAt(
      [0, 0, 0, 3],
      [
        [-2, 2],
        [-2, 2],
      ],
    ),
    null,
  );
});

test("the model of a static page answers like anywidget's", () => {
  const model = plainModel({ a: 1, p: [1, 2] }),
    heard = /** @type {number[]} */ ([]);
  const listener = () => heard.push(model.get("a"));
  model.on("change:a", listener);
  model.set("a", 2);
  model.set("a", 2);
  model.set("p", [1, 2]);
  assert.deepEqual(heard, [2]);
  model.off("change:a", listener);
  model.set("a", 3);
  assert.deepEqual(heard, [2]);
});
