// Where a picture's words stand: each as near to its place as it can without lying over other words, a handle or the edge.

import { clamp } from "./dom.js";

/** @typedef {import("./types.js").Anchor} Anchor */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Room */
/**
 * What a label asks for: the place that it names in pixels, how far from it, and its words.
 * @typedef {{node: SVGTextElement, anchor: Anchor, x: number, y: number, dx: number, dy: number, words: string}} Wish
 * @typedef {{font: string, size: number}} Type
 */

/** @type {CanvasRenderingContext2D|null} */
let pen = null;
/** @type {Map<string, number>} */
const widths = new Map();

/** Pixels that words take in a font. @param {string} words @param {string} font */
function widthOf(words, font) {
  const key = `${font}|${words}`,
    known = widths.get(key);
  if (known !== undefined) return known;
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return 7 * words.length;
  pen.font = font;
  pen.wordSpacing = "0.75px"; // as .lf-text has it
  const found = pen.measureText(words).width;
  if (document.fonts.status !== "loaded") return found; // of the typeface that stands in
  if (widths.size > 4000) widths.clear(); // numbers that move make new words for ever
  widths.set(key, found);
  return found;
}

/** The part of a word that lies left of its anchor. @type {Record<string, number>} */
const BEFORE = { start: 0, middle: 0.5, end: 1 };
/** The other side of a place. @type {Record<string, Anchor>} */
const OTHER = { start: "end", end: "start" };
/** Words need this much air, in pixels. */
const AIR = 1.5;

/** @param {Room} a @param {Room} b */
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** @param {number} x @param {number} y the line of writing @param {Anchor} anchor @param {number} wide @param {number} size of the type @returns {Room} */
function roomAt(x, y, anchor, wide, size) {
  const left = x - BEFORE[anchor] * wide;
  return { left: left - AIR, right: left + wide + AIR, top: y - 0.8 * size, bottom: y + 0.25 * size };
}

/** The room of words that stand. @param {SVGTextElement} node @param {Type} type */
export const roomOf = (node, { font, size }) =>
  roomAt(
    Number(node.getAttribute("x")),
    Number(node.getAttribute("y")),
    /** @type {Anchor} */ (node.getAttribute("text-anchor") ?? "start"),
    widthOf(node.textContent ?? "", font),
    size,
  );

/** So many lines away, the nearest first, on the wished side and then on the other. */
const LINES = [0, -1, 1, -2, 2, -3, 3, -4, 4];

/**
 * Places to try, the best first: most words stand at the first.
 * @param {Wish} wish @param {number} size
 * @returns {Generator<{x: number, y: number, anchor: Anchor}>}
 */
function* places({ x, y, dx, dy, anchor }, size) {
  for (const lines of LINES) {
    const line = y + dy + lines * 1.15 * size;
    yield { x: x + dx, y: line, anchor };
    if (anchor !== "middle") yield { x: x - dx, y: line, anchor: OTHER[anchor] };
  }
}

/**
 * Put labels in their order of importance. One that finds no room is left out.
 * @param {Wish[]} wishes
 * @param {Room[]} taken what is there already: numbers of the axes, handles
 * @param {{width: number, height: number, axis: number|null}} picture its size, and where an upright axis stands at its left: words that
 *   belong beside it do not cross it
 * @param {(node: SVGTextElement) => Type} typeOf
 */
export function arrange(wishes, taken, { width, height, axis }, typeOf) {
  const rooms = taken.slice();
  for (const wish of wishes) {
    const { node, words } = wish,
      { font, size } = typeOf(node),
      wide = widthOf(words, font),
      beside = axis !== null && wish.x > axis - 1 && axis + 4 + wide < width,
      from = beside ? axis + 3 : 1,
      inside = (/** @type {number} */ x, /** @type {Anchor} */ side) =>
        clamp(
          x,
          BEFORE[side] * wide + from,
          Math.max(width - (1 - BEFORE[side]) * wide - 1, BEFORE[side] * wide + from),
        );
    let found = null;
    for (const place of places(wish, size)) {
      if (!(place.y > 0.7 * size && place.y < height - 1)) continue; // nor where a size is not known yet
      place.x = inside(place.x, place.anchor);
      const room = roomAt(place.x, place.y, place.anchor, wide, size);
      if (rooms.some((other) => meet(other, room))) continue;
      found = place;
      break;
    }
    node.setAttribute("visibility", found ? "visible" : "hidden");
    if (!found) continue;
    node.setAttribute("x", found.x.toFixed(1));
    node.setAttribute("y", found.y.toFixed(1));
    node.setAttribute("text-anchor", found.anchor);
    rooms.push(roomAt(found.x, found.y, found.anchor, wide, size));
  }
}
