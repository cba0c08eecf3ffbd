// A small fully connected network with tanh, its loss, gradient and Hessian, and the sharpness. Pure.
// Python side: momentum_lib/networks. One flat vector holds all parameters: each layer's matrix (outputs, inputs), then its bias.

import { drawNoise } from "./noise.js";

/** Inputs and what belongs to them, row after row: `y` numbers for the squared loss, classes for cross-entropy.
 * @typedef {{x: Float64Array, y: Float64Array|Uint8Array, rows: number}} Rows */
/** @typedef {{inputs: number, outputs: number, w: number, b: number}} Layer where a layer's numbers begin in the vector */
/** @typedef {ReturnType<typeof network>} Network */

/** Rows that are made when their numbers are first asked for. @param {number} rows @param {() => {x: Rows["x"], y: Rows["y"]}} make @returns {Rows} */
export function rowsWhenAsked(rows, make) {
  /** @type {{x: Rows["x"], y: Rows["y"]}|null} */
  let made = null;
  const all = () => (made ??= make());
  return {
    rows,
    get x() {
      return all().x;
    },
    get y() {
      return all().y;
    },
  };
}

/** The layers of a network of these sizes, and how many parameters it has. @param {number[]} sizes */
function layersOf(sizes) {
  /** @type {Layer[]} */
  const layers = [];
  let count = 0;
  for (let k = 1; k < sizes.length; k++) {
    const inputs = sizes[k - 1],
      outputs = sizes[k];
    layers.push({ inputs, outputs, w: count, b: count + inputs * outputs });
    count += (inputs + 1) * outputs;
  }
  return { layers, count };
}

/** out = W a + b. @param {Layer} layer @param {Float64Array} theta @param {Float64Array} a @param {Float64Array} out */
function affine({ inputs, outputs, w, b }, theta, a, out) {
  for (let j = 0, at = w; j < outputs; j++) {
    let sum = theta[b + j];
    for (let i = 0; i < inputs; i++) sum += theta[at++] * a[i];
    out[j] = sum;
  }
}

/** out += W a. @param {Layer} layer @param {Float64Array} theta @param {Float64Array} a @param {Float64Array} out */
function addProduct({ inputs, outputs, w }, theta, a, out) {
  for (let j = 0, at = w; j < outputs; j++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += theta[at++] * a[i];
    out[j] += sum;
  }
}

/** out = W' d. @param {Layer} layer @param {Float64Array} theta @param {Float64Array} d @param {Float64Array} out */
function back({ inputs, outputs, w }, theta, d, out) {
  out.fill(0);
  for (let j = 0, at = w; j < outputs; j++) {
    const dj = d[j];
    for (let i = 0; i < inputs; i++) out[i] += theta[at++] * dj;
  }
}

/** The matrix's share of a gradient, d a', is added. @param {Layer} layer @param {Float64Array} grad @param {Float64Array} d @param {Float64Array} a */
function addOuter({ inputs, outputs, w }, grad, d, a) {
  for (let j = 0, at = w; j < outputs; j++) {
    const dj = d[j];
    for (let i = 0; i < inputs; i++) grad[at++] += dj * a[i];
  }
}

/** The bias's share. @param {Layer} layer @param {Float64Array} grad @param {Float64Array} d */
function addBias({ outputs, b }, grad, d) {
  for (let j = 0; j < outputs; j++) grad[b + j] += d[j];
}

/** Outputs become shares that sum to 1; returns the logarithm of what they were divided by. @param {Float64Array} z */
export function softmax(z) {
  let top = -Infinity,
    sum = 0;
  for (const v of z) top = Math.max(top, v);
  for (let j = 0; j < z.length; j++) sum += z[j] = Math.exp(z[j] - top);
  for (let j = 0; j < z.length; j++) z[j] /= sum;
  return Math.log(sum) + top;
}

/**
 * A network of these sizes, inputs first. Its methods reuse their room: what they return or fill is the caller's.
 * @param {number[]} sizes
 * @param {"squared"|"cross-entropy"} [loss]
 */
export function network(sizes, loss = "squared") {
  const { layers, count } = layersOf(sizes),
    last = layers.length - 1,
    classes = loss === "cross-entropy",
    draw = drawNoise(count, 1),
    room = () => sizes.map((size) => new Float64Array(size));
  /** Of one row: activations, their slopes along a direction, and what goes back of both. */
  const a = room(),
    slope = room(),
    d = room(),
    e = room(),
    raw = room();

  /** Fill the activations of one row. @param {Float64Array} theta @param {Rows} data @param {number} row */
  function forward(theta, { x }, row) {
    const [inputs] = sizes;
    for (let i = 0, at = row * inputs; i < inputs; i++) a[0][i] = x[at++];
    for (let k = 0; k <= last; k++) {
      affine(layers[k], theta, a[k], a[k + 1]);
      if (k < last) for (let j = 0; j < a[k + 1].length; j++) a[k + 1][j] = Math.tanh(a[k + 1][j]);
    }
  }
  /** The loss of that row; its slope in the outputs goes into the last of `d`, divided by the number of rows. @param {Rows} data @param {number} row @param {number} n */
  function residual({ y }, row, n) {
    const z = a[last + 1],
      out = d[last + 1];
    let found = 0;
    if (classes) {
      const right = z[y[row]];
      found = softmax(z) - right;
      for (let j = 0; j < z.length; j++) out[j] = (z[j] - (j === y[row] ? 1 : 0)) / n;
    } else
      for (let j = 0, at = row * z.length; j < z.length; j++) {
        const gap = z[j] - y[at++];
        found += (gap * gap) / 2;
        out[j] = gap / n;
      }
    return found;
  }

  /**
   * The loss on all rows, or on `which`; its gradient goes into `grad`.
   * @param {Float64Array} theta @param {Rows} data @param {Float64Array} grad @param {ArrayLike<number>} [which]
   */
  function lossAndGradient(theta, data, grad, which) {
    const n = which?.length ?? data.rows;
    let sum = 0;
    grad.fill(0);
    for (let at = 0; at < n; at++) {
      const row = which ? which[at] : at;
      forward(theta, data, row);
      sum += residual(data, row, n);
      for (let k = last; k >= 0; k--) {
        addOuter(layers[k], grad, d[k + 1], a[k]);
        addBias(layers[k], grad, d[k + 1]);
        if (k === 0) break;
        back(layers[k], theta, d[k + 1], d[k]);
        for (let i = 0; i < d[k].length; i++) d[k][i] *= 1 - a[k][i] * a[k][i];
      }
    }
    return sum / n;
  }

  /** The loss on all rows. @param {Float64Array} theta @param {Rows} data */
  function lossOf(theta, data) {
    let sum = 0;
    for (let row = 0; row < data.rows; row++) {
      forward(theta, data, row);
      sum += residual(data, row, data.rows);
    }
    return sum / data.rows;
  }

  /** The slopes of all activations along v, of the row whose activations stand in `a`; what follows from them for the outputs' slope. @param {Float64Array} theta @param {Float64Array} v @param {number} n */
  function alongside(theta, v, n) {
    for (let k = 0; k <= last; k++) {
      affine(layers[k], v, a[k], slope[k + 1]);
      if (k > 0) addProduct(layers[k], theta, slope[k], slope[k + 1]);
      if (k < last)
        for (let j = 0; j < slope[k + 1].length; j++) slope[k + 1][j] *= 1 - a[k + 1][j] * a[k + 1][j];
    }
    const s = slope[last + 1],
      p = a[last + 1], // shares by now, where the loss is cross-entropy
      out = e[last + 1];
    let mean = 0;
    if (classes) for (let j = 0; j < s.length; j++) mean += p[j] * s[j];
    for (let j = 0; j < s.length; j++) out[j] = (classes ? p[j] * (s[j] - mean) : s[j]) / n;
  }

  /**
   * The Hessian of the loss times v, exact, into `out`: Pearlmutter's way, for about the price of two gradients.
   * @param {Float64Array} theta @param {Float64Array} v @param {Rows} data @param {Float64Array} out
   */
  function hessianProduct(theta, v, data, out) {
    const n = data.rows;
    out.fill(0);
    for (let row = 0; row < n; row++) {
      forward(theta, data, row);
      residual(data, row, n);
      alongside(theta, v, n);
      for (let k = last; k >= 0; k--) {
        addOuter(layers[k], out, e[k + 1], a[k]);
        addBias(layers[k], out, e[k + 1]);
        if (k === 0) break;
        addOuter(layers[k], out, d[k + 1], slope[k]);
        back(layers[k], theta, d[k + 1], raw[k]);
        back(layers[k], theta, e[k + 1], e[k]);
        const { inputs, outputs, w } = layers[k];
        for (let j = 0, at = w; j < outputs; j++)
          for (let i = 0; i < inputs; i++) e[k][i] += v[at++] * d[k + 1][j];
        for (let i = 0; i < inputs; i++) {
          const curve = 1 - a[k][i] * a[k][i];
          e[k][i] = e[k][i] * curve - 2 * raw[k][i] * a[k][i] * slope[k][i];
          d[k][i] = raw[k][i] * curve;
        }
      }
    }
  }

  return {
    sizes,
    count,
    loss: lossOf,
    lossAndGradient,
    hessianProduct,
    /** Parameters to begin with, the same as Python's, bit for bit. @param {number} seed */
    start(seed) {
      const draws = drawNoise(count, seed),
        theta = new Float64Array(count);
      for (const { inputs, w, b } of layers)
        for (let at = w; at < b; at++) theta[at] = draws[at] / Math.sqrt(inputs);
      return theta;
    },
    /** What the network answers to one row of inputs, before any softmax. @param {Float64Array} theta @param {Float64Array} x @returns {Float64Array} */
    outputs(theta, x) {
      forward(theta, { x, y: x, rows: 1 }, 0);
      return a[last + 1].slice();
    },
    /** The activations of the layers of the row that was last asked for, inputs first. */
    activations: () => a,
    /**
     * The largest eigenvalue of the Hessian, and its unit eigenvector. From one fixed draw each time: from the eigenvector of
     * some steps before it would miss an eigenvalue that has overtaken, for that vector is an eigenvector still.
     * @param {Float64Array} theta @param {Rows} data @param {number} [tol]
     */
    sharpness: (theta, data, tol = 1e-6) =>
      largestEigenvalue((v, out) => hessianProduct(theta, v, data, out), draw, tol),
  };
}

/**
 * Which rows each step takes, the same as Python's: each epoch has a fresh order, and the rows left over at its end are passed
 * over. steps * size row numbers, step after step.
 * @param {number} rows @param {number} size @param {number} steps @param {number} seed
 */
export function batches(rows, size, steps, seed) {
  const whole = Math.floor(rows / size),
    epochs = Math.ceil(steps / whole),
    draws = drawNoise(rows * epochs, seed),
    out = new Int32Array(steps * size);
  for (let epoch = 0, at = 0; epoch < epochs; epoch++) {
    const part = draws.subarray(rows * epoch, rows * (epoch + 1)),
      order = Array.from(part, (_, k) => k).sort((a, b) => part[a] - part[b]); // stable, as NumPy's is asked to be
    for (let k = 0; k < whole * size && at < out.length; k++) out[at++] = order[k];
  }
  return out;
}

/** The fifth Chebyshev polynomial. @param {number} x */
export const chebyshev5 = (x) => 16 * x ** 5 - 20 * x ** 3 + 5 * x;

/** That curve on evenly spaced places from -1 to 1, to be learnt. @param {number} [points] @returns {Rows & {y: Float64Array}} */
export function chebyshev(points = 20) {
  const x = Float64Array.from({ length: points }, (_, k) =>
    k === points - 1 ? 1 : -1 + k * (2 / (points - 1)),
  );
  return { x, y: x.map(chebyshev5), rows: points };
}

// ----------------------------------------------------------------------------------------------------- sharpness

/** @param {Float64Array} a @param {Float64Array} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** How many eigenvalues of a tridiagonal matrix lie above x: Sturm's count. @param {number[]} diagonal @param {number[]} beside @param {number} x */
function above(diagonal, beside, x) {
  let q = 1,
    found = 0;
  for (let k = 0; k < diagonal.length; k++) {
    q = diagonal[k] - x - (k > 0 ? beside[k - 1] ** 2 / q : 0);
    if (q === 0) q = 1e-300;
    if (q > 0) found++;
  }
  return found;
}

/**
 * The largest eigenvalue of a symmetric tridiagonal matrix, the largest size of any, and the eigenvector, scaled to length 1.
 * @param {number[]} diagonal @param {number[]} beside
 */
function topOfTridiagonal(diagonal, beside) {
  const n = diagonal.length,
    wide = diagonal.map((v, k) => (k > 0 ? beside[k - 1] : 0) + (k < n - 1 ? beside[k] : 0));
  let low = Math.min(...diagonal.map((v, k) => v - wide[k])),
    high = Math.max(...diagonal.map((v, k) => v + wide[k]));
  const size = Math.max(Math.abs(low), Math.abs(high));
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (above(diagonal, beside, middle) > 0) low = middle;
    else high = middle;
  }
  // (T - value) s = 0, from the last row upwards: all of one sign, so that the answer points where Lanczos' start did.
  const s = new Array(n).fill(0);
  s[n - 1] = 1;
  for (let k = n - 1; k > 0; k--)
    s[k - 1] = ((high - diagonal[k]) * s[k] - (k < n - 1 ? beside[k] * s[k + 1] : 0)) / beside[k - 1];
  const length = Math.hypot(...s);
  return { value: high, size, vector: s.map((v) => v / length) };
}

/**
 * The largest eigenvalue of a symmetric matrix that one can only multiply by, and its unit eigenvector: Lanczos' method, as
 * momentum_lib/networks/sharpness.py has it. NaN where a product is not finite.
 * @param {(v: Float64Array, out: Float64Array) => void} product
 * @param {Float64Array} start a vector that is not zero
 * @param {number} [tol] of the residual, over the largest size of an eigenvalue
 */
export function largestEigenvalue(product, start, tol = 1e-6) {
  const n = start.length,
    length = Math.sqrt(dot(start, start)),
    basis = [start.map((v) => v / length)],
    diagonal = /** @type {number[]} */ ([]),
    beside = /** @type {number[]} */ ([]);
  while (true) {
    const q = basis[basis.length - 1],
      w = new Float64Array(n);
    product(q, w);
    const along = dot(q, w);
    if (!Number.isFinite(along)) return { value: NaN, vector: start };
    diagonal.push(along);
    for (let twice = 0; twice < 2; twice++)
      for (const b of basis) {
        const share = dot(b, w);
        for (let i = 0; i < n; i++) w[i] -= share * b[i];
      }
    const rest = Math.sqrt(dot(w, w)),
      { value, size, vector: s } = topOfTridiagonal(diagonal, beside);
    if (rest * Math.abs(s[s.length - 1]) <= tol * size || basis.length === n || rest <= 1e-14 * size) {
      const vector = new Float64Array(n);
      basis.forEach((b, k) => b.forEach((v, i) => (vector[i] += s[k] * v)));
      return { value, vector };
    }
    beside.push(rest);
    basis.push(w.map((v) => v / rest));
  }
}
