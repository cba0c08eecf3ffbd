// A scene painted on a plain canvas: what thumbnails show and what a moving picture is made of.

import { h } from "../kit/dom.js";
import { sample } from "../kit/geometry.js";
import { paintOf, reliefPixels, shades, tones } from "../kit/relief.js";

/** @typedef {import("./types.js").Scene} Scene */

/**
 * @param {HTMLCanvasElement} node one of the class lf-relief on the page, whose colours it takes
 * @param {Scene} scene
 */
export function createPainter(node, scene) {
  let ground = /** @type {HTMLCanvasElement|null} */ (null);
  const unit = () => node.width / 264;
  return {
    last: () => Math.max(1, ...scene.lanes.flatMap(({ runs }) => runs.map(({ n }) => n))),
    /** The page's colours have changed. */
    forget() {
      ground = null;
    },
    /** All runs up to a step, or a part of one. @param {number} step */
    paint(step) {
      const pen = node.getContext("2d", { willReadFrequently: true });
      if (!pen) return;
      const land = (ground ??= reliefOf(scene, node, pen));
      pen.setLineDash([]);
      pen.drawImage(land, 0, 0, node.width, node.height);
      const style = getComputedStyle(node);
      for (const lane of scene.lanes) {
        const colour = style.getPropertyValue(`--look-${lane.rule.family}`);
        for (const { points, n } of lane.runs)
          drawRun(pen, scene.box, points, Math.min(step, n), n, colour, lane.dash, unit());
      }
    },
  };
}

/** @param {CanvasRenderingContext2D} pen @param {Scene["box"]} box @param {Float64Array} points @param {number} end @param {number} n @param {string} colour @param {string} dash @param {number} unit */
function drawRun(pen, [[x0, x1], [y0, y1]], points, end, n, colour, dash, unit) {
  const { width, height } = pen.canvas,
    from = Math.floor(end);
  const at = (/** @type {number} */ k) => [
    ((points[2 * k] - x0) / (x1 - x0)) * width,
    ((y1 - points[2 * k + 1]) / (y1 - y0)) * height,
  ];
  pen.lineJoin = "round";
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = pen.fillStyle = colour;
  pen.setLineDash(dash === "none" ? [] : dash.split(" ").map((v) => 0.75 * unit * Number(v)));
  pen.beginPath();
  for (let k = 0; k <= from; k++) pen.lineTo(at(k)[0], at(k)[1]);
  const a = at(from),
    b = at(Math.min(from + 1, n)),
    head = [0, 1].map((i) => a[i] + (end - from) * (b[i] - a[i]));
  pen.lineTo(head[0], head[1]);
  pen.stroke();
  pen.beginPath();
  pen.arc(head[0], head[1], 5 * unit, 0, 2 * Math.PI);
  pen.fill();
}

/** The relief of a scene on a small canvas. @param {Scene} scene @param {HTMLCanvasElement} node @param {CanvasRenderingContext2D} pen */
function reliefOf({ surface, params, box }, node, pen) {
  const nx = 88,
    ny = Math.max(16, Math.round((88 * node.height) / node.width)),
    small = h("canvas", { width: nx, height: ny });
  const values = sample((x, y) => surface.value(x, y, params), box, nx, ny),
    pixels = reliefPixels(shades({ values, nx, ny }, 1), nx, ny, tones(paintOf(node, pen)));
  small.getContext("2d").putImageData(new ImageData(pixels, nx, ny), 0, 0);
  return small;
}
