// Each rule's own best setting, searched from where the ball now starts, and kept.

import { RULES } from "../generated/rules.js";
import { createSearcher } from "./fair.js";
import { drawOf } from "./net.js";
import { searchKey } from "./scene.js";

/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("./types.js").Scene} Scene */

/**
 * @param {import("../kit/dom.js").Life} life
 * @param {(done: number, of: number) => void} progress called as searches end; the last time with `done` = `of`
 */
export function createBest(life, progress) {
  /** @type {Map<string, Hyper>} */
  const found = new Map();
  /** The last setting of a rule on a surface, from wherever. @type {Map<string, Hyper>} */
  const latest = new Map();
  const searcher = createSearcher(life);
  let wait = () => {};

  /** Search what this scene's rules lack, beside the page. @param {Scene} scene */
  function search({ lanes, surface, params, place, state, net }) {
    wait();
    searcher.stop();
    const start = state.starts[0],
      all = [...lanes.map(({ rule }) => rule), RULES.gradient_descent],
      rules = all.filter((rule, k) => all.indexOf(rule) === k && !found.has(searchKey(rule, place, start)));
    let done = 0;
    if (!rules.length || !(net || surface.minima.length)) return;
    wait = life.after(120, () => {
      progress(0, rules.length);
      const work = {
        rules,
        surface,
        start,
        params,
        ground: state.surface,
        net: net && { net: net.name, draw: drawOf(start), steps: state.steps },
      };
      searcher.search(work, (rule, setting) => {
        if (setting) {
          found.set(searchKey(rule, place, start), setting);
          latest.set(`${rule.name}|${place}`, setting);
        }
        done += 1;
        progress(done, rules.length);
      });
    });
  }
  return {
    found: (/** @type {string} */ key) => found.get(key),
    latest: (/** @type {string} */ rule, /** @type {string} */ place) => latest.get(`${rule}|${place}`),
    search,
    /** Whether the page itself searches, since no worker does. */
    alone: searcher.alone,
  };
}
