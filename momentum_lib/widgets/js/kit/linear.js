// A linear rule on a quadratic as one small matrix, from the rule's own generated step. Python side: momentum_lib/theory/linear.py

import { RULES } from "../generated/rules.js";

/** @typedef {[number, number]} Complex real and imaginary part */

const REST = [0],
  UNIT = [1];

/**
 * The matrix that one step applies to (theta, state) where the gradient is curvature times the point looked at: the
 * rule's own step, fed with unit vectors. Row by row; at most one slot.
 * @param {string} name @param {number} curvature @param {{lr: number, beta: number}} hyper
 */
export function iterationMatrix(name, curvature, hyper) {
  const rule = RULES[name];
  const [a, [c]] = rule.step(1, curvature * rule.lookAt(1, REST, hyper), 2, REST, hyper);
  if (c === undefined) return [[a]];
  const [b, [d]] = rule.step(0, curvature * rule.lookAt(0, UNIT, hyper), 2, UNIT, hyper);
  return [
    [a, b],
    [c, d],
  ];
}

/** What a gradient of 1 adds to (theta, state). @param {string} name @param {{lr: number, beta: number}} hyper */
export function kick(name, hyper) {
  const [theta, state] = RULES[name].step(0, 1, 2, REST, hyper);
  return [theta, ...state];
}

/**
 * Eigenvalues of a 1 x 1 or 2 x 2 matrix in closed form, the larger modulus first; of a complex pair the upper one.
 * @param {number[][]} matrix
 * @returns {Complex[]}
 */
export function eigenvalues(matrix) {
  if (matrix.length === 1) return [[matrix[0][0], 0]];
  const [[a, b], [c, d]] = matrix,
    half = (a + d) / 2,
    gap = ((a - d) / 2) ** 2 + b * c,
    root = Math.sqrt(Math.abs(gap));
  if (gap < 0)
    return [
      [half, root],
      [half, -root],
    ];
  const far = half < 0 ? half - root : half + root;
  return [
    [far, 0],
    [2 * half - far, 0],
  ];
}

/** The larger modulus alone, without the roots: a map asks for many thousands. @param {number[][]} matrix */
export function radius([[a, b], row]) {
  if (row === undefined) return Math.abs(a);
  const [c, d] = row,
    half = (a + d) / 2,
    gap = ((a - d) / 2) ** 2 + b * c;
  return gap < 0 ? Math.sqrt(half * half - gap) : Math.abs(half) + Math.sqrt(gap);
}

/** @param {Complex} value */
export const modulus = ([x, y]) => Math.hypot(x, y);

/**
 * E[theta^2] after 0, 1, ... n steps from rest at the minimum under gradient noise of deviation sigma, exactly: with M the
 * matrix and k the kick, S' = M S M^T + sigma^2 k k^T. For a rule with one slot.
 * @param {string} name @param {number} curvature @param {number} sigma @param {{lr: number, beta: number}} hyper @param {number} n
 */
export function meanSquares(name, curvature, sigma, hyper, n) {
  const [[a, b], [c, d]] = iterationMatrix(name, curvature, hyper),
    [kx, kv] = kick(name, hyper),
    noise = sigma * sigma,
    out = new Float64Array(n + 1);
  let xx = 0,
    xv = 0,
    vv = 0;
  for (let t = 1; t <= n; t++) {
    [xx, xv, vv] = [
      a * a * xx + 2 * a * b * xv + b * b * vv + noise * kx * kx,
      a * c * xx + (a * d + b * c) * xv + b * d * vv + noise * kx * kv,
      c * c * xx + 2 * c * d * xv + d * d * vv + noise * kv * kv,
    ];
    out[t] = xx;
  }
  return out;
}
