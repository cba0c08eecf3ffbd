// Work that takes longer than a frame: a piece of it after each frame's drawing, so that a redraw and a hand's move stay quick.

const PIECE = 8; // milliseconds

/** Call in a task of its own, before whatever else waits. @param {() => void} callback */
export function next(callback) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}

/**
 * Steps that follow one another, each in a task of its own, so that none is long.
 * @param {{alive: boolean}} life
 * @param {(() => void)[]} steps
 * @returns {() => void} takes those that are left at once
 */
export function inTasks(life, steps) {
  const left = steps.slice();
  const one = () => {
    if (!life.alive) return;
    left.shift()?.();
    if (left.length) next(one);
  };
  if (left.length) next(one);
  return () => {
    while (life.alive && left.length) left.shift()?.();
  };
}

/**
 * @param {import("./dom.js").Life} life
 * @param {(over: () => boolean) => boolean} work goes on until `over()`, and says whether anything is left
 * @returns {() => void} begins; called again while something is left it does nothing
 */
export function inPieces(life, work) {
  let busy = false;
  function go() {
    next(() => {
      if (!life.alive) return;
      const until = performance.now() + PIECE;
      busy = work(() => performance.now() > until);
      if (busy) life.frame(go);
    });
  }
  return () => {
    if (busy) return;
    busy = true;
    go();
  };
}
