// Sliders that several figures have alike.

import { QUANTITIES } from "../generated/look.js";

/** The learning rate, by equal factors. */
export const LEARNING_RATE = {
  name: /** @type {const} */ ("lr"),
  label: QUANTITIES.lr.name,
  symbol: QUANTITIES.lr.symbol,
  type: /** @type {const} */ ("log"),
};

/** The momentum, spread out towards 1, with the usual values marked. */
export const MOMENTUM = {
  name: /** @type {const} */ ("beta"),
  label: QUANTITIES.beta.name,
  symbol: QUANTITIES.beta.symbol,
  look: "momentum",
  type: /** @type {const} */ ("near-one"),
  marks: () => [0.5, 0.9, 0.99].map((value) => ({ value, label: String(value) })),
};

/** The momentum of a training at scale, to six digits. */
export const MOMENTUM_AT_SCALE = {
  ...MOMENTUM,
  digits: 6,
  range: () => /** @type {[number, number]} */ ([0.1, 0.99999]),
  marks: () => [0.9, 0.99, 0.999].map((value) => ({ value, label: String(value) })),
};
