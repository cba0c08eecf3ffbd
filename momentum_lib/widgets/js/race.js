// The race: update rules side by side on one surface, each at its own best setting. Python side: momentum_lib/widgets/race.py

import { clamp, h, pythonFloat, reducedMotion } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { PLACED } from "./kit/handle.js";
import { onSpace } from "./kit/player.js";
import { choice, choices, flag, integer, number, point, table } from "./kit/state.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { createBoard } from "./race/board.js";
import { createLanes } from "./race/lanes.js";
import { addPanel } from "./race/panel.js";
import { createRuns, hasFloor, sentence } from "./race/runs.js";
import { BOUNDS, FIELDS, MOST, frameOf, settingOf } from "./race/setup.js";
import { createTime } from "./race/time.js";
import { createTuned } from "./race/tuned.js";

export const STATE = {
  surface: choice("ravine", FIELDS),
  rules: choices(["gradient_descent", "heavy_ball", "nesterov"], Object.keys(RULES), 1, MOST),
  settings: table({}, BOUNDS),
  start: point(SURFACES.ravine.start, [
    [-8, 8],
    [-6, 6],
  ]),
  steps: integer(100, 2, 2000),
  step: integer(100, 0, 2000),
  playing: flag(false),
  speed: number(15, 1, 200),
  compact: flag(false),
  tuned: flag(true),
};
/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RaceFigure */
/** @typedef {import("./race/runs.js").Racer} Racer */
/** @typedef {import("./race/time.js").Time} Time */
/** @typedef {ReturnType<typeof addPictures>} Pictures */

/** The same in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = (state) => ({
  surface: { kind: "library", name: state.surface, params: {} },
  rules: state.rules.map((rule) => ({
    rule,
    hyper: state.tuned && !(rule in state.settings) ? {} : settingOf(state, rule),
  })),
  picked: 0,
  fair: state.tuned ? "best" : "same",
  starts: [state.start],
  steps: Math.min(state.steps, 1000),
});

/** @param {State} state */
function python(state) {
  const row = (/** @type {string} */ rule) =>
    `    "${rule}": {${Object.entries(settingOf(state, rule))
      .map(([name, value]) => `"${name}": ${pythonFloat(value)}`)
      .join(", ")}},`;
  return `from momentum_lib import descend, rules, surfaces

settings = {
${state.rules.map(row).join("\n")}
}
paths = {
    name: descend(rules.get(name), surfaces.${state.surface}, start=[${state.start.map(pythonFloat).join(", ")}], steps=${state.steps}, **setting)
    for name, setting in settings.items()
}
for name, path in paths.items():
    print(path)
`;
}

/** The surface from above and, in the whole race, the loss against the step. @param {RaceFigure} fig */
function addPictures(fig) {
  const [x, y] = frameOf(fig.get("surface"));
  const plane = fig.plot({
    label:
      "The surface seen from above, and the paths of the rules. Space plays and pauses, the arrow keys step",
    x: { domain: x, hidden: true },
    y: { domain: y, hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  plane.box.classList.add("lf-course");
  plane.svg.setAttribute("tabindex", "0");
  const contours = plane.contours({ count: 11, cells: 150 }),
    minima = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4.5, layer: "back" });
  /** @type {import("./kit/types.js").Axis} */
  const loss = { type: "log", domain: [1e-10, 10], label: "loss f", count: 5 };
  const fall = fig.get("compact")
    ? null
    : fig.plot({
        label: "Loss against the step, one line a rule",
        x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
        y: loss,
        height: (width) => clamp(width * 0.95, 190, 320),
        margin: { top: 26, left: 46, right: 14 },
      });
  const now = fall?.line({ class: "lf-guide", layer: "back" });
  return { plane, contours, minima, loss, fall, now };
}

/** The surface, and the axes of the loss with the line that marks the step. @param {Pictures} pictures @param {State} state @param {import("./race/time.js").Moment} moment @param {[number, number]} levels */
function drawGround({ plane, contours, minima, loss, fall, now }, state, { head, resting }, levels) {
  const { surface, steps } = state,
    field = SURFACES[surface],
    [x, y] = frameOf(surface);
  plane.setDomain(x, y);
  contours.update((a, b) => field.value(a, b, field.params), surface);
  minima.update(field.minima.flat());
  if (!fall || !now) return;
  loss.type = hasFloor(surface) ? "log" : "linear";
  fall.setDomain([0, steps], levels);
  if (resting) now.clear();
  else now.update([head, levels[0], head, levels[1]]);
}

/** How far each key moves the race, in steps. @type {Record<string, number>} */
const KEYS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
  Home: -Infinity,
  End: Infinity,
};

/** Keys on the picture: step, begin, end. @param {RaceFigure} fig @param {SVGElement} svg @param {Time} time */
function listenToKeys(fig, svg, time) {
  onSpace(fig.life, fig.root, time.toggle);
  fig.life.on(fig.root, "keydown", (event) => {
    const by = KEYS[event.key];
    if (event.target !== svg || by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (by === Infinity) {
      time.pause();
      time.seek(fig.get("steps"));
    } else time.stepBy(by);
  });
}

/** Play, Step and the slider of the step, side by side below the picture. @param {RaceFigure} fig @param {Time} time */
function addTransport(fig, time) {
  const play = fig.button({ label: "Play", icon: "play", press: time.toggle });
  const forward = fig.button({ label: "Step", icon: "step", press: () => time.stepBy(1) });
  const scrub = fig.slider({
    name: "step",
    label: "step",
    range: () => [0, fig.get("steps")],
    words: (v) => `step ${v} of ${fig.get("steps")}`,
  });
  return { play, node: h("div", { class: "lf-transport" }, play.node, forward.node, scrub.node) };
}

/** The start lies in the picture, whatever an address or another surface says. @param {RaceFigure} fig */
function keepStartInside(fig) {
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = frameOf(fig.get("surface"));
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
  });
}

/** The front page's small race plays once when it is well in view, unless someone was there first. @param {RaceFigure} fig @param {Element} box @param {Time} time */
function playWhenSeen(fig, box, time) {
  const seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      if (time.ended() && !fig.get("playing")) fig.set({ playing: true });
    },
    { threshold: 0.6 },
  );
  seen.observe(box);
  fig.life.observe(seen);
  for (const type of ["pointerdown", "keydown"]) fig.life.on(fig.root, type, () => seen.disconnect());
}

/** Begin as the state says: moving, at rest, or waiting to be seen. @param {RaceFigure} fig @param {Element} box @param {Time} time */
function begin(fig, box, time) {
  if (fig.get("playing")) {
    if (reducedMotion()) fig.set({ playing: false });
    else time.go();
  } else if (fig.get("compact") && !reducedMotion() && typeof IntersectionObserver === "function")
    playWhenSeen(fig, box, time);
}

/** The title says whether the race is fair. @param {RaceFigure} fig @param {string} fair */
function entitle(fig, fair) {
  const title = `The race: ${fair}`,
    node = fig.root.querySelector(".lf-title");
  if (!node || node.textContent === title) return;
  node.textContent = title;
  fig.root.setAttribute("aria-label", title);
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "The race: every rule from the same start",
    python,
    playground,
  });
  const compact = fig.get("compact");
  fig.root.classList.add("lf-race");
  fig.root.classList.toggle("is-compact", compact);
  const pictures = addPictures(fig),
    { plane, fall } = pictures;
  keepStartInside(fig);
  const runs = createRuns(fig),
    lanes = createLanes(plane, fall, runs);
  for (const rule of fig.get("rules")) lanes.join(rule);

  const tuned = createTuned(fig, () => time.rest());
  fig.watch((names) => {
    if (names.includes("surface")) tuned.forget();
  });
  const time = createTime(fig);
  const startAt = (/** @type {number} */ x, /** @type {number} */ y) => {
    time.rest();
    fig.set({ start: [x, y] });
  };
  const handle = plane.handle({
    label: "Start of all paths",
    starts: true,
    bounds: () => frameOf(fig.get("surface")),
    set: startAt,
  });
  plane.onPick(startAt);
  fig.life.on(fig.root, PLACED, () => time.replay());

  // ---- controls
  const transport = addTransport(fig, time);
  listenToKeys(fig, plane.svg, time);
  const board = createBoard(fig, runs);
  const surfaceMenu = fig.select({
    name: "surface",
    label: "surface",
    options: FIELDS.map((name) => ({ value: name, label: SURFACES[name].title })),
    set: (surface) => {
      time.pause();
      fig.set({ surface, start: SURFACES[surface].start, settings: {} });
      if (compact) time.replay();
      else time.seek(fig.get("steps"));
    },
  });
  if (compact)
    fig.pictures.append(transport.node, h("div", { class: "lf-side" }, surfaceMenu.node, board.node));
  else {
    fig.pictures.append(transport.node);
    fig.root.querySelector(".lf-spoken")?.after(board.node);
    fig.toggle({
      label: "same rate for all",
      get: () => !fig.get("tuned"),
      set: (one) => {
        tuned.forget();
        fig.set({ tuned: !one, settings: {} });
      },
    });
    addPanel(fig, time.rest);
    fig.button({ label: "Tune from this start", icon: "target", press: tuned.tuneAll });
  }
  fig.onReset(() => time.seek(fig.get("step")));

  fig.draw(() => {
    runs.update();
    const state = fig.snapshot(),
      { surface, start, steps, rules, playing } = state,
      floor = hasFloor(surface),
      moment = time.moment();
    fig.root.classList.toggle("is-resting", moment.resting);
    drawGround(pictures, state, moment, runs.levels());
    handle.update(start[0], start[1]);
    transport.play.name(playing ? "Pause" : "Play", playing ? "pause" : "play");
    lanes.update(rules, steps, moment, floor);
    board.update(rules, moment.whole, floor);
    entitle(fig, tuned.words());
    const named = rules.map((rule) => /** @type {[string, Racer]} */ ([rule, runs.of(rule)]));
    fig.speak(`${sentence(named, floor)} Shown: step ${moment.whole} of ${steps}.`);
  });

  fig.numbers(() => {
    const { surface, rules, step } = fig.snapshot();
    return {
      at: time.at(),
      resting: fig.root.classList.contains("is-resting"),
      frame: frameOf(surface),
      runs: Object.fromEntries(rules.map((rule) => [rule, numbersOf(runs.of(rule), step)])),
      board: board.texts(rules),
    };
  });
  const stop = fig.start();
  begin(fig, plane.box, time);
  return stop;
}

/** What a test asks of one run. @param {import("./race/runs.js").Racer} run @param {number} step */
const numbersOf = (run, step) => ({
  path: Array.from(run.points),
  values: Array.from(run.values),
  hyper: run.hyper,
  diverged_at: run.neverAt,
  leaves_at: run.leavesAt,
  steps_to: run.stepsTo,
  loss: run.values[Math.min(step, run.n)],
});
