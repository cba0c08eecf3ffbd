// Scales, ticks, contours, paths and heat maps as pure geometry: numbers in, numbers and path data out. plot.js draws them.

import { clamp } from "./dom.js";

/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Scale} Scale */
/** @typedef {import("./types.js").ScaleType} ScaleType */
/** @typedef {import("./types.js").Shape} Shape */

/** What each kind of axis is even in, and back. @type {Record<ScaleType, {to: (v: number) => number, from: (u: number) => number}>} */
const EVEN = {
  linear: { to: (v) => v, from: (u) => u },
  log: { to: Math.log, from: Math.exp },
  "near-one": { to: (v) => -Math.log1p(-v), from: (u) => -Math.expm1(-u) },
};

/**
 * A map from data to pixels, with its inverse. "near-one" is even in log(1 - value): .9, .99 and .999 lie equally far apart.
 * @param {ScaleType} type
 * @param {Pair} domain both positive where `type` is "log", both below one where it is "near-one"
 * @param {Pair} range
 * @returns {Scale}
 */
export function scale(type, domain, range) {
  const { to, from } = EVEN[type];
  const [a, b] = domain.map(to);
  const [p, q] = range;
  const map = (/** @type {number} */ value) => p + ((to(value) - a) / (b - a)) * (q - p);
  const invert = (/** @type {number} */ pixel) => from(a + ((pixel - p) / (q - p)) * (b - a));
  return Object.assign(map, { invert, domain, range, type });
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
 * @param {Box} domain
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

/** @param {number} value */
const finite = (value) => value - value === 0;

/** So many shelves hold values in order; those on a shelf are put in order when one of them is asked for. */
const SHELVES = 2048;

/**
 * The finite values from the least to the largest, asked for by their place: sorted in full only where somebody asks.
 * @param {Float64Array} values
 */
function inOrder(values) {
  const kept = values.every(finite) ? values : values.filter(finite);
  let low = Infinity,
    high = -Infinity;
  for (const value of kept) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const pace = (SHELVES - 1) / (high - low),
    shelf = (/** @type {number} */ value) => ((value - low) * pace) | 0,
    ends = new Int32Array(SHELVES + 1); // where a shelf begins, then where its next value goes, and at last where it ends
  for (const value of kept) ends[shelf(value) + 1]++;
  for (let k = 0; k < SHELVES; k++) ends[k + 1] += ends[k];
  const all = new Float64Array(kept.length);
  for (const value of kept) all[ends[shelf(value)]++] = value;
  const sorted = new Uint8Array(SHELVES);
  return {
    length: kept.length,
    /** @param {number} place */
    at(place) {
      const k = shelf(all[place]);
      if (!sorted[k]) all.subarray(k ? ends[k - 1] : 0, ends[k]).sort();
      sorted[k] = 1;
      return all[place];
    },
  };
}

/**
 * Levels that spread `count` contours evenly over any surface: quantiles of its sampled values, denser towards the
 * minimum (`power` 2 spaces the rings of a quadratic bowl evenly).
 * @param {Float64Array} values
 * @param {number} count
 * @param {number} [power]
 */
export function contourLevels(values, count, power = 2) {
  const sorted = inOrder(values);
  /** @type {number[]} */
  const levels = [];
  for (let k = 1; k <= count; k++) {
    const at = ((k - 0.25) / count) ** power * (sorted.length - 1),
      i = Math.floor(at),
      one = sorted.at(i);
    levels.push(one + (at - i) * (sorted.at(Math.min(i + 1, sorted.length - 1)) - one));
  }
  return levels.filter((level, k) => k === 0 || level > levels[k - 1]);
}

/** The sides of a cell of the grid, in the order in which marching squares counts them. */
const [BOTTOM, RIGHT, TOP, LEFT] = [0, 1, 2, 3];

/**
 * The piece of a ring in a cell, from side to side, by which of its corners lie below the level (lower left 1, lower right 2,
 * upper right 4, upper left 8). Each keeps the region on its left, so that the pieces join head to tail.
 * @type {Record<number, Pair[]>}
 */
const PIECES = {
  1: [[BOTTOM, LEFT]],
  2: [[RIGHT, BOTTOM]],
  3: [[RIGHT, LEFT]],
  4: [[TOP, RIGHT]],
  6: [[TOP, BOTTOM]],
  7: [[TOP, LEFT]],
  8: [[LEFT, TOP]],
  9: [[BOTTOM, TOP]],
  11: [[RIGHT, TOP]],
  12: [[LEFT, RIGHT]],
  13: [[BOTTOM, RIGHT]],
  14: [[LEFT, BOTTOM]],
};

/** The same where two opposite corners are low: joined through the middle of the cell, or apart. @type {Record<5|10, {joined: Pair[], apart: Pair[]}>} */
const SADDLES = {
  5: {
    joined: [
      [BOTTOM, RIGHT],
      [TOP, LEFT],
    ],
    apart: [
      [BOTTOM, LEFT],
      [TOP, RIGHT],
    ],
  },
  10: {
    joined: [
      [RIGHT, TOP],
      [LEFT, BOTTOM],
    ],
    apart: [
      [RIGHT, BOTTOM],
      [LEFT, TOP],
    ],
  },
};

/**
 * Marching squares. For each level the region where the sampled function is below it, as closed rings in grid units
 * (x from 0 to nx - 1); where the region meets the edge of the grid its ring follows the edge.
 * @param {Float64Array} values
 * @param {number} nx
 * @param {number} ny
 * @param {number[]} levels from the lowest to the highest
 * @returns {Pair[][][]} the rings of each level; the last point of a ring joins the first
 */
export function rings(values, nx, ny, levels) {
  const wide = nx + 2;
  // Corners outside the grid count as above all levels, which closes every ring; a crossing towards one lies on the edge itself.
  const at = (/** @type {number} */ i, /** @type {number} */ j) =>
    i < 0 || j < 0 || i >= nx || j >= ny ? Infinity : values[j * nx + i];
  /** @param {number} level @param {number} edge @returns {Pair} */
  const crossing = (level, edge) => {
    const corner = edge >> 1,
      i = (corner % wide) - 1,
      j = Math.floor(corner / wide) - 1;
    const [i2, j2] = edge & 1 ? [i, j + 1] : [i + 1, j];
    const one = at(i, j),
      two = at(i2, j2);
    const part = one === Infinity ? 1 : two === Infinity ? 0 : (level - one) / (two - one);
    return [i + part * (i2 - i), j + part * (j2 - j)];
  };
  return edgesAround(ranks(values, nx, ny, levels), wide, levels, at).map(({ from, next }, k) => {
    const found = [];
    for (const first of from) {
      const ring = [];
      for (let edge = first; next[edge];) {
        ring.push(crossing(levels[k], edge));
        const after = next[edge];
        next[edge] = 0; // taken
        edge = after;
      }
      if (ring.length) found.push(ring);
    }
    return found;
  });
}

/** How many levels lie at or below each value, with a border that lies above all of them. @param {Float64Array} values @param {number} nx @param {number} ny @param {number[]} levels */
function ranks(values, nx, ny, levels) {
  const wide = nx + 2,
    all = levels.length,
    found = new Uint8Array(wide * (ny + 2)).fill(all);
  let rank = 0; // a neighbour's is nearly always right
  for (let j = 0, k = 0; j < ny; j++)
    for (let i = 0, corner = (j + 1) * wide + 1; i < nx; i++, k++, corner++) {
      const value = values[k];
      while (rank < all && !(value < levels[rank])) rank++;
      while (rank > 0 && value < levels[rank - 1]) rank--;
      found[corner] = rank;
    }
  return found;
}

/** The mean of a cell's corners. @param {(i: number, j: number) => number} at @param {number} i @param {number} j */
const meanOfCorners = (at, i, j) => (at(i, j) + at(i + 1, j) + at(i, j + 1) + at(i + 1, j + 1)) / 4;

/**
 * For each level the edges of the grid that its rings cross (`from`), and by each of them the edge that the ring crosses next.
 * An edge is named by its lower-left corner and its direction (twice the corner, plus one if it goes up), so that the two cells
 * beside it agree; the edge 0 lies in the corner of the border, where no ring comes. Most cells lie between two levels and are
 * passed over at once.
 * @param {Uint8Array} found the ranks of the corners
 * @param {number} wide
 * @param {number[]} levels
 * @param {(i: number, j: number) => number} at
 */
function edgesAround(found, wide, levels, at) {
  const all = levels.map(() => ({
    from: /** @type {number[]} */ ([]),
    next: new Int32Array(2 * found.length),
  }));
  for (let row = 0; row + 2 * wide <= found.length; row += wide)
    for (let corner = row; corner < row + wide - 1; corner++) {
      const a = found[corner],
        b = found[corner + 1],
        c = found[corner + wide + 1],
        d = found[corner + wide];
      if (a === b && a === c && a === d) continue;
      const top = Math.max(a, b, c, d),
        sides = [2 * corner, 2 * corner + 3, 2 * (corner + wide), 2 * corner + 1];
      for (let k = Math.min(a, b, c, d); k < top; k++) {
        const code = Number(a <= k) | (Number(b <= k) << 1) | (Number(c <= k) << 2) | (Number(d <= k) << 3);
        const pieces =
          code === 5 || code === 10
            ? SADDLES[code][
                meanOfCorners(at, (corner % wide) - 1, row / wide - 1) < levels[k] ? "joined" : "apart"
              ]
            : PIECES[code];
        for (const [from, to] of pieces) {
          all[k].from.push(sides[from]);
          all[k].next[sides[from]] = sides[to];
        }
      }
    }
  return all;
}

/** What stands from the point on: two digits for so many hundredths, one for a tenth that is not nought. */
const ENDS = {
  100: Array.from({ length: 100 }, (_, k) => (k / 100).toFixed(2).slice(1)),
  10: Array.from({ length: 10 }, (_, k) => (k ? `.${k}` : "")),
};

/**
 * A length in pixels as text, rounded to a hundredth (or to a tenth, where `parts` is 10): a picture has thousands of them, and
 * `toFixed` takes three times as long.
 * @param {number} value @param {10|100} [parts] @returns {string}
 */
export function pixelText(value, parts = 100) {
  if (value < 0) return `-${pixelText(-value, parts)}`;
  const all = Math.round(value * parts),
    whole = Math.floor(all / parts);
  return whole + ENDS[parts][all - parts * whole];
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
    const text = ring.map(([i, j]) => `${pixelText(px(i), 10)},${pixelText(py(j), 10)}`);
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

/** A box of one shape (width over height) about a surface's own, widened on its shorter side. @param {import("./types.js").Box} domain @param {number} shape @returns {import("./types.js").Pair[]} */
export function framed([[x0, x1], [y0, y1]], shape) {
  const more = shape * (y1 - y0) - (x1 - x0);
  return more > 0
    ? [
        [x0 - more / 2, x1 + more / 2],
        [y0, y1],
      ]
    : [
        [x0, x1],
        [y0 + more / shape / 2, y1 - more / shape / 2],
      ];
}

/**
 * The part of a segment inside a box, or null (Liang and Barsky's clipping).
 * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1
 * @param {Box} box
 * @returns {[number, number, number, number]|null}
 */
export function clipSegment(x0, y0, x1, y1, [[left, right], [low, high]]) {
  const dx = x1 - x0,
    dy = y1 - y0;
  const inBox = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= left && x <= right && y >= low && y <= high;
  if (inBox(x0, y0) && inBox(x1, y1)) return [x0, y0, x1, y1]; // as nearly always
  if (Number.isNaN(dx + dy)) return null;
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
 * @param {Box} box in pixels, [[left, right], [top, bottom]]
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
    if (part[0] !== penX || part[1] !== penY) text += `M${pixelText(part[0])},${pixelText(part[1])}`;
    text += `L${pixelText(part[2])},${pixelText(part[3])}`;
    [, , penX, penY] = part;
  }
  return text;
}

/**
 * SVG path data of small marks at points: one path element however many there are.
 * @param {ArrayLike<number>} xy
 * @param {(x: number) => number} px
 * @param {(y: number) => number} py
 * @param {Box} box
 * @param {Shape} shape
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
  const mark = SHAPES[shape](radius);
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
    text += `M${pixelText(at)},${pixelText(up)}${mark}`;
    lastX = at;
    lastY = up;
  }
  return text;
}

/** @type {Record<Shape, (r: number) => string>} */
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

/** The same as numbers, red, green and blue of the first, then of the second; made when a map is first painted. */
let table = new Uint8Array(0);
const cividisTable = () =>
  table.length
    ? table
    : (table = Uint8Array.from({ length: CIVIDIS.length / 2 }, (_, k) =>
        parseInt(CIVIDIS.slice(2 * k, 2 * k + 2), 16),
      ));

/** Where the colour of a heat map at t in [0, 1] begins in that table. @param {number} t */
const colourAt = (t) => 3 * Math.round(clamp(t, 0, 1) * 255);

/** The colour of a heat map at t in [0, 1]: the cividis table (dark blue to yellow), as [red, green, blue]. @param {number} t */
export const cividis = (t) => Array.from(cividisTable().subarray(colourAt(t), colourAt(t) + 3));

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
  const colours = cividisTable(),
    a = of(low),
    b = of(high);
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const value = values[j * nx + i];
      if (Number.isNaN(value)) continue;
      const apart = beyond && value === Infinity,
        from = apart ? beyond : colours,
        k = apart ? 0 : colourAt(1 - (of(Math.max(value, low)) - a) / (b - a)),
        at = 4 * ((ny - 1 - j) * nx + i);
      for (let c = 0; c < 3; c++) pixels[at + c] = from[k + c];
      pixels[at + 3] = 255;
    }
  return pixels;
}
