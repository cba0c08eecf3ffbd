// Pictures: scales, ticks, contours and paths as pure geometry (above the line), then what draws them in SVG (below it).

import { assign, clamp, h, onTheme, powerOfTen, s, show } from "./dom.js";

// ---------------------------------------------------------------------------------------------------- pure geometry

/** @typedef {[number, number]} Pair */
/** @typedef {{(value: number): number, invert: (pixel: number) => number, domain: Pair, range: Pair, type: "linear"|"log"|"near-one"}} Scale */

/**
 * A map from data to pixels, with its inverse. "near-one" is even in log(1 - value): .9, .99 and .999 lie equally far apart.
 * @param {"linear"|"log"|"near-one"} type
 * @param {number[]} domain both positive where `type` is "log", both below one where it is "near-one"
 * @param {Pair} range
 * @returns {Scale}
 */
export function scale(type, domain, range) {
  const to =
    type === "log"
      ? Math.log
      : type === "near-one"
        ? (/** @type {number} */ v) => -Math.log1p(-v)
        : (/** @type {number} */ v) => v;
  const from =
    type === "log"
      ? Math.exp
      : type === "near-one"
        ? (/** @type {number} */ u) => -Math.expm1(-u)
        : (/** @type {number} */ v) => v;
  const [a, b] = domain.map(to);
  const [p, q] = range;
  const map = /** @type {Scale} */ ((value) => p + ((to(value) - a) / (b - a)) * (q - p));
  map.invert = (pixel) => from(a + ((pixel - p) / (q - p)) * (b - a));
  return Object.assign(map, { domain, range, type });
}

/** Round values within [low, high], about `count` of them. @param {number} low @param {number} high @param {number} count */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k <= high / step + 1e-9; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** Powers of ten within [low, high], at most about `count` of them. @param {number} low @param {number} high @param {number} count */
export function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9),
    last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(count, 1)));
  const found = [];
  for (let e = last; e >= first; e -= every) found.unshift(10 ** e);
  return found;
}

/**
 * A function on a grid: values[j * nx + i] at the i-th x and the j-th y, both ends of the domain included.
 * @param {(x: number, y: number) => number} f
 * @param {[Pair, Pair]} domain
 * @param {number} nx
 * @param {number} ny
 */
export function sample(f, [[x0, x1], [y0, y1]], nx, ny) {
  const values = new Float64Array(nx * ny);
  for (let j = 0, k = 0; j < ny; j++) {
    const y = y0 + ((y1 - y0) * j) / (ny - 1);
    for (let i = 0; i < nx; i++, k++) values[k] = f(x0 + ((x1 - x0) * i) / (nx - 1), y);
  }
  return values;
}

/**
 * Levels that spread `count` contours evenly over any surface: quantiles of its sampled values, denser towards the
 * minimum (`power` 2 spaces the rings of a quadratic bowl evenly).
 * @param {Float64Array} values
 * @param {number} count
 * @param {number} [power]
 */
export function contourLevels(values, count, power = 2) {
  const sorted = values.filter(Number.isFinite).sort();
  const levels = [];
  for (let k = 1; k <= count; k++) {
    const at = ((k - 0.25) / count) ** power * (sorted.length - 1),
      i = Math.floor(at);
    levels.push(sorted[i] + (at - i) * ((sorted[i + 1] ?? sorted[i]) - sorted[i]));
  }
  return levels.filter((level, k) => k === 0 || level > levels[k - 1]);
}

/**
 * Marching squares. The region where the sampled function is below `level`, as closed rings in grid units
 * (x from 0 to nx - 1); where the region meets the edge of the grid its ring follows the edge.
 * @param {Float64Array} values
 * @param {number} nx
 * @param {number} ny
 * @param {number} level
 * @returns {Pair[][]} rings; the last point joins the first
 */
export function rings(values, nx, ny, level) {
  // Corners outside the grid count as above the level, which closes every ring; a crossing towards one lies on the edge itself.
  const at = (/** @type {number} */ i, /** @type {number} */ j) =>
    i < 0 || j < 0 || i >= nx || j >= ny ? Infinity : values[j * nx + i];
  const wide = nx + 2,
    below = new Uint8Array(wide * (ny + 2));
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) if (values[j * nx + i] < level) below[(j + 1) * wide + i + 1] = 1;
  // An edge of a cell is named by its lower-left corner and its direction, so that the two cells beside it agree.
  const across = (/** @type {number} */ i, /** @type {number} */ j) => 2 * ((j + 1) * wide + i + 1),
    up = (/** @type {number} */ i, /** @type {number} */ j) => across(i, j) + 1;
  /** @type {Map<number, number>} */
  const next = new Map();
  for (let j = -1; j < ny; j++) {
    for (let i = -1; i < nx; i++) {
      const corner = (j + 1) * wide + i + 1;
      const code =
        below[corner] |
        (below[corner + 1] << 1) |
        (below[corner + wide + 1] << 2) |
        (below[corner + wide] << 3);
      if (code === 0 || code === 15) continue;
      const bottom = across(i, j),
        right = up(i + 1, j),
        top = across(i, j + 1),
        left = up(i, j);
      // Each segment keeps the region on its left, so that the segments join head to tail.
      switch (code) {
        case 1:
          next.set(bottom, left);
          break;
        case 2:
          next.set(right, bottom);
          break;
        case 3:
          next.set(right, left);
          break;
        case 4:
          next.set(top, right);
          break;
        case 6:
          next.set(top, bottom);
          break;
        case 7:
          next.set(top, left);
          break;
        case 8:
          next.set(left, top);
          break;
        case 9:
          next.set(bottom, top);
          break;
        case 11:
          next.set(right, top);
          break;
        case 12:
          next.set(left, right);
          break;
        case 13:
          next.set(bottom, right);
          break;
        case 14:
          next.set(left, bottom);
          break;
        default: {
          // a saddle: the mean of the corners decides whether the two low corners are joined
          const joined = (at(i, j) + at(i + 1, j) + at(i, j + 1) + at(i + 1, j + 1)) / 4 < level;
          if (code === 5) {
            next.set(bottom, joined ? right : left);
            next.set(top, joined ? left : right);
          } else {
            next.set(right, joined ? top : bottom);
            next.set(left, joined ? bottom : top);
          }
        }
      }
    }
  }
  /** @param {number} edge @returns {Pair} */
  const crossing = (edge) => {
    const corner = edge >> 1,
      i = (corner % wide) - 1,
      j = Math.floor(corner / wide) - 1;
    const [i2, j2] = edge & 1 ? [i, j + 1] : [i + 1, j];
    const one = at(i, j),
      two = at(i2, j2);
    const part = one === Infinity ? 1 : two === Infinity ? 0 : (level - one) / (two - one);
    return [i + part * (i2 - i), j + part * (j2 - j)];
  };
  const found = [];
  while (next.size) {
    const ring = [],
      first = /** @type {number} */ (next.keys().next().value);
    for (let edge = first; next.has(edge);) {
      ring.push(crossing(edge));
      const after = /** @type {number} */ (next.get(edge));
      next.delete(edge);
      edge = after;
    }
    found.push(ring);
  }
  return found;
}

/**
 * SVG path data of rings: `area` closes them (to be filled), `line` leaves out what only follows the edge of the grid.
 * @param {Pair[][]} all
 * @param {number} nx
 * @param {number} ny
 * @param {(i: number) => number} px grid units to pixels
 * @param {(j: number) => number} py
 */
export function ringPaths(all, nx, ny, px, py) {
  let area = "",
    line = "";
  const onEdge = (/** @type {Pair} */ p, /** @type {Pair} */ q) =>
    (p[0] === q[0] && (p[0] === 0 || p[0] === nx - 1)) || (p[1] === q[1] && (p[1] === 0 || p[1] === ny - 1));
  for (const ring of all) {
    const text = ring.map(([i, j]) => Math.round(10 * px(i)) / 10 + "," + Math.round(10 * py(j)) / 10);
    area += `M${text.join("L")}Z`;
    let pen = false;
    for (let k = 0; k < ring.length; k++) {
      const to = (k + 1) % ring.length;
      if (onEdge(ring[k], ring[to])) {
        pen = false;
        continue;
      }
      line += pen ? `L${text[to]}` : `M${text[k]}L${text[to]}`;
      pen = true;
    }
  }
  return { area, line };
}

/**
 * The part of a segment inside a box, or null (Liang and Barsky's clipping).
 * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1
 * @param {[Pair, Pair]} box
 * @returns {[number, number, number, number]|null}
 */
export function clipSegment(x0, y0, x1, y1, [[left, right], [low, high]]) {
  const dx = x1 - x0,
    dy = y1 - y0;
  const inBox = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= left && x <= right && y >= low && y <= high;
  let enter = 0,
    leave = 1;
  for (const [p, q] of [
    [-dx, x0 - left],
    [dx, right - x0],
    [-dy, y0 - low],
    [dy, high - y0],
  ]) {
    if (p === 0) {
      if (q < 0) return null;
      continue;
    }
    const r = q / p;
    if (p < 0) enter = Math.max(enter, r);
    else leave = Math.min(leave, r);
    if (enter > leave) return null;
  }
  // An end inside the box is kept exactly; a computed one is held inside it, for the far end may be 1e300 away.
  const at = (/** @type {number} */ t) => [clamp(x0 + t * dx, left, right), clamp(y0 + t * dy, low, high)];
  const [a, b] = enter === 0 ? [x0, y0] : at(enter),
    [c, d] = leave === 1 && inBox(x1, y1) ? [x1, y1] : at(leave);
  return [a, b, c, d];
}

/**
 * The area between two lines that begin and end at the same x, as one closed outline for `line().update`: along the upper, back along the lower.
 * @param {ArrayLike<number>} lower flat (x, y) pairs
 * @param {ArrayLike<number>} upper flat (x, y) pairs
 */
export function between(lower, upper) {
  const out = new Float64Array(lower.length + upper.length);
  out.set(upper);
  for (let k = 0; k < lower.length; k += 2) {
    out[upper.length + k] = lower[lower.length - 2 - k];
    out[upper.length + k + 1] = lower[lower.length - 1 - k];
  }
  return out;
}

/**
 * SVG path data of a polyline given as (x, y) pairs in one flat array, cut at a box: however far a run flies off, the
 * numbers in the picture stay small. Points `from` to `to` (included). A value at minus infinity on a log axis (an
 * error of exactly zero) counts as far below the picture.
 * @param {ArrayLike<number>} xy
 * @param {(x: number) => number} px
 * @param {(y: number) => number} py
 * @param {[Pair, Pair]} box in pixels, [[left, right], [top, bottom]]
 * @param {number} [to] 7.25 ends a quarter of the way from point 7 to point 8
 * @param {number} [from]
 */
export function pathData(xy, px, py, box, to = xy.length / 2 - 1, from = 0) {
  let text = "",
    penX = NaN,
    penY = NaN;
  const near = (/** @type {number} */ pixel) =>
    pixel === Infinity ? 1e6 : pixel === -Infinity ? -1e6 : pixel;
  let x0 = near(px(xy[2 * from])),
    y0 = near(py(xy[2 * from + 1]));
  for (let k = from + 1; k < to + 1; k++) {
    let x1 = near(px(xy[2 * k])),
      y1 = near(py(xy[2 * k + 1]));
    if (k > to) {
      x1 = x0 + (to + 1 - k) * (x1 - x0);
      y1 = y0 + (to + 1 - k) * (y1 - y0);
    }
    // Less than a third of a pixel cannot be seen: a long run that has settled stays a short text.
    else if (k < to && Math.abs(x1 - x0) < 0.3 && Math.abs(y1 - y0) < 0.3) continue;
    const part = clipSegment(x0, y0, x1, y1, box);
    x0 = x1;
    y0 = y1;
    if (!part) continue;
    if (part[0] !== penX || part[1] !== penY) text += `M${part[0].toFixed(2)},${part[1].toFixed(2)}`;
    text += `L${part[2].toFixed(2)},${part[3].toFixed(2)}`;
    [, , penX, penY] = part;
  }
  return text;
}

/**
 * SVG path data of small marks at points: one path element however many there are.
 * @param {ArrayLike<number>} xy
 * @param {(x: number) => number} px
 * @param {(y: number) => number} py
 * @param {[Pair, Pair]} box
 * @param {"disc"|"dot"|"ring"|"triangle"|"square"|"diamond"|"cross"} shape
 * @param {number} radius in pixels
 * @param {number} [to]
 * @param {number} [from]
 */
export function marksData(
  xy,
  px,
  py,
  [[left, right], [low, high]],
  shape,
  radius,
  to = xy.length / 2 - 1,
  from = 0,
) {
  const draw = SHAPES[shape] ?? SHAPES.disc;
  const mark = draw(radius);
  let text = "",
    lastX = NaN,
    lastY = NaN;
  for (let k = from; k <= to; k++) {
    const x = xy[2 * k],
      y = xy[2 * k + 1];
    if (!(x >= left && x <= right && y >= low && y <= high)) continue;
    const at = px(x),
      up = py(y);
    if (Math.abs(at - lastX) < 0.3 && Math.abs(up - lastY) < 0.3) continue; // it would lie on the one before
    text += `M${at.toFixed(2)},${up.toFixed(2)}${mark}`;
    lastX = at;
    lastY = up;
  }
  return text;
}

/** @type {Record<string, (r: number) => string>} */
const SHAPES = {
  disc: (r) => `m${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0z`,
  dot: (r) => SHAPES.disc(r * 0.8),
  ring: (r) => SHAPES.disc(r),
  triangle: (r) => `m0,${-1.25 * r}l${1.15 * r},${2 * r}h${-2.3 * r}z`,
  square: (r) => `m${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  diamond: (r) => `m0,${-1.3 * r}l${1.3 * r},${1.3 * r}l${-1.3 * r},${1.3 * r}l${-1.3 * r},${-1.3 * r}z`,
  cross: (r) => `m${-r},${-r}l${2 * r},${2 * r}m0,${-2 * r}l${-2 * r},${2 * r}`,
};

// The 256 colours of cividis (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239), six hex digits each.
const CIVIDIS =
  "00224e00234f00245100255300255400265600275800285900285b00295d002a5f002a61002b62002c64002c66002d68002e6a002e6c002f6d" +
  "00306f0030700031700031710132710533710833700c34700f357012357014367016377018376f1a386f1c396f1e3a6f203a6f213b6e233c6e" +
  "243c6e263d6e273e6e293f6e2a3f6d2b406d2d416d2e416d2f426d31436d32436d33446d34456c35456c36466c38476c39486c3a486c3b496c" +
  "3c4a6c3d4a6c3e4b6c3f4c6c404c6c414d6c424e6c434e6c444f6c45506c46516c47516c48526c49536c4a536c4b546c4c556c4d556c4e566c" +
  "4f576c50576c51586d52596d535a6d545a6d555b6d555c6d565c6d575d6d585e6d595e6e5a5f6e5b606e5c616e5d616e5e626e5e636f5f636f" +
  "60646f61656f62656f636670646770656870656870666970676a71686a71696b716a6c716b6d726c6d726c6e726d6f726e6f736f7073707173" +
  "7172747272747273747374757474757575757676767777767777777878777979777a7a787b7a787c7b787d7c787e7c787e7d787f7e78807f78" +
  "817f788280798381798482798582798683798784788885788985788a86788b87788c88788d88788e89788f8a78908b78918b78928c78928d78" +
  "938e78948e77958f779690779791779892779992779a93769b94769c95769d95769e96769f9775a09875a19975a29975a39a74a49b74a59c74" +
  "a69c74a79d73a89e73a99f73aaa073aba072aca172ada272aea371afa471b0a571b1a570b3a670b4a76fb5a86fb6a96fb7a96eb8aa6eb9ab6d" +
  "baac6dbbad6dbcae6cbdae6cbeaf6bbfb06bc0b16ac1b26ac2b369c3b369c4b468c5b568c6b667c7b767c8b866c9b965cbb965ccba64cdbb63" +
  "cebc63cfbd62d0be62d1bf61d2c060d3c05fd4c15fd5c25ed6c35dd7c45cd9c55cdac65bdbc75adcc859ddc858dec958dfca57e0cb56e1cc55" +
  "e2cd54e4ce53e5cf52e6d051e7d150e8d24fe9d34eead34cebd44bedd54aeed649efd748f0d846f1d945f2da44f3db42f5dc41f6dd3ff7de3e" +
  "f8df3cf9e03afbe138fce236fde334fee434fee535fee636fee838";

/** The colour of a heat map at t in [0, 1]: the cividis table (dark blue to yellow), as [red, green, blue]. @param {number} t */
export function cividis(t) {
  const k = 6 * Math.round(clamp(t, 0, 1) * 255);
  return [0, 2, 4].map((i) => parseInt(CIVIDIS.slice(k + i, k + i + 2), 16));
}

/**
 * The pixels of a heat map, one per value, first row at the top of the picture (the largest y): cividis between `low`
 * and `high` (few steps light, many dark), transparent where the run diverged (the hatching behind shows), the darkest
 * colour where the value is beyond `high`.
 * @param {ArrayLike<number>} values values[j * nx + i]; NaN = diverged
 * @param {number} nx
 * @param {number} ny
 * @param {number} low
 * @param {number} high
 * @param {boolean} [log]
 * @param {ArrayLike<number>} [beyond] the colour (red, green, blue) of infinite values; the darkest of the map if not given
 */
export function heatPixels(values, nx, ny, low, high, log = true, beyond) {
  const pixels = new Uint8ClampedArray(4 * nx * ny),
    of = log ? Math.log : (/** @type {number} */ v) => v;
  const a = of(low),
    b = of(high);
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const value = values[j * nx + i];
      if (Number.isNaN(value)) continue;
      if (beyond && value === Infinity) {
        pixels.set([beyond[0], beyond[1], beyond[2], 255], 4 * ((ny - 1 - j) * nx + i));
        continue;
      }
      const [red, green, blue] = cividis(1 - (of(Math.max(value, low)) - a) / (b - a));
      pixels.set([red, green, blue, 255], 4 * ((ny - 1 - j) * nx + i));
    }
  return pixels;
}

// ------------------------------------------------------------------------------------------------------ the drawing

/**
 * @typedef {{domain: number[], type?: "linear"|"log"|"near-one", label?: string, count?: number, ticks?: (low: number, high: number, count: number) => number[], format?: (v: number) => string, hidden?: boolean}} Axis
 * @typedef {ReturnType<typeof createPlot>} Plot
 */

let clips = 0;

/**
 * A picture with two axes that keeps its container's width. Layers, back to front: `back` (contours), `marks` (paths,
 * cut at the frame), `front` (labels, handles). Sizes are pixels, so text stays text on a phone.
 * @param {object} o
 * @param {import("./dom.js").Life} o.life
 * @param {HTMLElement} o.parent
 * @param {string} o.label what the picture shows, for those who do not see it
 * @param {Axis} o.x
 * @param {Axis} o.y
 * @param {boolean} [o.equal] one unit has the same length along x and y: the height follows
 * @param {(width: number) => number} [o.height] otherwise: the height from the width, in pixels
 * @param {{top?: number, right?: number, bottom?: number, left?: number}} [o.margin]
 * @param {() => void} o.changed called after every change of size or of axes: draw again
 */
export function createPlot({
  life,
  parent,
  label,
  x: xAxis,
  y: yAxis,
  equal = false,
  height = (w) => w * 0.62,
  margin = {},
  changed,
}) {
  const box = h("div", { class: "lf-plot" });
  const svg = s("svg", { class: "lf-svg", role: "group", "aria-label": label });
  const clip = `lf-clip-${(clips += 1)}-${Math.random().toString(36).slice(2, 8)}`;
  const cut = s("rect");
  const layers = {
    back: s("g", { class: "lf-back", "clip-path": `url(#${clip})` }),
    axes: s("g", { class: "lf-axes", "aria-hidden": "true" }),
    marks: s("g", { class: "lf-marks", "clip-path": `url(#${clip})` }),
    front: s("g", { class: "lf-front" }),
  };
  svg.append(
    s("defs", {}, s("clipPath", { id: clip }, cut)),
    layers.back,
    layers.axes,
    layers.marks,
    layers.front,
  );
  box.append(svg);
  parent.append(box);

  const space = {
    top: 10,
    right: 12,
    bottom: xAxis.hidden ? 10 : xAxis.label ? 38 : 24,
    left: yAxis.hidden ? 12 : 40,
    ...margin,
  };
  /** @type {(() => void)[]} */
  const relaid = [];
  const plot = {
    box,
    svg,
    layers,
    width: 0,
    height: 0,
    inner: { left: 0, right: 1, top: 0, bottom: 1 },
    x: scale("linear", [0, 1], [0, 1]),
    y: scale("linear", [0, 1], [1, 0]),
    /** The data box of the frame. @returns {[Pair, Pair]} */
    frame: () => /** @type {[Pair, Pair]} */ ([xAxis.domain, yAxis.domain]),
    /** The frame in pixels. @returns {[Pair, Pair]} */
    pixelBox: () => [
      [plot.inner.left, plot.inner.right],
      [plot.inner.top, plot.inner.bottom],
    ],
    /** Change the axes' domains (the picture is drawn again only if they differ). @param {number[]} [x] @param {number[]} [y] */
    setDomain(x = xAxis.domain, y = yAxis.domain) {
      if (String(x) === String(xAxis.domain) && String(y) === String(yAxis.domain)) return;
      xAxis.domain = x;
      yAxis.domain = y;
      lay();
    },
    /** Measure again: where the height depends on something else that changed. */
    relay: () => lay(),
    /** Called after each change of size or axes, before the figure draws. @param {() => void} callback */
    onLayout(callback) {
      relaid.push(callback);
      if (plot.width) callback();
    },
    /**
     * A line of a family's colour and dash (or a plain class); `update` takes flat (x, y) pairs.
     * @param {{look?: string, class?: string, layer?: "back"|"marks"|"front"}} o
     */
    line({ look, class: name = "", layer = "marks" }) {
      const node = s("path", { class: `lf-line ${name}`, "data-look": look });
      layers[layer].append(node);
      return {
        node,
        /** @param {ArrayLike<number>} xy @param {number} [to] @param {number} [from] */
        update(xy, to, from) {
          node.setAttribute("d", pathData(xy, plot.x, plot.y, plot.pixelBox(), to, from));
        },
        clear() {
          node.setAttribute("d", "");
        },
      };
    },
    /**
     * Marks at points, in a family's colour.
     * @param {{look?: string, class?: string, shape?: any, radius?: number, layer?: "back"|"marks"|"front"}} o
     */
    marks({ look, class: name = "", shape = "disc", radius = 2.5, layer = "marks" }) {
      const node = s("path", { class: `lf-dots ${name}`, "data-look": look, "data-shape": shape });
      layers[layer].append(node);
      return {
        node,
        /** @param {ArrayLike<number>} xy @param {number} [to] @param {number} [from] */
        update(xy, to, from) {
          node.setAttribute("d", marksData(xy, plot.x, plot.y, plot.frame(), shape, radius, to, from));
        },
        clear() {
          node.setAttribute("d", "");
        },
      };
    },
    /**
     * Text at a place of the picture (direct labels instead of legends); a halo keeps it legible over lines.
     * @param {{look?: string, class?: string, anchor?: "start"|"middle"|"end"}} o
     */
    text({ look, class: name = "", anchor = "start" } = {}) {
      const node = s("text", { class: `lf-text ${name}`, "data-look": look, "text-anchor": anchor });
      layers.front.append(node);
      return {
        node,
        /** @param {number} x data @param {number} y data @param {string} words @param {number} [dx] pixels @param {number} [dy] pixels */
        update(x, y, words, dx = 0, dy = 0) {
          assign(node, { x: (plot.x(x) + dx).toFixed(1), y: (plot.y(y) + dy).toFixed(1), text: words });
        },
        clear() {
          node.textContent = "";
        },
      };
    },
    /**
     * Contours of a function as quiet lines over faint bands, deepest at the minimum. `update` redraws them only when
     * `key` or the size changed.
     * @param {{count?: number, cells?: number}} [o] how many, and grid cells along x
     */
    contours({ count = 9, cells = 120 } = {}) {
      const group = s("g", { class: "lf-contours", "aria-hidden": "true" });
      layers.back.append(group);
      let drawn = "",
        sampled = "";
      /** @type {{nx: number, ny: number, all: Pair[][][]}} */
      let kept = { nx: 2, ny: 2, all: [] };
      return {
        node: group,
        /** @param {(x: number, y: number) => number} f @param {string} key says which function this is */
        update(f, key) {
          const frame = plot.frame(),
            what = `${key}|${frame}`,
            size = `${what}|${plot.width}x${plot.height}`;
          if (size === drawn) return;
          drawn = size;
          if (what !== sampled) {
            sampled = what;
            const ratio = (plot.inner.bottom - plot.inner.top) / (plot.inner.right - plot.inner.left);
            const nx = cells + 1,
              ny = Math.max(12, Math.round(cells * (ratio || 1))) + 1;
            const values = sample(f, frame, nx, ny);
            kept = { nx, ny, all: contourLevels(values, count).map((level) => rings(values, nx, ny, level)) };
          }
          const { nx, ny, all } = kept,
            { left, right, top, bottom } = plot.inner;
          const px = (/** @type {number} */ i) => left + (i / (nx - 1)) * (right - left),
            py = (/** @type {number} */ j) => bottom - (j / (ny - 1)) * (bottom - top);
          group.replaceChildren(
            ...all
              .slice()
              .reverse()
              .flatMap((found) => {
                const { area, line } = ringPaths(found, nx, ny, px, py);
                return [
                  s("path", { class: "lf-band", d: area }),
                  s("path", { class: "lf-contour", d: line }),
                ];
              }),
          );
        },
      };
    },
    /**
     * A heat map on a canvas behind the picture; diverged cells (NaN) show the hatching. `update` may come with any grid.
     * @param {{plain?: boolean}} [o] infinite values in the canvas's own CSS colour (set it to the page's), not in the darkest
     */
    heat({ plain = false } = {}) {
      const canvas = h("canvas", { class: "lf-heat", "aria-hidden": "true" });
      box.prepend(canvas);
      const place = () => {
        const { left, top, right, bottom } = plot.inner;
        Object.assign(canvas.style, {
          left: `${left}px`,
          top: `${top}px`,
          width: `${right - left}px`,
          height: `${bottom - top}px`,
        });
      };
      plot.onLayout(place);
      return {
        node: canvas,
        /** @param {ArrayLike<number>} values @param {number} nx @param {number} ny @param {number} low @param {number} high @param {boolean} [log] */
        update(values, nx, ny, low, high, log = true) {
          canvas.width = nx;
          canvas.height = ny;
          const pen = canvas.getContext("2d", { willReadFrequently: plain });
          if (!pen) return;
          let beyond;
          if (plain) {
            // the browser knows what the CSS colour is in red, green and blue
            pen.fillStyle = getComputedStyle(canvas).color;
            pen.fillRect(0, 0, 1, 1);
            beyond = pen.getImageData(0, 0, 1, 1).data;
          }
          pen.putImageData(new ImageData(heatPixels(values, nx, ny, low, high, log, beyond), nx, ny), 0, 0);
        },
      };
    },
    /**
     * Something to drag: a ring with a 44 px touch area, a cursor, arrow keys (Shift: ten times as far), announced as a
     * slider with two values. `set` receives data coordinates inside `bounds`; the caller stores them and draws, and
     * calls `update(x, y)` on each draw.
     * @param {object} o
     * @param {string} o.label
     * @param {(x: number, y: number) => void} o.set
     * @param {() => [Pair, Pair]} [o.bounds] by default the frame
     * @param {(x: number, y: number) => string} [o.words] the place in words
     * @param {string} [o.look]
     * @param {"both"|"x"|"y"} [o.axis] along which it moves
     */
    handle({
      label: name,
      set,
      bounds = plot.frame,
      words = (x, y) => `x ${show(x)}, y ${show(y)}`,
      look,
      axis = "both",
    }) {
      const node = s(
        "g",
        {
          class: "lf-handle",
          "data-look": look,
          "data-axis": axis,
          tabindex: 0,
          role: "slider",
          "aria-label": name,
          "aria-roledescription": axis === "both" ? "draggable point" : undefined,
          "aria-orientation": axis === "y" ? "vertical" : "horizontal",
        },
        s("circle", { class: "lf-hit", r: 22 }),
        s("circle", { class: "lf-focus", r: 14 }),
        s("circle", { class: "lf-ring", r: 8 }),
        s("circle", { class: "lf-core", r: 2.5 }),
      );
      layers.front.append(node);
      let here = /** @type {Pair} */ ([0, 0]),
        grip = /** @type {Pair|null} */ (null);
      const move = (/** @type {number} */ x, /** @type {number} */ y) => {
        const [[left, right], [low, high]] = bounds();
        here = [axis === "y" ? here[0] : clamp(x, left, right), axis === "x" ? here[1] : clamp(y, low, high)]; // a second key may come before the next frame
        set(...here);
      };
      const spot = (/** @type {PointerEvent} */ event) => {
        const r = svg.getBoundingClientRect();
        return [event.clientX - r.left, event.clientY - r.top];
      };
      life.on(node, "pointerdown", (event) => {
        if (event.button !== 0) return;
        const [px, py] = spot(event);
        grip = [plot.x(here[0]) - px, plot.y(here[1]) - py];
        node.setPointerCapture(event.pointerId);
        node.classList.add("is-held");
        node.focus({ preventScroll: true });
        event.preventDefault();
      });
      // Browsers do not agree on touch-action inside an SVG: without this a finger on the handle scrolls the page instead.
      life.on(node, "touchstart", (event) => event.preventDefault(), { passive: false });
      life.on(node, "pointermove", (event) => {
        if (!grip) return;
        const [px, py] = spot(event);
        move(plot.x.invert(px + grip[0]), plot.y.invert(py + grip[1]));
      });
      const drop = () => {
        grip = null;
        node.classList.remove("is-held");
      };
      for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) life.on(node, type, drop);
      life.on(node, "click", (event) => event.stopPropagation());
      life.on(node, "keydown", (event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[
          /** @type {"ArrowLeft"} */ (event.key)
        ];
        if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        const far = event.shiftKey ? 10 : 1,
          [[left, right], [low, high]] = bounds();
        // A key moves one hundredth of the way along its axis (as the axis is drawn: by a factor on a log axis).
        const along = (
          /** @type {Scale} */ to,
          /** @type {number} */ value,
          /** @type {number} */ a,
          /** @type {number} */ b,
          /** @type {number} */ k,
        ) => (k ? Number(to.invert(to(value) + ((to(b) - to(a)) * k * far) / 100).toPrecision(4)) : value);
        move(
          along(plot.x, here[0], left, right, axis === "y" ? 0 : by[0] || (axis === "x" ? by[1] : 0)),
          along(plot.y, here[1], low, high, axis === "x" ? 0 : by[1] || (axis === "y" ? by[0] : 0)),
        );
      });
      return {
        node,
        /** @param {number} x @param {number} y */
        update(x, y) {
          here = [x, y];
          const k = axis === "y" ? 1 : 0,
            range = bounds()[k];
          assign(node, {
            transform: `translate(${plot.x(x).toFixed(2)} ${plot.y(y).toFixed(2)})`,
            "aria-valuemin": range[0],
            "aria-valuemax": range[1],
            "aria-valuenow": here[k],
            "aria-valuetext": words(x, y),
          });
        },
      };
    },
    /**
     * A click or tap on the bare picture, in data coordinates.
     * @param {(x: number, y: number) => void} callback
     */
    onPick(callback) {
      box.classList.add("is-pickable");
      life.on(svg, "click", (event) => {
        const r = svg.getBoundingClientRect(),
          px = event.clientX - r.left,
          py = event.clientY - r.top,
          { left, right, top, bottom } = plot.inner;
        if (px >= left && px <= right && py >= top && py <= bottom)
          callback(plot.x.invert(px), plot.y.invert(py));
      });
    },
    /** Call when what the canvas shows depends on the theme. @param {() => void} callback */
    onTheme: (callback) => onTheme(life, callback),
  };

  function lay() {
    const width = Math.floor(box.clientWidth);
    if (!width) return;
    const wide = width - space.left - space.right;
    const tall = equal
      ? (wide * (yAxis.domain[1] - yAxis.domain[0])) / (xAxis.domain[1] - xAxis.domain[0])
      : height(width) - space.top - space.bottom;
    plot.width = width;
    plot.height = Math.round(tall + space.top + space.bottom);
    const inner = (plot.inner = {
      left: space.left,
      right: space.left + wide,
      top: space.top,
      bottom: space.top + tall,
    });
    plot.x = scale(xAxis.type ?? "linear", xAxis.domain, [inner.left, inner.right]);
    plot.y = scale(yAxis.type ?? "linear", yAxis.domain, [inner.bottom, inner.top]);
    assign(svg, { width, height: plot.height });
    assign(cut, { x: inner.left, y: inner.top, width: wide, height: tall });
    drawAxes();
    for (const callback of relaid) callback();
    changed();
  }

  function drawAxes() {
    const { left, right, top, bottom } = plot.inner,
      parts = [];
    const find = (/** @type {Axis} */ axis, /** @type {number} */ pixels, /** @type {number} */ each) =>
      (axis.ticks ?? (axis.type === "log" ? logTicks : ticks))(
        axis.domain[0],
        axis.domain[1],
        axis.count ?? Math.max(2, Math.round(pixels / each)),
      );
    const word = (/** @type {Axis} */ axis, /** @type {number} */ value) =>
      axis.format
        ? axis.format(value)
        : axis.type === "log"
          ? value >= 0.01 && value <= 1000
            ? show(value)
            : powerOfTen(Math.round(Math.log10(value)))
          : show(value);
    if (!xAxis.hidden) {
      parts.push(s("path", { class: "lf-rule", d: `M${left},${bottom + 0.5}H${right}` }));
      for (const value of find(xAxis, right - left, 80)) {
        const at = plot.x(value).toFixed(1);
        parts.push(
          s("path", { class: "lf-tick", d: `M${at},${bottom}v5` }),
          s("text", { x: at, y: bottom + 18, "text-anchor": "middle", text: word(xAxis, value) }),
        );
      }
      if (xAxis.label)
        parts.push(
          s("text", {
            class: "lf-axis-label",
            x: (left + right) / 2,
            y: bottom + 34,
            "text-anchor": "middle",
            text: xAxis.label,
          }),
        );
    }
    if (!yAxis.hidden) {
      parts.push(s("path", { class: "lf-rule", d: `M${left - 0.5},${top}V${bottom}` }));
      for (const value of find(yAxis, bottom - top, 45)) {
        const at = plot.y(value);
        parts.push(
          s("path", { class: "lf-tick", d: `M${left},${at.toFixed(1)}h-5` }),
          s("text", { x: left - 8, y: (at + 4).toFixed(1), "text-anchor": "end", text: word(yAxis, value) }),
        );
      }
      // The name of the y axis stands on top of it, upright: nobody has to turn the head.
      if (yAxis.label)
        parts.push(
          s("text", {
            class: "lf-axis-label",
            x: left - 34,
            y: top - 12,
            "text-anchor": "start",
            text: yAxis.label,
          }),
        );
    }
    layers.axes.replaceChildren(...parts);
  }

  if (typeof ResizeObserver === "function") {
    const observer = new ResizeObserver(() => {
      if (Math.floor(box.clientWidth) !== plot.width) lay();
    });
    observer.observe(box);
    life.observe(observer);
  } else life.on(window, "resize", lay);
  life.onEnd(() => box.remove());
  lay();
  return plot;
}
