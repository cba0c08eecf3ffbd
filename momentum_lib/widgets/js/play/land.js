// The surface in three dimensions, turned by finger, mouse or keys: drawn on a plain canvas with a projection of its own.

import { clamp, h, onTheme, show } from "../kit/dom.js";
import { sample } from "../kit/geometry.js";
import { paintOfTheme, shades, tones as tonesOf } from "../kit/relief.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("../kit/types.js").Box} Box */

const FINE = 72,
  COARSE = 40,
  SHADES = 96;
/** How high the land stands, as a share of its width. */
const TALL = 0.34;

/** Heights between 0 and 1 that show floors and tops alike. @param {Float64Array} values */
function levelled(values) {
  const finite = values.filter(Number.isFinite).sort(),
    low = finite[0] ?? 0,
    high = finite[Math.floor(0.985 * (finite.length - 1))] ?? 1;
  const of = (/** @type {number} */ v) => Math.sqrt(clamp((v - low) / (high - low || 1), 0, 1.15));
  return { of, heights: values.map((v) => (Number.isFinite(v) ? of(v) : 1.07)) };
}

/**
 * A turned view: from the box's units and a height in [0, 1] to the plane of the eye (x to the right, y downwards, the box one wide).
 * @param {Box} box @param {{turn: number, tilt: number}} eye
 */
export function turned([[x0, x1], [y0, y1]], { turn, tilt }) {
  const cos = Math.cos(turn),
    sin = Math.sin(turn),
    up = Math.sin(tilt),
    flat = Math.cos(tilt),
    ratio = (y1 - y0) / (x1 - x0);
  return (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ z) => {
    const u = (x - x0) / (x1 - x0) - 0.5,
      v = ((y - y0) / (y1 - y0) - 0.5) * ratio;
    return [u * cos - v * sin, -((u * sin + v * cos) * up + z * TALL * flat)];
  };
}

/** The same in pixels, so that the whole land fits into a picture. @param {ReturnType<typeof turned>} seen @param {Float64Array} spots of the land, as `seen` puts them @param {number} width @param {number} height */
function fitted(seen, spots, width, height) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let k = 0; k < spots.length; k += 2) {
    left = Math.min(left, spots[k]);
    right = Math.max(right, spots[k]);
    top = Math.min(top, spots[k + 1]);
    bottom = Math.max(bottom, spots[k + 1]);
  }
  const size = Math.min((0.94 * width) / (right - left), (0.88 * height) / (bottom - top)),
    x0 = width / 2 - (size * (left + right)) / 2,
    y0 = height / 2 - (size * (top + bottom)) / 2;
  for (let k = 0; k < spots.length; k += 2) {
    spots[k] = x0 + size * spots[k];
    spots[k + 1] = y0 + size * spots[k + 1];
  }
  return (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ z) => {
    const [a, b] = seen(x, y, z);
    return [x0 + size * a, y0 + size * b];
  };
}

/** Where every point of the land lies. @param {{nx: number, ny: number, heights: Float64Array}} land @param {Box} box @param {ReturnType<typeof turned>} seen */
function spotsOf({ nx, ny, heights }, [[x0, x1], [y0, y1]], seen) {
  const spots = new Float64Array(2 * nx * ny);
  for (let j = 0, k = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, k++)
      [spots[2 * k], spots[2 * k + 1]] = seen(
        x0 + (i / (nx - 1)) * (x1 - x0),
        y0 + (j / (ny - 1)) * (y1 - y0),
        heights[k],
      );
  return spots;
}

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView} */
export function createLand({ life, store, parent, room, time, held }) {
  const canvas = h("canvas", {
    class: "pg-land lf-relief",
    tabindex: 0,
    role: "slider",
    "aria-label": "The surface in three dimensions: turn it",
    "aria-valuemin": -180,
    "aria-valuemax": 180,
  });
  parent.append(canvas, h("p", { class: "pg-hint", text: "Drag to turn" }));
  const eye = { turn: -0.55, tilt: room().height > 0.8 * room().width ? 0.95 : 0.7 }; // seen from higher above where there is height
  /** @type {{key: string, n: number, nx: number, ny: number, heights: Float64Array, light: Float64Array, of: (v: number) => number}} */
  const kept = {
    key: "",
    n: 0,
    nx: 0,
    ny: 0,
    heights: new Float64Array(0),
    light: new Float64Array(0),
    of: (v) => v,
  };
  let grip = /** @type {{x: number, y: number, turn: number, tilt: number}|null} */ (null);
  const turnTo = (/** @type {number} */ turn, /** @type {number} */ tilt) => {
    eye.turn = ((turn + 3 * Math.PI) % (2 * Math.PI)) - Math.PI;
    eye.tilt = clamp(tilt, 0.2, 1.45);
    store.redraw();
  };
  life.on(canvas, "pointerdown", (event) => {
    grip = { x: event.clientX, y: event.clientY, ...eye };
    canvas.setPointerCapture(event.pointerId);
  });
  life.on(canvas, "pointermove", (event) => {
    if (grip) turnTo(grip.turn + (event.clientX - grip.x) / 160, grip.tilt + (event.clientY - grip.y) / 200);
  });
  for (const type of ["pointerup", "pointercancel"])
    life.on(canvas, type, () => {
      grip = null;
      store.redraw();
    });
  life.on(canvas, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.08], ArrowDown: [0, 0.08] }[
      event.key
    ];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    turnTo(eye.turn + by[0], eye.tilt + by[1]);
  });
  /** The bare land as it was drawn last: while the balls roll, only they are drawn. */
  const ground = h("canvas"),
    paint = paintOfTheme(life, canvas),
    theme = { now: 0, drawn: "" };
  onTheme(life, () => {
    theme.now += 1;
    store.redraw();
  });

  /** @param {Scene} scene @param {number} n */
  function terrain({ surface, params, box, key }, n) {
    const what = `${key}|${box}|${n}`;
    if (what === kept.key) return;
    const [[x0, x1], [y0, y1]] = box,
      nx = n,
      ny = Math.max(12, Math.round((n * (y1 - y0)) / (x1 - x0))),
      values = sample((x, y) => surface.value(x, y, params), box, nx, ny);
    Object.assign(kept, { key: what, nx, ny, light: shades({ values, nx, ny }, 1), ...levelled(values) });
  }
  return {
    draw(scene) {
      const { width, height } = room(),
        dots = Math.min(devicePixelRatio || 1, 2),
        pen = canvas.getContext("2d", { willReadFrequently: true });
      if (!pen || width < 2) return;
      terrain(scene, grip || held() ? COARSE : FINE);
      if (canvas.width !== Math.round(width * dots)) canvas.width = Math.round(width * dots);
      if (canvas.height !== Math.round(height * dots)) canvas.height = Math.round(height * dots);
      const seen = turned(scene.box, eye),
        spots = spotsOf(kept, scene.box, seen),
        to = fitted(seen, spots, width, height),
        wanted = [kept.key, eye.turn, eye.tilt, canvas.width, canvas.height, theme.now].join();
      if (wanted !== theme.drawn) {
        theme.drawn = wanted;
        const tones = tonesOf(paint(pen)),
          net = `color-mix(in srgb, ${getComputedStyle(canvas).color} 38%, transparent)`;
        pen.setTransform(dots, 0, 0, dots, 0, 0);
        pen.clearRect(0, 0, width, height);
        drawLand(pen, kept, spots, eye, tones, net);
        Object.assign(ground, { width: canvas.width, height: canvas.height });
        ground.getContext("2d")?.drawImage(canvas, 0, 0);
      } else {
        pen.setTransform(1, 0, 0, 1, 0, 0);
        pen.clearRect(0, 0, canvas.width, canvas.height);
        pen.drawImage(ground, 0, 0);
      }
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      const style = getComputedStyle(canvas);
      for (const lane of scene.lanes)
        for (const run of lane.runs)
          drawRun(
            pen,
            run.points,
            scene,
            kept.of,
            to,
            style.getPropertyValue(`--look-${lane.rule.family}`),
            time.pen(),
            lane === scene.picked,
          );
      const degrees = Math.round((eye.turn * 180) / Math.PI);
      canvas.setAttribute("aria-valuenow", String(degrees));
      canvas.setAttribute(
        "aria-valuetext",
        `turned by ${show(degrees)} degrees, seen from ${show(Math.round((eye.tilt * 180) / Math.PI))} degrees above`,
      );
    },
    numbers: () => ({ ...eye, cells: kept.nx }),
  };
}

/** A part of a colour, 0 to 255, in two signs. @param {number} part */
const hex = (part) => Math.round(part).toString(16).padStart(2, "0");

/** The land, cell by cell, what lies behind first. @param {CanvasRenderingContext2D} pen @param {{nx: number, ny: number, light: Float64Array}} land @param {Float64Array} spots @param {{turn: number}} eye @param {{shade: number[], light: number[]}} tones @param {string} net colour of the net's lines */
function drawLand(pen, { nx, ny, light }, spots, { turn }, tones, net) {
  // Far cells have a large b = u sin + v cos: along each axis the order is forwards or backwards.
  const back = Math.sin(turn) < 0,
    up = Math.cos(turn) < 0;
  pen.lineWidth = 0.7;
  const paints = Array.from(
    { length: SHADES },
    (_, k) =>
      `#${[0, 1, 2].map((c) => hex(tones.shade[c] + (k / (SHADES - 1)) * (tones.light[c] - tones.shade[c]))).join("")}`,
  );
  const every = nx > COARSE ? 6 : 3;
  /** The lines of a coarse net on the land, each cell its part, so that what stands before it hides it. @param {number} i @param {number} j @param {number} k */
  function mesh(i, j, k) {
    if (i % every && j % every) return;
    pen.strokeStyle = net;
    pen.beginPath();
    pen.moveTo(spots[2 * k], spots[2 * k + 1]);
    if (j % every === 0) pen.lineTo(spots[2 * k + 2], spots[2 * k + 3]);
    pen.moveTo(spots[2 * k], spots[2 * k + 1]);
    if (i % every === 0) pen.lineTo(spots[2 * (k + nx)], spots[2 * (k + nx) + 1]);
    pen.stroke();
  }
  for (let jj = 0; jj < ny - 1; jj++)
    for (let ii = 0; ii < nx - 1; ii++) {
      const j = up ? jj : ny - 2 - jj,
        i = back ? ii : nx - 2 - ii,
        k = j * nx + i,
        t = Math.round(light[k] * (SHADES - 1)),
        colour = paints[t];
      pen.fillStyle = pen.strokeStyle = colour;
      pen.beginPath();
      pen.moveTo(spots[2 * k], spots[2 * k + 1]);
      for (const at of [k + 1, k + 1 + nx, k + nx]) pen.lineTo(spots[2 * at], spots[2 * at + 1]);
      pen.closePath();
      pen.fill();
      pen.stroke();
      mesh(i, j, k);
    }
}

/** A path on the land, up to where the ball is. @param {CanvasRenderingContext2D} pen @param {Float64Array} points @param {Scene} scene @param {(v: number) => number} of @param {ReturnType<typeof fitted>} to @param {string} colour @param {number} end @param {boolean} picked */
function drawRun(pen, points, { surface, params, box: [[x0, x1], [y0, y1]] }, of, to, colour, end, picked) {
  const last = Math.min(points.length / 2 - 1, Math.floor(end));
  /** @type {number[]|null} */
  let spot = null;
  pen.beginPath();
  const put = (/** @type {number} */ x, /** @type {number} */ y) => {
    if (!(x >= x0 && x <= x1 && y >= y0 && y <= y1)) {
      spot = null;
      return;
    }
    const next = to(x, y, of(surface.value(x, y, params)) + 0.012);
    if (spot) pen.lineTo(next[0], next[1]);
    else pen.moveTo(next[0], next[1]);
    spot = next;
  };
  put(points[0], points[1]);
  for (let k = 1; k <= last; k++) {
    // A step flies over the land: its shadow follows the ground.
    const parts = last > 150 ? 2 : 6;
    for (let i = 1; i <= parts; i++)
      put(
        points[2 * k - 2] + (i / parts) * (points[2 * k] - points[2 * k - 2]),
        points[2 * k - 1] + (i / parts) * (points[2 * k + 1] - points[2 * k - 1]),
      );
  }
  pen.strokeStyle = colour;
  pen.lineWidth = picked ? 3.2 : 2;
  pen.lineJoin = "round";
  pen.stroke();
  if (!spot) return;
  pen.beginPath();
  pen.arc(spot[0], spot[1] - 4, 7, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
  pen.strokeStyle = getComputedStyle(pen.canvas).backgroundColor;
  pen.lineWidth = 2;
  pen.stroke();
}
