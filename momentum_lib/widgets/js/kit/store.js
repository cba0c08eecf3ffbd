// The state of one figure: read from the model, clamped, watched; drawn once for any number of changes.

import { clampValue, same } from "./state.js";

/** @typedef {import("./types.js").Specs} Specs */

/**
 * @template {Specs} S
 * @typedef {object} Store
 * @property {<K extends keyof S & string>(name: K) => S[K]["initial"]} get one value now, clamped
 * @property {() => import("./types.js").Values<S>} snapshot the whole state now
 * @property {(values: import("./types.js").Changes<S> | import("./types.js").Values<S>) => void} set clamp, save (to Python where there is one), draw
 * @property {(callback: (changed: string[]) => void) => void} watch hear the changed names at once, before the drawing
 * @property {(callback: () => void) => void} draw what to do whenever something changed
 * @property {() => void} redraw draw before the next frame; asking twice draws once
 * @property {() => void} flush draw now, if anything changed since the last time
 * @property {() => void} begin until then nothing is drawn
 */

/**
 * Who hears of a change and who draws after it: once a frame, for any number of changes, and not before `begin`.
 * @template {string} N the names that may change
 * @param {import("./dom.js").Life} life
 */
export function createPainter(life) {
  /** @type {(() => void)[]} */
  const drawers = [];
  /** @type {((changed: N[]) => void)[]} */
  const watchers = [];
  const now = { dirty: true, waiting: false, ready: false };

  function flush() {
    if (!now.dirty || !life.alive || !now.ready) return;
    now.dirty = false;
    for (const draw of drawers) draw();
  }
  function redraw() {
    now.dirty = true;
    if (now.waiting || !now.ready) return;
    now.waiting = true;
    life.frame(() => {
      now.waiting = false;
      flush();
    });
  }
  return {
    /** Hear the changed names at once, before the drawing. @param {(changed: N[]) => void} callback */
    watch: (callback) => {
      watchers.push(callback);
    },
    /** What to do whenever something changed. @param {() => void} callback */
    draw: (callback) => {
      drawers.push(callback);
    },
    /** Say what changed, and draw before the next frame. @param {N[]} names */
    tell(names) {
      for (const watch of watchers) watch(names);
      redraw();
    },
    redraw,
    flush,
    begin() {
      now.ready = true;
      flush();
    },
  };
}

/**
 * @template {Specs} S
 * @param {import("./types.js").Model} model
 * @param {S} specs
 * @param {import("./dom.js").Life} life
 * @returns {Store<S>}
 */
export function createStore(model, specs, life) {
  const names = Object.keys(specs);
  const read = (/** @type {string} */ name) => clampValue(specs[name], model.get(name));
  const painter = createPainter(life);
  for (const name of names) {
    const heard = () => {
      painter.tell([name]);
    };
    model.on(`change:${name}`, heard);
    life.onEnd(() => model.off(`change:${name}`, heard));
  }
  return {
    get: read,
    snapshot: () => /** @type {any} */ (Object.fromEntries(names.map((name) => [name, read(name)]))),
    set(values) {
      let any = false;
      for (const [name, value] of Object.entries(values)) {
        if (!(name in specs))
          throw new TypeError(`this figure has no state named ${name}; it has ${names.join(", ")}`);
        const next = clampValue(specs[name], value, read(name));
        if (same(next, model.get(name))) continue;
        model.set(name, next);
        any = true;
      }
      if (any) model.save_changes();
    },
    watch: painter.watch,
    draw: painter.draw,
    redraw: painter.redraw,
    flush: painter.flush,
    begin: painter.begin,
  };
}
