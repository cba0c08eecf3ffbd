// What runs in the race, where, and with which numbers. Pure.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { framed } from "../kit/geometry.js";
import { bestOf } from "../kit/tune.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Hyper} Hyper */

/** The surfaces of the plane. */
export const FIELDS = Object.keys(SURFACES).filter((name) => SURFACES[name].dim === 2);

/** How many rules run at most. */
export const MOST = 6;

/** The rules that the board always lists. */
export const FIRST = ["gradient_descent", "heavy_ball", "nesterov", "averaged_momentum", "adam"];

/** What a hyper-parameter may be where it is not a share below one. @type {Record<string, Pair>} */
const WIDER = { lr: [1e-6, 100], eps: [0, 1], dampening: [0, 1] };

/** What each rule's numbers may be: all its hyper-parameters. @type {Record<string, Record<string, Pair>>} */
export const BOUNDS = Object.fromEntries(
  Object.values(RULES).map(({ name, hyper }) => [
    name,
    Object.fromEntries(Object.keys(hyper).map((key) => [key, WIDER[key] ?? [0, 0.9999]])),
  ]),
);

const RATIO = 1.5;

/** The picture's box: the surface's domain, widened on its shorter side to one shape, so that changing the surface moves nothing. @param {string} name @returns {Pair[]} */
export const frameOf = (name) => framed(SURFACES[name].domain, RATIO);

/** The rate that all rules share while "same rate for all" is on: a fifth of gradient descent's best. @param {string} surface */
export const sharedRate = (surface) =>
  Number((bestOf(surface, "gradient_descent").lr / (SURFACES[surface].minima.length ? 5 : 1)).toPrecision(3));

/** The setting with which a rule runs. @param {{surface: string, tuned: boolean, settings: Record<string, Hyper>}} state @param {string} rule */
export function settingOf({ surface, tuned, settings }, rule) {
  return {
    .../** @type {Hyper} */ (RULES[rule].hyper),
    ...(tuned ? bestOf(surface, rule) : { lr: sharedRate(surface) }),
    ...settings[rule],
  };
}
