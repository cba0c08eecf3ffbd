// The race's clock: a step and a fraction of the way to the next one; play, pause, seek.

import { reducedMotion } from "../kit/dom.js";

/** Under reduced motion the race shows stills, so many milliseconds and this part of the way apart. */
const STILL = { wait: 600, parts: 12 };

/**
 * @param {import("../race.js").RaceFigure} fig
 */
export function createTime(fig) {
  /** `gathered` grows from 0 to 1 while the race gathers speed; `mine` while the step changes by the clock's own hand. */
  const clock = { at: fig.get("step"), last: 0, gathered: 0, mine: false, cancel: () => {} };
  const ended = () => fig.get("step") >= fig.get("steps");
  /** Whether the whole of it was shown when it was last drawn. */
  const shown = { all: ended() };

  /** Show a step, from wherever it is asked. @param {number} step */
  function seek(step) {
    clock.at = step;
    clock.mine = true;
    fig.set({ step: Math.floor(step) });
    clock.mine = false;
    fig.redraw();
  }
  function pause() {
    if (fig.get("playing")) fig.set({ playing: false });
  }
  /** Whole paths: what one wants to see while dragging. */
  function rest() {
    pause();
    if (!ended()) seek(fig.get("steps"));
  }
  /** So many steps on; from the end back to the start. @param {number} by */
  function stepBy(by) {
    pause();
    seek(ended() && by > 0 ? 0 : Math.min(Math.max(fig.get("step") + by, 0), fig.get("steps")));
  }
  /** The next moment after `time`; null where there is nothing new to show yet. @param {number} time */
  function next(time) {
    const steps = fig.get("steps");
    if (reducedMotion())
      return time - clock.last < STILL.wait
        ? null
        : Math.min(steps, Math.floor(clock.at) + Math.ceil(steps / STILL.parts));
    const seconds = Math.min((time - clock.last) / 1000, 0.1);
    clock.gathered = Math.min(clock.gathered + seconds / 0.5, 1);
    return Math.min(steps, clock.at + seconds * fig.get("speed") * clock.gathered * (2 - clock.gathered));
  }
  /** @param {number} time */
  function tick(time) {
    if (!fig.get("playing")) return;
    const to = next(time);
    if (to !== null) {
      clock.last = time;
      seek(to);
      if (to >= fig.get("steps")) return fig.set({ playing: false });
    }
    clock.cancel = fig.life.frame(tick);
  }
  /** Begin or end playing, as the state now says. */
  function go() {
    clock.cancel();
    if (!fig.get("playing")) {
      clock.at = fig.get("step");
      fig.redraw();
      return;
    }
    if (ended()) seek(0);
    clock.gathered = 0;
    clock.last = performance.now();
    clock.cancel = fig.life.frame(tick);
  }
  fig.watch((names) => {
    if (names.includes("playing")) go();
    if (clock.mine) return;
    if (names.includes("step")) {
      clock.at = fig.get("step");
      pause();
    }
    if (names.includes("steps") && (fig.get("step") > fig.get("steps") || shown.all)) seek(fig.get("steps"));
  });

  return {
    at: () => clock.at,
    ended,
    seek,
    pause,
    rest,
    stepBy,
    go,
    toggle: () => fig.set({ playing: !fig.get("playing") }),
    /** From the start, moving; under reduced motion the whole of it at once. */
    replay() {
      if (reducedMotion()) return seek(fig.get("steps"));
      seek(0);
      fig.set({ playing: true });
    },
    /** Called by each drawing: the moment to show. `eased` is the way of the heads to the next step. */
    moment() {
      const { step, steps, speed, playing } = fig.snapshot();
      shown.all = ended();
      if (!playing && Math.floor(clock.at) !== step) clock.at = step;
      const head = Math.min(clock.at, steps),
        whole = Math.floor(head),
        part = head - whole,
        // Within a step the heads ease from point to point when it is slow enough to be seen; stills under reduced motion.
        calm = Math.min(Math.max((14 - speed) / 8, 0), 1),
        eased = reducedMotion() ? 0 : part + calm * (part * part * (3 - 2 * part) - part);
      return { head, whole, eased, resting: shown.all && !playing };
    },
  };
}
/** @typedef {ReturnType<typeof createTime>} Time */
/** @typedef {ReturnType<Time["moment"]>} Moment */
