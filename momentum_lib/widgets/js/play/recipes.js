// Twelve famous pictures, each a state that opens with one tap; its thumbnail lives: it runs when it is reached.

import { h, onTheme, reducedMotion } from "../kit/dom.js";
import { FIRST } from "../kit/playground.js";
import { createPainter } from "./painter.js";
import { createScenes } from "./scene.js";

/** @typedef {import("./types.js").PlayState} PlayState */

const hyper = (/** @type {number} */ lr, /** @type {number} */ beta = NaN) =>
  /** @type {import("../kit/types.js").Hyper} */ (Number.isNaN(beta) ? { lr } : { lr, beta });
const plain = (/** @type {number} */ lr) => ({ rule: "gradient_descent", hyper: hyper(lr) });
const ball = (/** @type {number} */ lr, /** @type {number} */ beta, rule = "heavy_ball") => ({
  rule,
  hyper: hyper(lr, beta),
});
const on = (/** @type {string} */ name, /** @type {import("../kit/types.js").Params} */ params = {}) => ({
  kind: /** @type {const} */ ("library"),
  name,
  params,
});
const ravine = (/** @type {number} */ angle = 0.3, kappa = 25) => on("ravine", { kappa, angle });

/** In the order in which the page lists them. @type {Record<string, Partial<PlayState>>} */
const RECIPES = {
  ravine: { surface: ravine(), rules: [plain(0.0765)], starts: [[-2.7, -0.2]], steps: 40, picked: 0 },
  glide: { surface: ravine(), rules: [plain(0.0769), ball(0.0769, 0.52)], starts: [[-2.7, 0.1]], steps: 20 },
  overshoot: { surface: ravine(), rules: [plain(0.02), ball(0.02, 0.97)], starts: [[-2.6, -0.5]], steps: 90 },
  damping: {
    surface: on("bowl"),
    rules: [ball(0.1, 0.1), ball(0.1, 0.47), ball(0.1, 0.9)],
    starts: [[-2.5, 1.2]],
    steps: 60,
    view: "curves",
  },
  saddle: { surface: on("saddle"), rules: [plain(0.06), ball(0.06, 0.9)], starts: [[-1.6, 0.01]], steps: 60 },
  plateau: {
    surface: on("plateau"),
    rules: [plain(0.3), ball(0.3, 0.5), { rule: "adam", hyper: { lr: 0.15, beta1: 0.9 } }],
    steps: 120,
  },
  cycle: { surface: on("lessard"), rules: [ball(1 / 9, 4 / 9)], starts: [[3.3, 1.2]], steps: 60, picked: 0 },
  nesterov: {
    surface: ravine(0.3, 60),
    rules: [ball(0.016, 0.9), ball(0.016, 0.9, "nesterov")],
    starts: [[-2.6, 0.1]],
    steps: 40,
  },
  adam: {
    surface: ravine(0, 60),
    rules: [plain(0.03), { rule: "adam", hyper: { lr: 0.15, beta1: 0.7 } }],
    starts: [[-2.5, 1.5]],
    steps: 60,
  },
  noise: {
    surface: on("bowl"),
    rules: [plain(0.05), ball(0.05, 0.9)],
    starts: [[-2.2, 1.3]],
    steps: 300,
    noise: 1.5,
  },
  edge: { surface: ravine(), rules: [plain(0.084), ball(0.084, 0.5)], starts: [[-2.7, -0.7]], steps: 60 },
  rotation: {
    surface: ravine(0.785, 60),
    rules: [plain(0.03), { rule: "adam", hyper: { lr: 0.15, beta1: 0.7 } }],
    starts: [[-2.2, -0.4]],
    steps: 90,
  },
};

/** The whole state of a recipe. @param {string} name @returns {PlayState} */
export function recipe(name) {
  const { starts, ...rest } = RECIPES[name];
  const { surface } = createScenes(NOTHING)({ ...FIRST, ...rest, starts: [[0, 0]], steps: 1 }, 1.5);
  return { ...FIRST, ...rest, starts: starts ?? [/** @type {[number, number]} */ (surface.start)] };
}
const NOTHING = { found: () => undefined, latest: () => undefined };

const WIDE = 264,
  HIGH = 168;

/** A small living picture of a state. @param {import("../kit/dom.js").Life} life @param {PlayState} state */
function thumbnail(life, state) {
  const node = h("canvas", {
      class: "pg-thumb lf-relief",
      width: 2 * WIDE,
      height: 2 * HIGH,
      "aria-hidden": "true",
    }),
    scene = createScenes(NOTHING)({ ...state, view: "map" }, WIDE / HIGH),
    { paint: draw, last, forget } = createPainter(node, scene);
  let cancel = () => {};
  /** Run once, in two seconds. */
  function run() {
    cancel();
    if (reducedMotion()) return draw(last());
    const began = performance.now();
    const next = (/** @type {number} */ now) => {
      const part = Math.min(Math.max(now - began, 0) / 2200, 1);
      draw(part * last());
      if (part < 1) cancel = life.frame(next);
    };
    cancel = life.frame(next);
  }
  onTheme(life, () => {
    forget();
    draw(last());
  });
  return { node, run };
}

/** Call what belongs to an element once, when most of it is seen; at once where that cannot be observed. @param {import("../kit/dom.js").Life} life */
function whenSeen(life) {
  if (typeof IntersectionObserver !== "function")
    return (/** @type {Element} */ _, /** @type {() => void} */ run) => run();
  /** @type {Map<Element, () => void>} */
  const waiting = new Map();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          observer.unobserve(target);
          waiting.get(target)?.();
        }
    },
    { threshold: 0.6 },
  );
  life.observe(observer);
  return (/** @type {Element} */ node, /** @type {() => void} */ run) => {
    waiting.set(node, run);
    observer.observe(node);
  };
}

/**
 * Give each entry of the page's list of recipes its living picture, which opens it.
 * @param {import("../kit/dom.js").Life} life
 * @param {Element} list one entry a recipe, in the order of RECIPES
 * @param {(state: PlayState) => void} open
 */
export function enlivenRecipes(life, list, open) {
  list.classList.add("pg-recipes");
  const seen = whenSeen(life);
  [...list.children].forEach((entry, k) => {
    const name = Object.keys(RECIPES)[k];
    if (!name) return;
    const title = entry.querySelector("strong")?.textContent?.replace(/\.$/, "") ?? name,
      button = h("button", { type: "button", class: "pg-recipe", "aria-label": `Open: ${title}` });
    entry.prepend(button);
    let made = /** @type {ReturnType<typeof thumbnail>|null} */ (null);
    const run = () => {
      if (!made) button.append((made = thumbnail(life, recipe(name))).node);
      made.run();
    };
    seen(button, run);
    life.on(button, "pointerenter", run);
    life.on(button, "focus", run);
    life.on(button, "click", () => open(recipe(name)));
  });
}
