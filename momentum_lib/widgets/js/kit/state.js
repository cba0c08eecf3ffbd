// The state of a live figure: what each value may be, and how it travels (model, address, Python). Pure: no document.
// The same kinds and bounds stand in the figure's Python class; a test compares the two.

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Spec} Spec */

/** A real number in [min, max]. @returns {import("./types.js").NumberSpec} */
export const number = (
  /** @type {number} */ initial,
  /** @type {number} */ min,
  /** @type {number} */ max,
) => ({ kind: "number", initial, min, max });
/** A whole number in [min, max]. @returns {import("./types.js").NumberSpec} */
export const integer = (
  /** @type {number} */ initial,
  /** @type {number} */ min,
  /** @type {number} */ max,
) => ({ kind: "integer", initial, min, max });
/** A point of the plane in a box [[x0, x1], [y0, y1]]. @returns {import("./types.js").PointSpec} */
export const point = (/** @type {number[]} */ initial, /** @type {Box} */ domain) => ({
  kind: "point",
  initial: /** @type {Pair} */ (initial),
  domain,
});
/** One of some names. @returns {import("./types.js").ChoiceSpec} */
export const choice = (/** @type {string} */ initial, /** @type {string[]} */ options) => ({
  kind: "choice",
  initial,
  options,
});
/** Several different names, `least` to `most` of them, in the reader's order. @returns {import("./types.js").ChoicesSpec} */
export const choices = (
  /** @type {string[]} */ initial,
  /** @type {string[]} */ options,
  least = 1,
  most = options.length,
) => ({ kind: "choices", initial, options, least, most });
/** True or false. @returns {import("./types.js").FlagSpec} */
export const flag = (/** @type {boolean} */ initial) => ({ kind: "flag", initial });
/** Named numbers, each in its bounds; a name left out keeps its initial value. @returns {import("./types.js").NumbersSpec} */
export const numbers = (
  /** @type {Record<string, number>} */ initial,
  /** @type {Record<string, Pair>} */ bounds,
) => ({ kind: "numbers", initial, bounds });
/** Rows of named real numbers, each in its bounds; any row and any number may be left out. @returns {import("./types.js").TableSpec} */
export const table = (
  /** @type {Record<string, Record<string, number>>} */ initial,
  /** @type {Record<string, Record<string, Pair>>} */ bounds,
) => ({ kind: "table", initial, bounds });
/** A short text that names something in the figure's own data. @returns {import("./types.js").NameSpec} */
export const name = (/** @type {string} */ initial) => ({ kind: "name", initial });
/** Curves of runs, by experiment: data that comes with the page and is no part of an address. @returns {import("./types.js").RunsSpec} */
export const runs = () => ({ kind: "runs", initial: {} });

const inside = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(Math.max(value, low), high);
const real = (/** @type {unknown} */ value) => typeof value === "number" && Number.isFinite(value);
const isTable = (/** @type {unknown} */ value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);
/** A number in its bounds. @type {Clamp<import("./types.js").NumberSpec>} */
const clampNumber = ({ min, max }, value, fallback) => (real(value) ? inside(value, min, max) : fallback);
/** Whether an experiment's curves have the three lists without which nothing can be drawn. @param {any} part */
const isWhole = (part) =>
  part !== null &&
  typeof part === "object" &&
  ["steps", "held_steps", "sides", "place"].every((list) => Array.isArray(part[list]) && part[list].length);

/** @template {Spec} S @typedef {(spec: S, value: any, fallback: any) => any} Clamp */

/** The nearest allowed value, or the fallback where it is of the wrong kind. @type {{[K in Spec["kind"]]: Clamp<Extract<Spec, {kind: K}>>}} */
const CLAMPS = {
  number: clampNumber,
  integer: (spec, value, fallback) => clampNumber(spec, real(value) ? Math.round(value) : value, fallback),
  point: ({ domain }, value, fallback) =>
    Array.isArray(value) && value.length === 2 && value.every(real)
      ? value.map((v, i) => inside(v, domain[i][0], domain[i][1]))
      : fallback,
  choice: ({ options }, value, fallback) => (options.includes(value) ? value : fallback),
  choices({ options, least, most }, value, fallback) {
    if (!Array.isArray(value)) return fallback;
    const known = [...new Set(value)].filter((one) => options.includes(one)).slice(0, most);
    return known.length >= least ? known : fallback;
  },
  flag: (_, value, fallback) => (typeof value === "boolean" ? value : fallback),
  numbers({ initial, bounds }, value, fallback) {
    if (!isTable(value)) return fallback;
    const one = (/** @type {string} */ key, /** @type {Pair} */ [low, high]) =>
      real(value[key]) ? inside(value[key], low, high) : real(fallback?.[key]) ? fallback[key] : initial[key];
    return Object.fromEntries(Object.entries(bounds).map(([key, ends]) => [key, one(key, ends)]));
  },
  table({ bounds }, value, fallback) {
    if (!isTable(value)) return fallback;
    const rows = Object.entries(bounds).map(([row, columns]) => [
      row,
      Object.fromEntries(
        Object.entries(columns)
          .filter(([key]) => real(value[row]?.[key]))
          .map(([key, [low, high]]) => [key, inside(value[row][key], low, high)]),
      ),
    ]);
    return Object.fromEntries(rows.filter(([, columns]) => Object.keys(columns).length));
  },
  name: (_, value, fallback) => (typeof value === "string" && value.length <= 400 ? value : fallback),
  runs: (_, value, fallback) => (isTable(value) && Object.values(value).every(isWhole) ? value : fallback),
};

/**
 * The nearest allowed value; `fallback` (by default the initial one) where the value is of the wrong kind or not finite.
 * @param {Spec} spec
 * @param {any} value
 * @param {any} [fallback]
 * @returns {any}
 */
export function clampValue(spec, value, fallback = spec.initial) {
  const clamp = /** @type {Clamp<any>|undefined} */ (CLAMPS[spec.kind]);
  if (!clamp) throw new TypeError(`unknown kind of state: ${spec.kind}`);
  return clamp(spec, value, fallback);
}

/** Whether two values of a state are the same. @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A value as it stands in an address. @param {Spec} spec @param {any} value */
export function encode(spec, value) {
  switch (spec.kind) {
    case "point":
    case "choices":
      return value.join(",");
    case "numbers":
      return Object.keys(spec.bounds)
        .sort()
        .map((key) => `${key}:${value[key]}`)
        .join(",");
    case "table":
      return Object.entries(value)
        .flatMap(([row, columns]) => Object.entries(columns).map(([key, v]) => `${row}.${key}:${v}`))
        .join(",");
    default:
      return String(value);
  }
}

/** No state of a figure is longer than this in an address. */
export const LONGEST = 10_000;

/**
 * The reverse; null where the text is no such value, or longer than any. The time is proportional to the length.
 * @param {Spec} spec
 * @param {string} text
 */
export function decode(spec, text) {
  if (text.length > LONGEST) return null;
  const asNumber = (/** @type {string} */ part) => (part.trim() === "" ? NaN : Number(part));
  switch (spec.kind) {
    case "number":
    case "integer":
      return clampValue(spec, asNumber(text), null);
    case "point":
      return clampValue(spec, text.split(",").map(asNumber), null);
    case "choices":
      return clampValue(spec, text.split(","), null);
    case "flag":
      return text === "true" ? true : text === "false" ? false : null;
    case "numbers":
      return clampValue(
        spec,
        Object.fromEntries(
          text.split(",").map((pair) => {
            const [key, value] = pair.split(":");
            return [key, asNumber(value ?? "")];
          }),
        ),
      );
    case "table": {
      /** @type {Record<string, Record<string, number>>} */
      const rows = {};
      for (const cell of text.split(",")) {
        const [place, value] = cell.split(":");
        const [row, column] = place.split(".");
        if (value !== undefined && column !== undefined && Object.hasOwn(spec.bounds, row))
          (rows[row] ??= {})[column] = asNumber(value);
      }
      return clampValue(spec, rows);
    }
    case "runs":
      return null;
    default:
      return clampValue(spec, text, null);
  }
}

/**
 * The address of a figure's state: `#live=ravine&lr=0.05&…`; the second figure of that name on a page is `ravine.2`.
 * @param {string} key
 * @param {Record<string, Spec>} specs
 * @param {Record<string, any>} values
 */
export function toHash(key, specs, values) {
  const query = new URLSearchParams({ live: key });
  for (const [part, spec] of Object.entries(specs))
    if (spec.kind !== "runs") query.set(part, encode(spec, values[part]));
  return "#" + query.toString().replace(/%2C/gi, ",").replace(/%3A/gi, ":");
}

/**
 * The state that an address holds for the figure `key`, clamped; null where the address speaks of something else.
 * @param {string} hash
 * @param {string} key
 * @param {Record<string, Spec>} specs
 */
export function fromHash(hash, key, specs) {
  if (hash.length > 3 * LONGEST) return null;
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (query.get("live") !== key) return null;
  /** @type {Record<string, any>} */
  const found = {};
  for (const [part, spec] of Object.entries(specs)) {
    const text = query.get(part);
    const value = text === null ? null : decode(spec, text);
    if (value !== null) found[part] = value;
  }
  return found;
}
