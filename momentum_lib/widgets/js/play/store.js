// The playground's one state: what every view shows and every control changes; drawn once for any number of changes.

/** @typedef {import("./types.js").PlayState} PlayState */

/**
 * @param {PlayState} initial
 * @param {import("../kit/dom.js").Life} life
 */
export function createStore(initial, life) {
  let state = initial;
  /** @type {(() => void)[]} */
  const drawers = [];
  /** @type {((changed: (keyof PlayState)[]) => void)[]} */
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
    /** The whole state; nobody changes it in place. */
    state: () => state,
    /** @template {keyof PlayState} K @param {K} name */
    get: (name) => state[name],
    snapshot: () => state,
    /** @param {Partial<PlayState>} changes */
    set(changes) {
      state = { ...state, ...changes };
      const names = /** @type {(keyof PlayState)[]} */ (Object.keys(changes));
      for (const watch of watchers) watch(names);
      redraw();
    },
    watch: (/** @type {(changed: (keyof PlayState)[]) => void} */ callback) => {
      watchers.push(callback);
    },
    draw: (/** @type {() => void} */ callback) => {
      drawers.push(callback);
    },
    redraw,
    flush,
    begin() {
      now.ready = true;
      flush();
    },
  };
}
/** @typedef {ReturnType<typeof createStore>} PlayStore */
