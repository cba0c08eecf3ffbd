// A picture with two axes in SVG: its layout, its axes, and the parts that a figure draws into it. geometry.js makes the paths.

import { assign, clamp, dress, h, onTheme, powerOfTen, s, show } from "./dom.js";
import {
  contourLevels,
  heatPixels,
  logTicks,
  marksData,
  pathData,
  ringPaths,
  rings,
  sample,
  scale,
  ticks,
} from "./geometry.js";
import { addExit } from "./exit.js";
import { PLACED, addHandle } from "./handle.js";
import { arrange, roomOf } from "./labels.js";
import { addRelief, paintOfTheme, putBehind } from "./relief.js";
import { next } from "./work.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Axis} Axis */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Layer} Layer */

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
 * @param {(width: number, part: number) => number} [o.height] otherwise: the height from the width, in pixels, and from the part of
 *   its parent's width that this is
 * @param {{top?: number, right?: number, bottom?: number, left?: number}} [o.margin]
 * @param {{column?: number, phone?: number}} [o.share] its part of the column that it stands in on a laptop, and the part of a
 *   phone's window that it may take below the picture that stays
 * @param {boolean} [o.wait] it is laid out when `relay` is called
 * @param {() => void} o.changed called after every change of size or of axes: draw again
 */
export function createPlot({
  life,
  parent,
  label,
  x,
  y,
  equal = false,
  height = (w) => w * 0.62,
  margin = {},
  share: { column = 1, phone = Infinity } = {},
  wait = false,
  changed,
}) {
  const { box, svg, layers, cut } = canvas(parent, label),
    share = { column, phone };
  const space = {
    top: 10,
    right: 12,
    bottom: x.hidden ? 10 : x.label ? 38 : 24,
    left: y.hidden ? 12 : 40,
    ...margin,
  };
  /** @type {(() => void)[]} */
  const relaid = [];
  /** What the page was asked for, until its size changes: the room of the picture, of the axes' words, the type of each kind of label. */
  const kept = {
    room: /** @type {import("./types.js").Space|null} */ (null),
    axes: /** @type {import("./labels.js").Room[]|null} */ (null),
    types: /** @type {Map<string, import("./labels.js").Type>} */ (new Map()),
  };
  const typeOf = (/** @type {SVGTextElement} */ node) => {
    const kind = node.getAttribute("class") ?? "",
      known = kept.types.get(kind);
    if (known) return known;
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(node),
      found = { font: `${fontWeight} ${fontSize} ${fontFamily}`, size: Number.parseFloat(fontSize) };
    kept.types.set(kind, found);
    return found;
  };
  /** @type {Frame} */
  const plot = {
    box,
    svg,
    layers,
    width: 0,
    height: 0,
    inner: { left: 0, right: 1, top: 0, bottom: 1 },
    x: scale("linear", [0, 1], [0, 1]),
    y: scale("linear", [0, 1], [1, 0]),
    frame: () => [x.domain, y.domain],
    pixelBox: () => [
      [plot.inner.left, plot.inner.right],
      [plot.inner.top, plot.inner.bottom],
    ],
    setDomain(across = x.domain, up = y.domain) {
      if (String(across) === String(x.domain) && String(up) === String(y.domain)) return;
      x.domain = across;
      y.domain = up;
      plot.reshape();
    },
    wishes: [],
    grips: new Map(),
    settle() {
      if (!plot.width) return;
      kept.axes ??= [...layers.axes.querySelectorAll("text")].map((node) => roomOf(node, typeOf(node)));
      const held = [...plot.grips.values()].map(gripRoom);
      arrange(
        plot.wishes.filter(({ words }) => words),
        [...kept.axes, ...held],
        { width: plot.width, height: plot.height, axis: y.hidden ? null : plot.inner.left },
        typeOf,
      );
    },
    measure,
    relay(room = measure()) {
      kept.types.clear();
      lay(room);
    },
    reshape: () => lay(kept.room ?? measure()),
    onLayout(callback) {
      relaid.push(callback);
      if (plot.width) callback();
    },
  };
  const parts = partsOf(plot, life);

  /** What the page gives: a reading makes the browser lay the page out, so all pictures of a figure are read before one is drawn. */
  function measure() {
    const width = box.clientWidth;
    return { width, part: width / parent.clientWidth, most: width ? tallest(box, share) : 0 };
  }
  /** @param {import("./types.js").Space} room */
  function lay(room) {
    const { width, part, most } = room;
    if (!width) return;
    kept.room = room;
    const across = space.left + space.right,
      upright = space.top + space.bottom;
    let wide = width - across,
      tall = height(width, part) - upright;
    if (equal) {
      const ratio = (y.domain[1] - y.domain[0]) / (x.domain[1] - x.domain[0]);
      tall = Math.min(wide * ratio, most - upright);
      wide = tall / ratio;
    } else tall = Math.min(tall, most - upright);
    plot.width = width;
    plot.height = Math.round(tall + upright);
    const left = space.left + (width - across - wide) / 2; // what is kept low stands in the middle
    const inner = (plot.inner = {
      left,
      right: left + wide,
      top: space.top,
      bottom: space.top + tall,
    });
    plot.x = scale(x.type ?? "linear", x.domain, [inner.left, inner.right]);
    plot.y = scale(y.type ?? "linear", y.domain, [inner.bottom, inner.top]);
    assign(svg, { width, height: plot.height });
    assign(cut, { x: inner.left, y: inner.top, width: wide, height: tall });
    kept.axes = null;
    dress(layers.axes, [...axisBelow(plot, x), ...axisLeft(plot, y)]);
    for (const callback of relaid) callback();
    changed();
  }

  if (typeof ResizeObserver === "function") {
    let cancel = () => {};
    const observer = new ResizeObserver(() => {
      cancel(); // on the next frame: what grows while sizes are told is an error to browsers
      if (box.clientWidth !== plot.width) cancel = life.frame(() => plot.relay());
    });
    observer.observe(box);
    life.observe(observer);
  } else life.on(window, "resize", () => plot.relay());
  life.on(window, "resize", () => {
    kept.room = null; // the window may be lower with the width as it was
  });
  life.onEnd(() => box.remove());
  if (!wait) plot.relay();
  return Object.assign(plot, parts);
}

/** What a handle covers. @param {Pair} place @returns {import("./labels.js").Room} */
const gripRoom = ([x, y]) => ({ left: x - 11, right: x + 11, top: y - 11, bottom: y + 11 });

/** The part of the window's height that a picture may take which stays in view on a phone, and the least in pixels. */
const KEPT = { part: 0.38, least: 200 };
/** The same on a laptop, for all pictures that stand in a column. */
const WIDE = { part: 0.5, least: 260 };

const isHeld = (/** @type {Element|null} */ node) =>
  node !== null && getComputedStyle(node).position === "sticky";

/** How tall a picture may be, so that what turns it has room beside it. @param {HTMLElement} box @param {{column: number, phone: number}} share */
function tallest(box, { column, phone }) {
  const key = () => box.querySelector("p")?.offsetHeight ?? 0; // it stays, too
  if (isHeld(box)) return Math.max(KEPT.least, KEPT.part * innerHeight - key());
  if (isHeld(box.closest(".lf-pictures")))
    return column * Math.max(WIDE.least, WIDE.part * innerHeight) - key();
  return phone * innerHeight;
}

/** The elements of an empty picture; `cut` is what paths are cut at. @param {HTMLElement} parent @param {string} label */
function canvas(parent, label) {
  const box = h("div", { class: "lf-plot" });
  const svg = s("svg", { class: "lf-svg", role: "group", "aria-label": label });
  const clip = `lf-clip-${Math.random()}`; // another figure of the page may have a kit of its own
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
  return { box, svg, layers, cut };
}

// ------------------------------------------------------------------------------------------------------------- axes

// Its line and its name come first, then tick and words in turn: with a tick more or less the elements before it stay.

/** Where ticks stand on an axis so many pixels long. @param {Axis} axis @param {number} pixels @param {number} each pixels to a tick */
function ticksOf(axis, pixels, each) {
  const [first, last] = axis.domain,
    make = axis.ticks ?? (axis.type === "log" ? logTicks : ticks),
    [low, high] = first < last ? [first, last] : [last, first],
    slack = 1e-9 * (high - low);
  return make(first, last, axis.count ?? Math.max(2, Math.round(pixels / each))).filter(
    (value) => value >= low - slack && value <= high + slack,
  );
}

/** A large or a tiny number, as short as it can be told: 5·10¹¹. @param {number} value */
function short(value) {
  const [digits, exponent] = value.toExponential().split("e");
  return `${digits.replace("-", "−")}·${powerOfTen(Number(exponent))}`;
}

/** What stands at a tick. @param {Axis} axis @param {number} value */
function tickWords(axis, value) {
  if (axis.format) return axis.format(value);
  if (axis.type !== "log" && value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3))
    return short(value);
  if (axis.type !== "log" || (value >= 0.01 && value <= 1000)) return show(value);
  return powerOfTen(Math.round(Math.log10(value)));
}

/** The x axis, below the frame. @param {Frame} plot @param {Axis} axis @returns {import("./dom.js").Piece[]} */
function axisBelow({ inner: { left, right, bottom }, x }, axis) {
  if (axis.hidden) return [];
  /** @type {import("./dom.js").Piece[]} */
  const parts = [["path", { class: "lf-rule", d: `M${left},${bottom + 0.5}H${right}` }]];
  if (axis.label)
    parts.push([
      "text",
      {
        class: "lf-axis-label",
        x: (left + right) / 2,
        y: bottom + 34,
        "text-anchor": "middle",
        text: axis.label,
      },
    ]);
  for (const value of ticksOf(axis, right - left, 80)) {
    const at = x(value).toFixed(1);
    parts.push(
      ["path", { class: "lf-tick", d: `M${at},${bottom}v5` }],
      ["text", { x: at, y: bottom + 18, "text-anchor": "middle", text: tickWords(axis, value) }],
    );
  }
  return parts;
}

/** The y axis, left of the frame; its name stands on top of it, upright: nobody has to turn the head. @param {Frame} plot @param {Axis} axis @returns {import("./dom.js").Piece[]} */
function axisLeft({ inner: { left, top, bottom }, y }, axis) {
  if (axis.hidden) return [];
  /** @type {import("./dom.js").Piece[]} */
  const parts = [["path", { class: "lf-rule", d: `M${left - 0.5},${top}V${bottom}` }]];
  if (axis.label)
    parts.push([
      "text",
      {
        class: "lf-axis-label",
        x: left - 34,
        y: top - 12,
        "text-anchor": "start",
        text: axis.label,
      },
    ]);
  for (const value of ticksOf(axis, bottom - top, 45)) {
    const at = y(value);
    parts.push(
      ["path", { class: "lf-tick", d: `M${left},${at.toFixed(1)}h-5` }],
      ["text", { x: left - 8, y: (at + 4).toFixed(1), "text-anchor": "end", text: tickWords(axis, value) }],
    );
  }
  return parts;
}

// ------------------------------------------------------------------------------------------------------------ parts

/** What a figure can draw into a picture, as methods of it. @param {Frame} plot @param {import("./dom.js").Life} life */
const partsOf = (plot, life) => ({
  line: (/** @type {LineOptions} */ o) => addLine(plot, o),
  marks: (/** @type {LineOptions & MarksOptions} */ o) => addMarks(plot, o),
  text: (/** @type {TextOptions} */ o = {}) => addText(plot, o),
  /** What lines and areas are, above the picture. @param {KeyEntry[]} [entries] */
  key: (entries = []) => addKey(plot, life, entries),
  contours: (/** @type {{count?: number, cells?: number}} */ o = {}) => addContours(plot, life, o),
  heat: (/** @type {{plain?: boolean}} */ o = {}) => addHeat(plot, life, o),
  handle: (/** @type {import("./handle.js").HandleOptions} */ o) => addHandle(plot, life, o),
  /** A click or tap on the bare picture, in data coordinates. @param {(x: number, y: number) => void} callback */
  onPick: (callback) => onPick(plot, life, callback),
  /** Call when what the canvas shows depends on the theme. @param {() => void} callback */
  onTheme: (callback) => onTheme(life, callback),
});

/** @typedef {{look?: string, class?: string, layer?: Layer, path?: boolean}} LineOptions `look` is a family: its colour and dash; a `path` says where it leaves the picture */
/** @typedef {{shape?: import("./types.js").Shape, radius?: number}} MarksOptions */
/** @typedef {{look?: string, class?: string, anchor?: import("./types.js").Anchor}} TextOptions */

/** What writes a path's data, and leaves the path alone where it stands there already. @param {SVGPathElement} node */
function penOf(node) {
  /** @type {string|null} */
  let drawn = null;
  return (/** @type {string} */ data) => {
    if (data !== drawn) node.setAttribute("d", (drawn = data));
  };
}

/** A line of a family's colour and dash (or a plain class); `update` takes flat (x, y) pairs, `path` what is path data already. @param {Frame} plot @param {LineOptions} o */
function addLine(plot, { look, class: name = "", layer = "marks", path = false }) {
  const node = s("path", { class: `lf-line ${name}`, "data-look": look });
  plot.layers[layer].append(node);
  const exit = path ? addExit(plot, look, addText(plot, { look, class: "lf-exit-words" })) : null,
    pen = penOf(node);
  return {
    node,
    path: pen,
    /** @param {ArrayLike<number>} xy @param {number} [to] @param {number} [from] */
    update(xy, to, from) {
      pen(pathData(xy, plot.x, plot.y, plot.pixelBox(), to, from));
      exit?.update(xy, to);
    },
    clear() {
      pen("");
      exit?.clear();
    },
  };
}

/** Marks at points, in a family's colour; `path` what is path data already. @param {Frame} plot @param {LineOptions & MarksOptions} o */
function addMarks(plot, { look, class: name = "", shape = "disc", radius = 2.5, layer = "marks" }) {
  const node = s("path", { class: `lf-dots ${name}`, "data-look": look, "data-shape": shape });
  plot.layers[layer].append(node);
  const pen = penOf(node);
  return {
    node,
    path: pen,
    /** @param {ArrayLike<number>} xy @param {number} [to] @param {number} [from] */
    update(xy, to, from) {
      pen(marksData(xy, plot.x, plot.y, plot.frame(), shape, radius, to, from));
    },
    clear: () => pen(""),
  };
}

/**
 * Text at a place of the picture (direct labels instead of legends); a halo keeps it legible over lines. What is made first is
 * placed first: labels.js moves a later one that would lie over it.
 * @param {Frame} plot @param {TextOptions} o
 */
function addText(plot, { look, class: name = "", anchor = "start" }) {
  const node = s("text", { class: `lf-text ${name}`, "data-look": look });
  plot.layers.front.append(node);
  const wish = { node, anchor, x: 0, y: 0, dx: 0, dy: 0, words: "" };
  plot.wishes.push(wish);
  const say = (/** @type {string} */ words) => {
    wish.words = words;
    if (node.textContent !== words) node.textContent = words;
  };
  return {
    node,
    /** @param {number} x data @param {number} y data @param {string} words @param {number} [dx] pixels @param {number} [dy] pixels */
    update(x, y, words, dx = 0, dy = 0) {
      Object.assign(wish, { x: plot.x(x), y: plot.y(y), dx, dy });
      say(words);
    },
    /** Which end of the words stands at the place. @param {import("./types.js").Anchor} side */
    anchor(side) {
      wish.anchor = side;
    },
    clear: () => say(""),
  };
}

/** @typedef {{words: string, look?: string}} KeyEntry */

/**
 * A line of words above the picture, each in the colour of what it names; it wraps where it is long.
 * @param {Frame} plot @param {import("./dom.js").Life} life @param {KeyEntry[]} entries
 */
function addKey(plot, life, entries) {
  const row = h("p", { class: "lf-key" });
  plot.svg.before(row);
  const kept = { words: "", height: 0 };
  const fit = () => {
    if (!plot.width || row.offsetHeight === kept.height) return; // before the picture is laid out nothing is measured
    kept.height = row.offsetHeight;
    plot.relay();
  };
  const update = (/** @type {KeyEntry[]} */ now) => {
    const words = JSON.stringify(now);
    if (words === kept.words) return;
    kept.words = words;
    dress(
      row,
      now.map(({ words: text, look }) => ["span", look ? { "data-look": look, text } : { text }]),
    );
    if (!kept.height) fit();
  };
  update(entries);
  if (typeof ResizeObserver === "function") {
    // Once there are words, how many lines they take is told after the layout: to ask would lay out the page in each redraw.
    const observer = new ResizeObserver(() => life.frame(fit));
    observer.observe(row);
    life.observe(observer);
  } else life.on(window, "resize", fit);
  return { update };
}

/** How wide a cell of the grid is at least on which a function is sampled, in pixels. */
const CELL = 6;

/**
 * Contours of a function as quiet lines over a shaded relief. `update` redraws them only when `key` or the size changed.
 * @param {Frame} plot
 * @param {import("./dom.js").Life} life
 * @param {{count?: number, cells?: number}} o how many, and grid cells along x at most
 */
function addContours(plot, life, { count = 9, cells = 120 }) {
  const relief = addRelief(plot, life);
  const group = s("g", { class: "lf-contours", "aria-hidden": "true" });
  plot.layers.back.append(group);
  const drawRings = ringsIn(group);
  let drawn = "",
    sampled = "",
    first = true;
  const kept = { values: new Float64Array(4), nx: 2, ny: 2, all: /** @type {Pair[][][]|null} */ ([]) };
  // Finer than this no eye sees it, and a phone has the least time for it.
  const cellsAcross = () =>
    clamp(Math.round((plot.inner.right - plot.inner.left) / CELL), Math.min(40, cells), cells);
  /** @param {(x: number, y: number) => number} f */
  function sampleAll(f) {
    const ratio = (plot.inner.bottom - plot.inner.top) / (plot.inner.right - plot.inner.left),
      across = cellsAcross(),
      nx = across + 1,
      ny = Math.max(12, Math.round(across * (ratio || 1))) + 1,
      values = sample(f, plot.frame(), nx, ny);
    Object.assign(kept, { values, nx, ny, all: null });
    relief.update({ values, nx, ny });
  }
  function drawLines() {
    const { values, nx, ny } = kept;
    kept.all ??= rings(values, nx, ny, contourLevels(values, count));
    drawRings(plot, { nx, ny, all: kept.all });
  }
  return {
    node: group,
    /** @param {(x: number, y: number) => number} f @param {string} key says which function this is */
    update(f, key) {
      const what = `${key}|${plot.frame()}|${cellsAcross()}`,
        size = `${what}|${plot.width}x${plot.height}`;
      if (size === drawn) return;
      drawn = size;
      if (what !== sampled) {
        sampled = what;
        sampleAll(f);
      }
      // When a page opens, the land comes first, and its lines in a task of their own.
      if (first) next(() => life.alive && drawLines());
      else drawLines();
      first = false;
    },
  };
}

/** What draws rings into a group: the lowest last, each a band and its line. @param {SVGGElement} group */
function ringsIn(group) {
  /** @type {Record<"area"|"line", ReturnType<typeof penOf>>[]} */
  const pens = [];
  const more = (/** @type {string} */ name) => penOf(group.appendChild(s("path", { class: name })));
  /** @param {Frame} plot @param {{nx: number, ny: number, all: Pair[][][]}} sampled */
  return ({ inner: { left, right, top, bottom } }, { nx, ny, all }) => {
    const px = (/** @type {number} */ i) => left + (i / (nx - 1)) * (right - left),
      py = (/** @type {number} */ j) => bottom - (j / (ny - 1)) * (bottom - top);
    while (pens.length < all.length) pens.push({ area: more("lf-band"), line: more("lf-contour") });
    pens.forEach((pen, k) => {
      const found = all[all.length - 1 - k] ?? [], // there may be fewer than before
        { area, line } = ringPaths(found, nx, ny, px, py);
      pen.area(area);
      pen.line(line);
    });
  };
}

/**
 * A heat map on a canvas behind the picture; diverged cells (NaN) show the hatching. `update` may come with any grid.
 * @param {Frame} plot
 * @param {import("./dom.js").Life} life
 * @param {{plain?: boolean}} o infinite values in the canvas's own CSS colour (set it to the page's), not in the darkest
 */
function addHeat(plot, life, { plain = false }) {
  const node = h("canvas", { class: "lf-heat", "aria-hidden": "true" }),
    paint = paintOfTheme(life, node);
  putBehind(plot, node);
  return {
    node,
    /** @param {ArrayLike<number>} values @param {number} nx @param {number} ny @param {number} low @param {number} high @param {boolean} [log] */
    update(values, nx, ny, low, high, log = true) {
      node.width = nx;
      node.height = ny;
      const pen = node.getContext("2d", { willReadFrequently: plain });
      if (!pen) return;
      const beyond = plain ? paint(pen).text : undefined;
      pen.putImageData(new ImageData(heatPixels(values, nx, ny, low, high, log, beyond), nx, ny), 0, 0);
    },
  };
}

/** @param {Frame} plot @param {import("./dom.js").Life} life @param {(x: number, y: number) => void} callback */
function onPick(plot, life, callback) {
  plot.box.classList.add("is-pickable");
  life.on(plot.svg, "click", (event) => {
    const r = plot.svg.getBoundingClientRect(),
      px = event.clientX - r.left,
      py = event.clientY - r.top,
      { left, right, top, bottom } = plot.inner;
    if (px < left || px > right || py < top || py > bottom) return;
    callback(plot.x.invert(px), plot.y.invert(py));
    plot.svg.dispatchEvent(new CustomEvent(PLACED, { bubbles: true }));
  });
}
