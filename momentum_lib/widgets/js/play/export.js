// The picture and its numbers as files, made in the page: SVG, PNG, a moving GIF, CSV.

import { h, s } from "../kit/dom.js";
import { gif, paletteOf } from "./gif.js";
import { createPainter } from "./painter.js";

/** @typedef {import("./types.js").Scene} Scene */

/** Every step of every run, a row each. @param {Scene} scene */
export function csvOf({ lanes, state }) {
  const rows = ["rule,start,step,x,y,loss"];
  for (const { title, runs } of lanes)
    runs.forEach(({ points, values, n }, k) => {
      for (let t = 0; t <= n; t++)
        rows.push(
          [
            `"${title.replaceAll('"', '""')}"`,
            state.starts.length > 1 ? k + 1 : 1,
            t,
            points[2 * t],
            points[2 * t + 1],
            values[t],
          ].join(),
        );
    });
  return `${rows.join("\n")}\n`;
}

/** What a shape of the picture wears, written into the file: outside the page there is no style sheet. */
const WORN = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "font-style",
  "text-anchor",
  "paint-order",
  "display",
  "visibility",
];

/** A copy of a drawn element that wears its styles itself; what is not seen, and what is only for hands, is left out. @param {Element} from @returns {Element|null} */
function dressedCopy(from) {
  const style = getComputedStyle(from);
  if (style.display === "none" || from.matches(".lf-hit, .lf-focus, .pg-invitation")) return null;
  const copy = /** @type {Element} */ (from.cloneNode(false));
  for (const name of [
    "class",
    "style",
    "tabindex",
    "role",
    ...[...copy.attributes].map(({ name: one }) => one).filter((one) => /^(aria|data)-/.test(one)),
  ])
    copy.removeAttribute(name);
  if (!from.matches("defs, clipPath, svg, g"))
    for (const name of WORN) {
      const value = style.getPropertyValue(name);
      if (value) copy.setAttribute(name, value);
    }
  for (const child of from.childNodes) {
    if (child instanceof Element) {
      const inner = dressedCopy(child);
      if (inner) copy.append(inner);
    } else copy.append(child.cloneNode());
  }
  return copy;
}

/**
 * The picture that a view shows as the text of an SVG file: its canvases lie in it as images.
 * @param {Element} view
 * @returns {string|null} null where there is nothing drawn
 */
export function svgText(view) {
  const boxes = [...view.querySelectorAll(".lf-plot")].filter((box) => box.checkVisibility()),
    frame = view.getBoundingClientRect(),
    ground = getComputedStyle(view).getPropertyValue("--lf-page"),
    root = s(
      "svg",
      {
        xmlns: "http://www.w3.org/2000/svg",
        width: frame.width,
        height: frame.height,
        viewBox: `0 0 ${frame.width} ${frame.height}`,
      },
      s("rect", { width: "100%", height: "100%", fill: ground }),
    );
  const place = (/** @type {Element} */ node) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    return { x: left - frame.left, y: top - frame.top, width, height };
  };
  const canvases = /** @type {HTMLCanvasElement[]} */ ([
    ...view.querySelectorAll("canvas:not(.lf-scale)"),
  ]).filter((one) => one.checkVisibility() && one.width);
  for (const canvas of canvases)
    root.append(
      s("image", { ...place(canvas), href: canvas.toDataURL("image/png"), preserveAspectRatio: "none" }),
    );
  for (const box of boxes) {
    const drawn = box.querySelector(".lf-svg"),
      copy = drawn && dressedCopy(drawn);
    if (!copy) continue;
    const { x, y } = place(/** @type {Element} */ (drawn));
    const group = s("g", { transform: `translate(${x} ${y})` });
    group.append(...copy.childNodes);
    root.append(group);
  }
  return boxes.length || canvases.length ? new XMLSerializer().serializeToString(root) : null;
}

/** @param {string} text of an SVG file */
async function imageOf(text) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}

/** @param {string} text of an SVG file @param {number} [dots] a pixel @returns {Promise<Blob>} */
export async function pngOf(text, dots = 2) {
  const image = await imageOf(text);
  const canvas = h("canvas", {
    width: Math.round(image.width * dots),
    height: Math.round(image.height * dots),
  });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) =>
    canvas.toBlob(
      (/** @type {Blob|null} */ blob) => (blob ? done(blob) : failed(new Error("this browser makes no PNG"))),
      "image/png",
    ),
  );
}

const FRAMES = 48,
  WIDE = 528;

/**
 * What a moving picture is made of: the pixels of a frame, told by the part of the whole run that it shows, from 0 to 1.
 * @typedef {{width: number, height: number, frames: number, pixels: (part: number) => Uint8ClampedArray|Promise<Uint8ClampedArray>, end: () => void}} Movie
 */

/** The map's runs, painted anew: they move between two steps, too. @param {Scene} scene @param {HTMLElement} host where a canvas may stand meanwhile, unseen @returns {Movie} */
export function mapMovie(scene, host) {
  const [[x0, x1], [y0, y1]] = scene.box,
    height = Math.round((WIDE * (y1 - y0)) / (x1 - x0)),
    canvas = h("canvas", { class: "lf-relief pg-unseen", width: WIDE, height, "aria-hidden": "true" });
  host.append(canvas);
  const painter = createPainter(canvas, scene),
    pen = canvas.getContext("2d", { willReadFrequently: true });
  return {
    width: WIDE,
    height,
    frames: FRAMES,
    pixels(part) {
      painter.paint(part * painter.last());
      return pen.getImageData(0, 0, WIDE, height).data;
    },
    end: () => canvas.remove(),
  };
}

/**
 * A view as it stands on the page, a frame for each step (for some of many).
 * @param {Element} view
 * @param {number} steps
 * @param {(step: number) => void} show the page as it is at a step
 * @returns {Movie}
 */
export function viewMovie(view, steps, show) {
  const { width, height } = view.getBoundingClientRect(),
    tall = Math.round((WIDE * height) / width),
    pen = h("canvas", { width: WIDE, height: tall }).getContext("2d", { willReadFrequently: true });
  return {
    width: WIDE,
    height: tall,
    frames: Math.min(FRAMES, steps + 1),
    async pixels(part) {
      show(Math.round(part * steps));
      pen.drawImage(await imageOf(svgText(view) ?? ""), 0, 0, WIDE, tall);
      return pen.getImageData(0, 0, WIDE, tall).data;
    },
    end: () => show(Infinity),
  };
}

/** @param {Movie} movie @param {(part: number) => void} progress @returns {Promise<Uint8Array>} */
export async function gifOf({ width, height, frames, pixels, end }, progress) {
  try {
    const palette = paletteOf([await pixels(1)]),
      made = [];
    for (let k = 0; k < frames; k++) {
      made.push(palette.indexed(await pixels(k / (frames - 1))));
      if (k % 6) continue;
      progress(k / frames);
      await new Promise((next) => setTimeout(next));
    }
    return gif(width, height, palette.colours, made);
  } finally {
    end();
  }
}

/** Hand a file to the reader. @param {BlobPart} content @param {string} type @param {string} name */
export function save(content, type, name) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type })),
    link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
