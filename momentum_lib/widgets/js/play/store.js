// The playground's one state: what every view shows and every control changes; drawn once for any number of changes.

import { createPainter } from "../kit/store.js";

/** @typedef {import("./types.js").PlayState} PlayState */
/** @typedef {keyof PlayState & string} Name */

/**
 * @param {PlayState} initial
 * @param {import("../kit/dom.js").Life} life
 */
export function createStore(initial, life) {
  let state = initial;
  const painter = /** @type {ReturnType<typeof createPainter<Name>>} */ (createPainter(life));
  return {
    /** The whole state; nobody changes it in place. */
    state: () => state,
    /** @template {Name} K @param {K} name */
    get: (name) => state[name],
    snapshot: () => state,
    /** @param {Partial<PlayState>} changes */
    set(changes) {
      state = { ...state, ...changes };
      painter.tell(/** @type {Name[]} */ (Object.keys(changes)));
    },
    watch: painter.watch,
    draw: painter.draw,
    redraw: painter.redraw,
    flush: painter.flush,
    begin: painter.begin,
  };
}
/** @typedef {ReturnType<typeof createStore>} PlayStore */
