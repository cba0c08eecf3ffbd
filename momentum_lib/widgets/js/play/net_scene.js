// A scene whose surface is a network's loss: the trainings go on a little in every frame, and so does the picture of the loss in
// the plane of their paths.

import { framed } from "../kit/geometry.js";
import { NETS, advance, begin, drawOf, isDone, netOf, noiseOf } from "./net.js";
import { boxAround, createSlice, placeIn, planeOf, shareOf, weightsAt } from "./plane.js";

/** @typedef {import("../kit/types.js").Box} Box */
/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {import("../kit/types.js").Surface} Surface */
/** @typedef {import("./net.js").Training} Training */
/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").PlayState} PlayState */

/** Milliseconds of a frame for the trainings (more of the first, so that there is a path), and for the loss in the plane. */
const LEARNING = 14,
  OPENING = 90,
  MEASURING = 8;
/** Trainings that are kept. */
const KEPT = 40;

/** The part of a training before its loss is far above the first: what lies beyond is not shown. @param {Training} run @param {number} steps */
function shownPart({ points, values }, steps) {
  let n = 0;
  while (n + 1 < values.length && n < steps && values[n + 1] <= 3 * values[0]) n++;
  return points.slice(0, n + 1);
}

/** Whether so many milliseconds have gone by. @param {number} span @returns {() => boolean} */
function budget(span) {
  const end = performance.now() + span;
  return () => performance.now() > end;
}

/**
 * Trainings and planes, kept from frame to frame.
 * @param {{again?: () => void, held?: () => boolean}} [page] `again` is called while something is not done; `held`: whether
 *   something is being dragged, so that the plane stays where it is
 */
export function createNetScenes({ again = () => {}, held = () => false } = {}) {
  /** @type {Map<string, Training>} */
  const trainings = new Map();
  /** Where the network is seen from, and the loss there. */
  const kept = {
    of: "",
    plane: /** @type {Plane|null} */ (null),
    box: /** @type {Box} */ ([]),
    paths: "",
    slice: /** @type {ReturnType<typeof createSlice>|null} */ (null),
    sliced: "",
    turn: 0,
  };
  const noises = { key: "", draws: new Float64Array(0) };
  /** Each training as it was seen last, and from which plane. @type {WeakMap<Training, {turn: number, run: import("../kit/types.js").Run}>} */
  const views = new WeakMap();
  /** A training as a run of the plane: projected anew where it has gone on, or the plane has turned. @param {Training} run @param {number} steps */
  function seenFrom(run, steps) {
    const before = views.get(run),
      n = Math.min(run.points.length - 1, steps);
    if (before?.turn === kept.turn && before.run.n === n && before.run.divergedAt === goneBy(run, steps))
      return before.run;
    const made = asRun(run, /** @type {Plane} */ (kept.plane), steps);
    views.set(run, { turn: kept.turn, run: made });
    return made;
  }

  /** @param {string} name @param {PlayState} state */
  function noise(name, { noise: spread, steps, seed }) {
    if (!(spread > 0)) return null;
    const key = `${name} ${steps} ${seed}`;
    if (key !== noises.key) Object.assign(noises, { key, draws: noiseOf(name, steps, seed) });
    return { spread, draws: noises.draws };
  }
  /** The training of a rule from each start, as far as it is. @param {string} name @param {PlayState} state @param {Rule} rule @param {Hyper} hyper */
  function trained(name, state, rule, hyper) {
    return state.starts.map((start) => {
      const draw = drawOf(start),
        noisy = state.noise > 0 ? `${state.noise} ${state.seed} ${state.steps}` : "",
        key = JSON.stringify([name, rule.name, hyper, draw, noisy]),
        run = trainings.get(key) ?? begin(name, rule, hyper, draw, noise(name, state));
      trainings.delete(key);
      trainings.set(key, run); // the latest last
      for (const old of trainings.keys()) {
        if (trainings.size <= KEPT) break;
        trainings.delete(old);
      }
      return run;
    });
  }
  /** All of them some steps further, each its part of the time; whether all are done. @param {Training[]} runs @param {number} steps @param {number} span of time, in milliseconds */
  function learn(runs, steps, span) {
    const over = budget(span),
      rest = () => runs.filter((run) => !isDone(run, steps));
    let left = rest();
    while (left.length && !over()) {
      for (const run of left) advance(run, run.t + 1);
      left = rest();
    }
    return left.length === 0;
  }
  /** Lay the plane through the paths. @param {string} name @param {Training[]} runs @param {number} steps @param {string} paths */
  function lay(name, runs, steps, paths) {
    const parts = runs.map((run) => shownPart(run, steps)),
      plane = planeOf(parts, kept.of === name ? kept.plane : null);
    const places = parts.map((part) => part.flatMap((theta) => placeIn(plane, theta)));
    Object.assign(kept, { of: name, plane, box: boxAround(places), paths, turn: kept.turn + 1 });
  }
  /** The loss in the plane, as a surface; a little finer with every call. @param {string} name @param {Box} box @param {boolean} whole */
  function slice(name, box, whole) {
    const plane = /** @type {Plane} */ (kept.plane),
      what = `${name} ${kept.turn} ${box}`;
    if (what !== kept.sliced || !kept.slice) {
      const net = netOf(name),
        { data } = NETS[name];
      kept.slice = createSlice((x, y) => net.loss(weightsAt(plane, x, y), data), box);
      kept.sliced = what;
    }
    const of = kept.slice,
      over = budget(MEASURING),
      done = of.advance(() => !whole && of.level() > 0 && over());
    return { done, value: of.value, key: `${what} ${of.level()}` };
  }

  return {
    trained,
    /**
     * What a picture shows: the loss in the plane, and the paths as seen there.
     * @param {string} name
     * @param {PlayState} state
     * @param {Training[][]} all of each rule, one a start
     * @param {number} shape of the picture, width over height
     * @param {boolean} [whole] all of it now, however long that takes
     */
    seen(name, state, all, shape, whole = false) {
      const runs = all.flat(),
        opened = kept.of !== name || kept.plane === null,
        ready = learn(runs, state.steps, whole ? Infinity : opened ? OPENING : LEARNING);
      const paths = [
        ...runs.map((run) => `${run.rule.name} ${JSON.stringify(run.hyper)}`),
        state.starts,
        state.steps,
      ].join();
      if ((ready && paths !== kept.paths && !held()) || opened)
        lay(name, runs, state.steps, ready ? paths : "");
      const plane = /** @type {Plane} */ (kept.plane),
        box = framed(kept.box, shape),
        { done, value, key } = slice(name, box, whole);
      if (!ready || !done || paths !== kept.paths) again();
      return {
        box,
        key,
        done: ready && done,
        surface: surfaceOf(name, box, value),
        runs: all.map((some) => some.map((run) => seenFrom(run, state.steps))),
        share: (/** @type {Training} */ run) => shareOf(plane, run.points.slice(0, state.steps + 1)),
      };
    },
  };
}

/** The step, of so many, that left the finite world; 0 where none did. @param {Training} run @param {number} steps */
const goneBy = ({ gone }, steps) => (gone <= steps ? gone : 0);

/** A training as a run of the plane: its places there, and its own losses. @param {Training} run @param {Plane} plane @param {number} steps @returns {import("../kit/types.js").Run} */
function asRun(run, plane, steps) {
  const { points, values } = run;
  const n = Math.min(points.length - 1, steps);
  return {
    points: Float64Array.from(points.slice(0, n + 1).flatMap((theta) => placeIn(plane, theta))),
    values: Float64Array.from(values.slice(0, n + 1)),
    state: {},
    gradients: null,
    divergedAt: goneBy(run, steps),
    n,
  };
}

/** @param {string} name @param {Box} box @param {(x: number, y: number) => number} value @returns {Surface} */
const surfaceOf = (name, box, value) => ({
  name: `network ${name}`,
  title: NETS[name].title,
  dim: 2,
  params: {},
  domain: box,
  start: [0, 0],
  minima: [],
  latex: "",
  template: { value: { lines: [], answer: ["0"] }, gradient: { lines: [], answer: ["0", "0"] } },
  value,
  gradient: () => [NaN, NaN],
});
