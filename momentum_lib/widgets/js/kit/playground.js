// The way from a figure to the playground, with the state at hand; and what such an address holds.

import { h } from "./dom.js";

/** @typedef {import("../play/types.js").PlayState} PlayState */

/** The state with which the page opens. @type {PlayState} */
export const FIRST = {
  view: "map",
  surface: { kind: "library", name: "ravine", params: { kappa: 25, angle: 0.3 } },
  rules: [
    { rule: "gradient_descent", hyper: {} },
    { rule: "heavy_ball", hyper: {} },
    { rule: "adam", hyper: {} },
  ],
  picked: 1,
  fair: "best",
  starts: [[-2.7, -0.2]],
  steps: 60,
  noise: 0,
  seed: 1,
};

export const VERSION = "1";

/** Seven digits are more than anybody sees. @param {string} _ @param {unknown} value */
const short = (_, value) => (typeof value === "number" ? Number(value.toPrecision(7)) : value);

/** @param {PlayState} state @returns {string} without the "#" */
export function toHash(state) {
  const told = Object.fromEntries(
    Object.entries(state).filter(
      ([name, value]) =>
        JSON.stringify(value) !== JSON.stringify(FIRST[/** @type {keyof PlayState} */ (name)]),
    ),
  );
  return `play=${VERSION}.${encodeURIComponent(JSON.stringify(told, short))}`;
}

/** The address of the playground with that state; null where the page knows none: in the header of the site it stands, in a notebook not. @param {Partial<PlayState>} state */
export function playgroundAddress(state) {
  const page = /** @type {HTMLAnchorElement|null} */ (document.querySelector("a.tool.play"));
  return page && `${page.href.split("#")[0]}#${toHash({ ...FIRST, ...state })}`;
}

/**
 * A link to the playground among the buttons that carry a figure away, where the page has one.
 * @param {import("./controls.js").Desk} desk
 * @param {() => Partial<PlayState>} state what the figure shows now
 */
export function addPlaygroundLink({ share, store }, state) {
  if (!playgroundAddress({})) return;
  const link = h("a", {
    class: "lf-button lf-quiet lf-to-playground",
    text: "Playground",
    title: "Open this in the playground",
  });
  share.prepend(link);
  store.draw(() => {
    link.href = playgroundAddress(state());
  });
}
