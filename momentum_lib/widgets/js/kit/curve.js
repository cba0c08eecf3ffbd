// Flat (x, y) pairs for line().update: the curve of a function, a row of values, an ellipse. Pure.

/**
 * The curve of a function at n + 1 places, both ends included.
 * @param {(u: number) => number} f
 * @param {number[]} ends
 * @param {number} n
 * @param {{log?: boolean, upright?: boolean}} [options] places even in the logarithm; the function runs upwards, its values across
 */
export function curve(f, [low, high], n, { log = false, upright = false } = {}) {
  const out = new Float64Array(2 * (n + 1)),
    across = upright ? 1 : 0;
  for (let k = 0; k <= n; k++) {
    const u = log ? low * (high / low) ** (k / n) : low + ((high - low) * k) / n;
    out[2 * k + across] = u;
    out[2 * k + 1 - across] = f(u);
  }
  return out;
}

/** Values against their places 0, 1, 2, ... (or k times `pace`), up to the place `to`. @param {ArrayLike<number>} values @param {number} [to] @param {number} [pace] */
export function series(values, to = values.length - 1, pace = 1) {
  const out = new Float64Array(2 * (to + 1));
  for (let k = 0; k <= to; k++) {
    out[2 * k] = k * pace;
    out[2 * k + 1] = values[k];
  }
  return out;
}

/** An ellipse with these half-axes, closed. @param {number} a @param {number} b @param {number} [x] @param {number} [y] @param {number} [n] pieces */
export function ellipse(a, b, x = 0, y = 0, n = 120) {
  const out = new Float64Array(2 * (n + 1));
  for (let k = 0; k <= n; k++) {
    out[2 * k] = x + a * Math.cos((2 * Math.PI * k) / n);
    out[2 * k + 1] = y + b * Math.sin((2 * Math.PI * k) / n);
  }
  return out;
}

/** The middles of n equal cells between two ends, equal in the logarithm where `log` says so. @param {number[]} ends @param {number} n @param {boolean} [log] */
export const middles = ([low, high], n, log = false) =>
  Float64Array.from({ length: n }, (_, k) =>
    log ? low * (high / low) ** ((k + 0.5) / n) : low + ((high - low) * (k + 0.5)) / n,
  );
