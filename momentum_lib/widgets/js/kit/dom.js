// Elements, lifetimes, numbers in words. Nothing here knows what a figure is.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Set attributes; `null`, `undefined` and `false` remove one, `true` sets it empty, `text` is the text content, `style` its declarations.
 * @template {Element} E
 * @param {E} node
 * @param {Record<string, unknown>} attributes
 * @returns {E}
 */
export function assign(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = String(value);
    else if (name === "style")
      /** @type {any} */ (node).style.cssText = String(value); // a strict policy forbids the attribute
    else if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/**
 * What sets attributes of an element as `assign` does, those alone that differ from what it set last: each that is set costs
 * the browser, whatever stood there.
 * @param {Element} node
 */
export function assigner(node) {
  /** @type {Map<string, unknown>} */
  const last = new Map();
  return (/** @type {Record<string, unknown>} */ attributes) => {
    for (const [name, value] of Object.entries(attributes))
      if (value !== last.get(name)) {
        last.set(name, value);
        assign(node, { [name]: value });
      }
  };
}

/**
 * An HTML element with attributes and children; a string child becomes text, never markup.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const node = assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function s(tag, attributes = {}, ...children) {
  const node = assign(document.createElementNS(SVG, tag), attributes);
  node.append(...children);
  return node;
}

/** @typedef {[tag: string, attributes: Record<string, unknown>]} Piece an element as it should be; what it holds is its `text` */

/**
 * Make a parent hold these elements and no others. Nodes that are there are kept, and changed where they differ: new ones
 * would have to be styled and laid out.
 * @param {Element} parent
 * @param {Piece[]} pieces
 */
export function dress(parent, pieces) {
  const make = parent instanceof SVGElement ? s : h;
  pieces.forEach(([tag, attributes], k) => {
    const there = parent.children[k];
    if (there?.localName === tag) redress(there, attributes);
    else if (there) there.replaceWith(make(tag, attributes));
    else parent.append(make(tag, attributes));
  });
  while (parent.children.length > pieces.length) parent.lastChild?.remove();
}

/** Give an element these attributes and no others. @param {Element} node @param {Record<string, unknown>} attributes */
function redress(node, attributes) {
  for (const name of node.getAttributeNames()) if (!(name in attributes)) node.removeAttribute(name);
  for (const [name, value] of Object.entries(attributes)) {
    const now = name === "text" ? node.textContent : node.getAttribute(name);
    if (now !== value && now !== String(value)) assign(node, { [name]: value });
  }
}

/**
 * A lifetime: whatever is started through it ends with `end()`. Every listener, observer, timer and animation frame
 * of a live figure goes through one of these, so that taking the figure off the page leaves nothing behind.
 * @returns {Life}
 *
 * @typedef {{
 *   alive: boolean,
 *   onEnd: (undo: () => void) => void,
 *   on: (target: EventTarget, type: string, listener: (event: any) => void, options?: AddEventListenerOptions) => void,
 *   observe: (observer: {disconnect: () => void}) => void,
 *   frame: (callback: (time: number) => void) => () => void,
 *   after: (milliseconds: number, callback: () => void) => () => void,
 *   end: () => void,
 * }} Life
 */
export function lifetime() {
  /** @type {Set<() => void>} */
  const undo = new Set();
  const life = {
    alive: true,
    onEnd: (/** @type {() => void} */ callback) => {
      undo.add(callback);
    },
    on(
      /** @type {EventTarget} */ target,
      /** @type {string} */ type,
      /** @type {any} */ listener,
      /** @type {any} */ options,
    ) {
      target.addEventListener(type, listener, options);
      undo.add(() => target.removeEventListener(type, listener, options));
    },
    observe: (/** @type {{disconnect: () => void}} */ observer) => {
      undo.add(() => observer.disconnect());
    },
    frame(/** @type {(time: number) => void} */ callback) {
      const id = requestAnimationFrame((time) => {
        undo.delete(cancel);
        callback(time);
      });
      const cancel = () => {
        undo.delete(cancel);
        cancelAnimationFrame(id);
      };
      undo.add(cancel);
      return cancel;
    },
    after(/** @type {number} */ milliseconds, /** @type {() => void} */ callback) {
      const id = setTimeout(() => {
        undo.delete(cancel);
        callback();
      }, milliseconds);
      const cancel = () => {
        undo.delete(cancel);
        clearTimeout(id);
      };
      undo.add(cancel);
      return cancel;
    },
    end() {
      life.alive = false;
      for (const callback of [...undo].reverse()) callback();
      undo.clear();
    },
  };
  return life;
}

/** Whether the reader asked for less motion (asked each time: the setting can change). */
export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Call `changed` whenever the page's theme changes: for what CSS cannot colour by itself (canvas).
 * @param {Life} life
 * @param {() => void} changed
 */
export function onTheme(life, changed) {
  const observer = new MutationObserver(changed);
  for (const node of [document.documentElement, document.body])
    if (node)
      observer.observe(node, {
        attributes: true,
        attributeFilter: ["data-theme", "data-jp-theme-light", "theme", "class"],
      });
  life.observe(observer);
  life.on(matchMedia("(prefers-color-scheme: dark)"), "change", changed);
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Round to significant digits: what a slider sets is a number one would type. @param {number} value @param {number} [digits] */
export const roundTo = (value, digits = 3) => Number(value.toPrecision(digits));

const SUPERSCRIPT = /** @type {Record<string, string>} */ ({
  "-": "⁻",
  0: "⁰",
  1: "¹",
  2: "²",
  3: "³",
  4: "⁴",
  5: "⁵",
  6: "⁶",
  7: "⁷",
  8: "⁸",
  9: "⁹",
});

/** Ten to an integer power, set as text: 10⁻⁶. @param {number} exponent */
export const powerOfTen = (exponent) => "10" + [...String(exponent)].map((c) => SUPERSCRIPT[c]).join("");

/**
 * A number for the reader's eye: a true minus, thin spaces in thousands, powers of ten where it is tiny or huge.
 * @param {number} value
 * @param {number} [digits] significant digits
 * @returns {string}
 */
export function show(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const times = Number(mantissa) === 1 ? "" : `${mantissa.replace("-", "−")} × `;
    return times + powerOfTen(Number(exponent));
  }
  const text =
    size >= 10 ** digits
      ? String(Math.round(value))
      : Number.isInteger(value)
        ? String(value)
        : String(Number(value.toPrecision(digits)));
  const [whole, fraction] = text.replace("-", "−").split(".");
  const spaced = whole.replace(/\d{5,}/, (all) => all.replace(/\B(?=(\d{3})+$)/g, "\u202f"));
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

const trim = (/** @type {string} */ text) =>
  text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;

/**
 * A number below 1 by the digits of what it lacks: 0.999 and 0.99999 are not both 1.
 * @param {number} value
 * @param {number} [digits] significant digits of 1 − value
 */
export function nearOne(value, digits = 3) {
  const rest = 1 - value;
  return value > 0.5 && rest > 1e-12
    ? trim(value.toFixed(digits - 1 - Math.floor(Math.log10(1.0000001 * rest))))
    : show(value, digits);
}

/** A part in percent. @param {number} part @param {number} [digits] significant digits */
export const percent = (part, digits = 3) => `${show(100 * part, digits)} %`;

/** A number to so many decimals, with a true minus. @param {number} value @param {number} decimals */
export const fixed = (value, decimals) => value.toFixed(decimals).replace("-", "−");

/**
 * So many of something: 1 step, 2 steps, 0.5 steps. It is one where it reads as one.
 * @param {number} value
 * @param {string} one
 * @param {string} [more] where an s does not make it
 * @param {number} [digits] significant digits
 */
export function many(value, one, more = `${one}s`, digits = 3) {
  const said = show(value, digits);
  return `${said} ${said === "1" ? one : more}`;
}

/** A number as one would type it (ASCII, at most `digits` significant). @param {number} value @param {number} [digits] */
export const plain = (value, digits = 5) => String(Number(value.toPrecision(digits)));

/**
 * What a reader typed, as a number: accepts a decimal comma, a true minus and a fraction such as 2/26; else NaN.
 * @param {string} text
 */
export function parseNumber(text) {
  const clean = text
    .trim()
    .replace(/−/g, "-")
    .replace(",", ".")
    .replace(/[\s\u202f]/g, "");
  const one = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
  const [above, below, ...rest] = clean.split("/");
  if (rest.length || !one.test(above) || (below !== undefined && !one.test(below))) return NaN;
  const value = Number(above) / (below === undefined ? 1 : Number(below));
  return Number.isFinite(value) ? value : NaN;
}

/** A finite float as Python source: always with a point or an exponent. @param {number} value */
export const pythonFloat = (value) =>
  Number.isInteger(value) && Math.abs(value) < 1e21
    ? `${Object.is(value, -0) ? "-0" : value}.0`
    : String(value);

/** A number as Python source: an integer stays one. @param {number} value */
export const pythonNumber = (value) => (Number.isInteger(value) ? String(value) : pythonFloat(value));
