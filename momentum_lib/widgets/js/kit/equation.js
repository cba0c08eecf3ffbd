// A line of a rule, as codegen prints it in plain text, with each symbol in the colour of its meaning.

import { h } from "./dom.js";
import { QUANTITIES } from "../generated/look.js";

/** Symbol -> look, for the quantities that have a colour. */
const COLOURED = Object.fromEntries(
  ["beta", "beta1", "beta2", "v", "m", "m_hat", "s", "s_hat", "grad"].map((name) => [
    QUANTITIES[name].symbol,
    QUANTITIES[name].look,
  ]),
);
const SYMBOLS = Object.keys(COLOURED)
  .sort((a, b) => b.length - a.length)
  .join("|");
/** A symbol that stands alone: no letter before it, no letter, accent or bracket after it. */
const PARTS = new RegExp(`(?<![\\p{L}])(${SYMBOLS})(?![\\p{L}\\p{M}(](?<!ᵗ))`, "u");

/** @param {string} line */
export const equation = (line) =>
  h(
    "span",
    { class: "lf-equation" },
    ...line
      .split(PARTS)
      .map((part) =>
        COLOURED[part] ? h("i", { class: "lf-symbol", "data-look": COLOURED[part], text: part }) : part,
      ),
  );
