// Sliders that several figures have alike.

import { QUANTITIES } from "../generated/look.js";

/** The momentum, spread out towards 1, with the usual values marked. */
export const MOMENTUM = {
  name: /** @type {const} */ ("beta"),
  label: QUANTITIES.beta.name,
  symbol: QUANTITIES.beta.symbol,
  look: "momentum",
  type: /** @type {const} */ ("near-one"),
  marks: () => [0.5, 0.9, 0.99].map((value) => ({ value, label: String(value) })),
};
