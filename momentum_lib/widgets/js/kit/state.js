// The state of a live figure: what each value may be, and how it travels (model, address, Python). Pure: no document.
// The same kinds and bounds stand in the figure's Python class; a test compares the two.

/** @typedef {{kind: "number"|"integer", initial: number, min: number, max: number}} NumberSpec */
/** @typedef {{kind: "point", initial: [number, number], domain: number[][]}} PointSpec */
/** @typedef {{kind: "choice", initial: string, options: string[]}} ChoiceSpec */
/** @typedef {{kind: "choices", initial: string[], options: string[], least: number, most: number}} ChoicesSpec */
/** @typedef {{kind: "flag", initial: boolean}} FlagSpec */
/** @typedef {{kind: "numbers", initial: Record<string, number>, bounds: Record<string, [number, number]>}} NumbersSpec */
/** @typedef {{kind: "table", initial: Record<string, Record<string, number>>, bounds: Record<string, Record<string, [number, number]>>}} TableSpec */
/** @typedef {{kind: "name", initial: string}} NameSpec */
/** @typedef {{kind: "runs", initial: Record<string, any>}} RunsSpec */
/** @typedef {NumberSpec|PointSpec|ChoiceSpec|ChoicesSpec|FlagSpec|NumbersSpec|TableSpec|NameSpec|RunsSpec} Spec */

/** A real number in [min, max]. @returns {NumberSpec} */
export const number = (
  /** @type {number} */ initial,
  /** @type {number} */ min,
  /** @type {number} */ max,
) => ({ kind: "number", initial, min, max });
/** A whole number in [min, max]. @returns {NumberSpec} */
export const integer = (
  /** @type {number} */ initial,
  /** @type {number} */ min,
  /** @type {number} */ max,
) => ({ kind: "integer", initial, min, max });
/** A point of the plane in a box [[x0, x1], [y0, y1]]. @returns {PointSpec} */
export const point = (/** @type {[number, number]} */ initial, /** @type {number[][]} */ domain) => ({
  kind: "point",
  initial,
  domain,
});
/** One of some names. @returns {ChoiceSpec} */
export const choice = (/** @type {string} */ initial, /** @type {string[]} */ options) => ({
  kind: "choice",
  initial,
  options,
});
/** Several different names, `least` to `most` of them, in the reader's order. @returns {ChoicesSpec} */
export const choices = (
  /** @type {string[]} */ initial,
  /** @type {string[]} */ options,
  least = 1,
  most = options.length,
) => ({ kind: "choices", initial, options, least, most });
/** True or false. @returns {FlagSpec} */
export const flag = (/** @type {boolean} */ initial) => ({ kind: "flag", initial });
/** Named numbers, each in its bounds; a name left out keeps its initial value. @returns {NumbersSpec} */
export const numbers = (
  /** @type {Record<string, number>} */ initial,
  /** @type {Record<string, [number, number]>} */ bounds,
) => ({ kind: "numbers", initial, bounds });
/** Rows of named real numbers, each in its bounds; any row and any number may be left out. @returns {TableSpec} */
export const table = (
  /** @type {Record<string, Record<string, number>>} */ initial,
  /** @type {Record<string, Record<string, [number, number]>>} */ bounds,
) => ({ kind: "table", initial, bounds });
/** A short text that names something in the figure's own data. @returns {NameSpec} */
export const name = (/** @type {string} */ initial) => ({ kind: "name", initial });
/** Curves of runs, by experiment: data that comes with the page and is no part of an address. @returns {RunsSpec} */
export const runs = () => ({ kind: "runs", initial: {} });

const inside = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(Math.max(value, low), high);
const real = (/** @type {unknown} */ value) => typeof value === "number" && Number.isFinite(value);

/**
 * The nearest allowed value; `fallback` (by default the initial one) where the value is of the wrong kind or not finite.
 * @param {Spec} spec
 * @param {any} value
 * @param {any} [fallback]
 * @returns {any}
 */
export function clampValue(spec, value, fallback = spec.initial) {
  switch (spec.kind) {
    case "number":
      return real(value) ? inside(value, spec.min, spec.max) : fallback;
    case "integer":
      return real(value) ? inside(Math.round(value), spec.min, spec.max) : fallback;
    case "point":
      return Array.isArray(value) && value.length === 2 && value.every(real)
        ? value.map((v, i) => inside(v, spec.domain[i][0], spec.domain[i][1]))
        : fallback;
    case "choice":
      return spec.options.includes(value) ? value : fallback;
    case "choices": {
      if (!Array.isArray(value)) return fallback;
      const known = [...new Set(value)].filter((name) => spec.options.includes(name)).slice(0, spec.most);
      return known.length >= spec.least ? known : fallback;
    }
    case "flag":
      return typeof value === "boolean" ? value : fallback;
    case "numbers": {
      if (value === null || typeof value !== "object" || Array.isArray(value)) return fallback;
      return Object.fromEntries(
        Object.entries(spec.bounds).map(([name, [low, high]]) => [
          name,
          real(value[name])
            ? inside(value[name], low, high)
            : real(fallback?.[name])
              ? fallback[name]
              : spec.initial[name],
        ]),
      );
    }
    case "table": {
      if (value === null || typeof value !== "object" || Array.isArray(value)) return fallback;
      const rows = Object.entries(spec.bounds).map(([row, columns]) => [
        row,
        Object.fromEntries(
          Object.entries(columns)
            .filter(([name]) => real(value[row]?.[name]))
            .map(([name, [low, high]]) => [name, inside(value[row][name], low, high)]),
        ),
      ]);
      return Object.fromEntries(rows.filter(([, columns]) => Object.keys(columns).length));
    }
    case "name":
      return typeof value === "string" && value.length <= 400 ? value : fallback;
    case "runs": {
      const whole = (/** @type {any} */ part) =>
        part !== null &&
        typeof part === "object" &&
        ["steps", "held_steps", "sides"].every((list) => Array.isArray(part[list]) && part[list].length);
      return value !== null &&
        typeof value === "object" &&
        !Array.isArray(value) &&
        Object.values(value).every(whole)
        ? value
        : fallback;
    }
    default:
      throw new TypeError(`unknown kind of state: ${/** @type {any} */ (spec).kind}`);
  }
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
        .map((name) => `${name}:${value[name]}`)
        .join(",");
    case "table":
      return Object.entries(value)
        .flatMap(([row, columns]) => Object.entries(columns).map(([name, v]) => `${row}.${name}:${v}`))
        .join(",");
    default:
      return String(value);
  }
}

/** The reverse; null where the text is no such value. @param {Spec} spec @param {string} text */
export function decode(spec, text) {
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
            const [name, value] = pair.split(":");
            return [name, asNumber(value ?? "")];
          }),
        ),
      );
    case "table": {
      /** @type {Record<string, Record<string, number>>} */
      const rows = {};
      for (const [, row, name, v] of text.matchAll(/(\w+)\.(\w+):([^,]+)/g))
        if (Object.hasOwn(spec.bounds, row)) (rows[row] ??= {})[name] = asNumber(v);
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
  for (const [name, spec] of Object.entries(specs))
    if (spec.kind !== "runs") query.set(name, encode(spec, values[name]));
  return "#" + query.toString().replace(/%2C/gi, ",").replace(/%3A/gi, ":");
}

/**
 * The state that an address holds for the figure `key`, clamped; null where the address speaks of something else.
 * @param {string} hash
 * @param {string} key
 * @param {Record<string, Spec>} specs
 */
export function fromHash(hash, key, specs) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (query.get("live") !== key) return null;
  /** @type {Record<string, any>} */
  const found = {};
  for (const [name, spec] of Object.entries(specs)) {
    const text = query.get(name);
    const value = text === null ? null : decode(spec, text);
    if (value !== null) found[name] = value;
  }
  return found;
}
