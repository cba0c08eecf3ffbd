// A surface of the plane shaded as country, light from the north-west: what lies behind its contours. The colours are the
// page's: its ground and its secondary text (`background-color` and `color` of .lf-relief). On a dark page it is night.

import { h, onTheme } from "./dom.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {{values: Float64Array, nx: number, ny: number}} Grid a function as geometry.js samples it */

/** Towards the light: left, up, and as high as makes flat ground half bright. */
const LIGHT = [-Math.sqrt(3 / 8), Math.sqrt(3 / 8), 0.5];
/** A slope of one is so many times the median slope; light that comes round the hills; and how much brighter the tops are. */
const STEEP = 1.2,
  SKY = 0.45,
  HEIGHT = 0.25;

/**
 * How bright every point of a grid is, from 0 to 1: Lambert's term, with some light from the sky, and tops brighter than
 * floors. Slopes count in units of the median slope, so that a bowl and Rosenbrock's valley are equally hilly.
 * @param {Grid} grid
 * @param {number} [ratio] how wide a cell of the grid is, over how high
 */
export function shades({ values, nx, ny }, ratio = 1) {
  const slopes = slopesOf(values, nx, ny, ratio),
    unit = STEEP * medianSize(slopes) || 1,
    [low, high] = ends(values),
    found = new Float64Array(nx * ny);
  for (let k = 0; k < found.length; k++) {
    const a = slopes[2 * k] / unit,
      b = slopes[2 * k + 1] / unit,
      lambert = (LIGHT[2] - a * LIGHT[0] - b * LIGHT[1]) / Math.sqrt(1 + a * a + b * b),
      height = Math.sqrt((values[k] - low) / (high - low) || 0),
      bright = (1 - HEIGHT) * ((lambert + SKY) / (1 + SKY)) + HEIGHT * height;
    found[k] = Math.min(Math.max(bright, 0), 1) || 0;
  }
  return found;
}

/** The least and the largest of the finite values. @param {Float64Array} values */
function ends(values) {
  let low = Infinity,
    high = -Infinity;
  for (const value of values)
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  return [low, high];
}

/** The slope along x and along y at every point, as pairs: differences across a point, one-sided at the edge. @param {Float64Array} values @param {number} nx @param {number} ny @param {number} ratio */
function slopesOf(values, nx, ny, ratio) {
  const slopes = new Float64Array(2 * nx * ny);
  for (let j = 0, k = 0; j < ny; j++) {
    const up = j < ny - 1 ? nx : 0,
      down = j ? nx : 0;
    for (let i = 0; i < nx; i++, k++) {
      const right = i < nx - 1 ? 1 : 0,
        left = i ? 1 : 0,
        a = (values[k + right] - values[k - left]) / (right + left),
        b = ((values[k + up] - values[k - down]) / ((up + down) / nx)) * ratio;
      slopes[2 * k] = Number.isFinite(a) ? a : 0;
      slopes[2 * k + 1] = Number.isFinite(b) ? b : 0;
    }
  }
  return slopes;
}

/** The median length of pairs, from every ninth of them. @param {Float64Array} pairs */
function medianSize(pairs) {
  const sizes = new Float64Array(Math.ceil(pairs.length / 18));
  for (let k = 0; k < sizes.length; k++) sizes[k] = Math.hypot(pairs[18 * k], pairs[18 * k + 1]);
  return sizes.sort()[sizes.length >> 1];
}

/**
 * The pixels of shades, first row at the top: the colour `shade` where there is none of the light, `light` where there is all.
 * @param {Float64Array} found
 * @param {number} nx
 * @param {number} ny
 * @param {{shade: ArrayLike<number>, light: ArrayLike<number>}} colours red, green and blue
 */
export function reliefPixels(found, nx, ny, { shade, light }) {
  const pixels = new Uint8ClampedArray(4 * nx * ny);
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const t = found[j * nx + i],
        at = 4 * ((ny - 1 - j) * nx + i);
      for (let c = 0; c < 3; c++) pixels[at + c] = shade[c] + t * (light[c] - shade[c]);
      pixels[at + 3] = 255;
    }
  return pixels;
}

/** How far from the page's ground the shade and the light lie: towards secondary text, or below nought towards black. */
const DAY = { shade: 0.55, light: 0 },
  NIGHT = { shade: -0.5, light: 0.36 };

/**
 * Shade and light for a page, from its ground and the colour of its secondary text, each as red, green and blue.
 * @param {{ground: ArrayLike<number>, text: ArrayLike<number>}} paint
 */
export function tones({ ground, text }) {
  const day = ground[0] + ground[1] + ground[2] > text[0] + text[1] + text[2] ? DAY : NIGHT;
  const tone = (/** @type {number} */ part) =>
    [0, 1, 2].map((c) => ground[c] + Math.abs(part) * ((part < 0 ? 0 : text[c]) - ground[c]));
  return { shade: tone(day.shade), light: tone(day.light) };
}

/** @typedef {{ground: Uint8ClampedArray, text: Uint8ClampedArray}} Paint red, green and blue of a canvas's CSS ground and text */

/** What the style sheet gives a canvas, as the browser paints it. @param {HTMLCanvasElement} node @param {CanvasRenderingContext2D} pen @returns {Paint} */
export function paintOf(node, pen) {
  const { backgroundColor, color } = getComputedStyle(node);
  const [ground, text] = [backgroundColor, color].map((colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data.slice();
  });
  return { ground, text };
}

/** The same, asked once a theme: for an answer the browser has to style the page. @param {import("./dom.js").Life} life @param {HTMLCanvasElement} node */
export function paintOfTheme(life, node) {
  /** @type {Paint|null} */
  let known = null;
  onTheme(life, () => {
    known = null;
  });
  return (/** @type {CanvasRenderingContext2D} */ pen) => (known ??= paintOf(node, pen));
}

/** Lay a canvas behind a picture, within its axes. @param {Frame} plot @param {HTMLElement} node */
export function putBehind(plot, node) {
  plot.box.prepend(node);
  plot.onLayout(() => {
    const { left, top, right, bottom } = plot.inner;
    Object.assign(node.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${right - left}px`,
      height: `${bottom - top}px`,
    });
  });
}

/**
 * The relief behind a picture: a small canvas that the browser enlarges smoothly. `update` takes a sampled function; colours
 * follow the theme.
 * @param {Frame} plot
 * @param {import("./dom.js").Life} life
 */
export function addRelief(plot, life) {
  const node = h("canvas", { class: "lf-relief", "aria-hidden": "true" }),
    drawn = { found: new Float64Array(0), nx: 0, ny: 0 },
    colours = paintOfTheme(life, node);
  putBehind(plot, node);
  plot.box.classList.add("has-relief");
  function paint() {
    const { found, nx, ny } = drawn,
      pen = nx ? node.getContext("2d", { willReadFrequently: true }) : null;
    if (!pen) return;
    pen.putImageData(new ImageData(reliefPixels(found, nx, ny, tones(colours(pen))), nx, ny), 0, 0);
  }
  onTheme(life, paint);
  return {
    node,
    /** @param {Grid} grid */
    update(grid) {
      const { nx, ny } = grid,
        { left, right, top, bottom } = plot.inner,
        ratio = (right - left) / (nx - 1) / ((bottom - top) / (ny - 1));
      Object.assign(drawn, { found: shades(grid, ratio || 1), nx, ny }); // hills are as steep as they look
      if (node.width !== nx || node.height !== ny) Object.assign(node, { width: nx, height: ny });
      paint();
    },
  };
}
