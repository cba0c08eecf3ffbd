// The digits as the networks take them: over 16, less the mean picture of those that are learnt. Pure.

import { DIGITS } from "../generated/digits.js";
import { rowsWhenAsked } from "./network.js";

export const LETTERS = "0123456789abcdefg"; // the seventeen grey values of a pixel

/** The grey values 0 ... 16 of a text of 64 letters; null for another text. @param {string} text @returns {Float64Array|null} */
export function pixels(text) {
  if (!/^[0-9a-g]{64}$/.test(text)) return null;
  return Float64Array.from(text, (letter) => LETTERS.indexOf(letter));
}

/** @type {Float64Array|null} */
let mean = null;
/** The mean picture of those that are learnt; made when it is first asked for, as the rows are. */
function meanPicture() {
  if (mean) return mean;
  const sum = new Float64Array(64);
  for (const text of DIGITS.learnt.x) pixels(text)?.forEach((v, i) => (sum[i] += v / 16));
  return (mean = sum.map((v) => v / DIGITS.learnt.x.length));
}

/** One digit as the networks take it. @param {string} text 64 letters */
export function inputs(text) {
  const less = meanPicture();
  return (pixels(text) ?? new Float64Array(64)).map((v, i) => v / 16 - less[i]);
}

/** @param {{x: string[], y: string}} part */
const rowsOf = ({ x, y }) =>
  rowsWhenAsked(x.length, () => {
    const all = new Float64Array(64 * x.length);
    x.forEach((text, k) => all.set(inputs(text), 64 * k));
    return { x: all, y: Uint8Array.from(y, Number) };
  });

export const LEARNT = rowsOf(DIGITS.learnt);
export const SHOWN = rowsOf(DIGITS.shown);
