// Bytes and counts in words, as momentum_lib/scale prints them. Pure.

import { show } from "./dom.js";

/** A number in the largest unit below it, three digits: 31.4 GB. @param {number} value @param {[number, string][]} units from the largest down */
function inUnits(value, units) {
  const three = Number(value.toPrecision(3)),
    [unit, word] = units.find(([least]) => three >= least) ?? units[units.length - 1];
  return `${Number((three / unit).toPrecision(6))}${word && ` ${word}`}`;
}

/** Bytes in words: 31.4 GB. @param {number} value */
export const size = (value) =>
  inUnits(value, [
    [1e15, "PB"],
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ]);

/** A count in words: 7.5 billion, 301. @param {number} value */
export const count = (value) =>
  inUnits(value, [
    [1e12, "trillion"],
    [1e9, "billion"],
    [1e6, "million"],
    [1e3, "thousand"],
    [1, ""],
  ]);

/** A count to three digits: 34 700, and in words where it is a million or more. @param {number} value */
export const grouped = (value) => {
  const three = Number(value.toPrecision(3));
  return three < 1e6 ? show(three) : count(three);
};

/** Three digits, as Python's %g prints them. @param {number} value */
export const threeDigits = (value) => String(Number(value.toPrecision(3)));
