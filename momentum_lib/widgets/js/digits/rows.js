// The digits as the networks take them: over 16, less the mean picture of those that are learnt. Pure.

import { DIGITS } from "../generated/digits.js";
import { pixels } from "./ink.js";

const MEAN = (() => {
  const sum = new Float64Array(64);
  for (const text of DIGITS.learnt.x) pixels(text)?.forEach((v, i) => (sum[i] += v / 16));
  return sum.map((v) => v / DIGITS.learnt.x.length);
})();

/** One digit as the networks take it. @param {string} text 64 letters */
export const inputs = (text) => (pixels(text) ?? new Float64Array(64)).map((v, i) => v / 16 - MEAN[i]);

/** @param {{x: string[], y: string}} part @returns {import("../kit/network.js").Rows} */
function rowsOf({ x, y }) {
  const all = new Float64Array(64 * x.length);
  x.forEach((text, k) => all.set(inputs(text), 64 * k));
  return { x: all, y: Uint8Array.from(y, Number), rows: x.length };
}

export const LEARNT = rowsOf(DIGITS.learnt);
export const SHOWN = rowsOf(DIGITS.shown);
