// The race: update rules side by side on one surface, each at its own best setting. Python side: momentum_lib/widgets/race.py

import { clamp, h, pythonFloat, reducedMotion, s, show } from "./kit/dom.js";
import { descend, relativeError, stepsTo } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { LOOK, QUANTITIES } from "./generated/look.js";
import { LEFT_OUT, RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { memberDash } from "./kit/members.js";
import { marksData } from "./kit/plot.js";
import { choice, choices, flag, integer, number, point, same, table } from "./kit/state.js";
import { BUDGET, TOLERANCES, bestOf, memory, tune } from "./kit/tune.js";

/** The surfaces of the plane. */
export const FIELDS = Object.keys(SURFACES).filter((name) => SURFACES[name].dim === 2);
const MOST = 6;

/** What each rule's numbers may be: all its hyper-parameters. */
const BOUNDS = Object.fromEntries(
  Object.values(RULES).map((rule) => [
    rule.name,
    Object.fromEntries(
      Object.keys(rule.hyper).map((name) => [
        name,
        name === "lr" ? [1e-6, 100] : name === "eps" ? [0, 1] : name === "dampening" ? [0, 1] : [0, 0.9999],
      ]),
    ),
  ]),
);

export const STATE = {
  surface: choice("ravine", FIELDS),
  rules: choices(["gradient_descent", "heavy_ball", "nesterov"], Object.keys(RULES), 1, MOST),
  settings: table({}, /** @type {any} */ (BOUNDS)),
  start: point(/** @type {any} */ (SURFACES.ravine.start), [
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

const TOLERANCE = TOLERANCES[0];
const RATIO = 1.5;
const SHORT = /** @type {Record<string, string>} */ ({
  nesterov: "Nesterov",
  polyak: "Heavy ball (two-point)",
  nesterov_torch: "Nesterov (PyTorch)",
});
const nameOf = (/** @type {string} */ rule) => SHORT[rule] ?? RULES[rule].title;
const FIRST = ["gradient_descent", "heavy_ball", "nesterov", "averaged_momentum", "adam"];

/** The picture's box: the surface's domain, widened on its shorter side to one shape, so that changing the surface moves nothing. @param {string} name */
export function frameOf(name) {
  const [[x0, x1], [y0, y1]] = /** @type {[[number, number], [number, number]]} */ (SURFACES[name].domain);
  const more = RATIO * (y1 - y0) - (x1 - x0);
  return /** @type {[[number, number], [number, number]]} */ (
    more > 0
      ? [
          [x0 - more / 2, x1 + more / 2],
          [y0, y1],
        ]
      : [
          [x0, x1],
          [y0 + more / RATIO / 2, y1 - more / RATIO / 2],
        ]
  );
}

/** The rate that all rules share while "same rate for all" is on: a fifth of gradient descent's best. @param {string} surface */
export const sharedRate = (surface) =>
  Number((bestOf(surface, "gradient_descent").lr / (SURFACES[surface].minima.length ? 5 : 1)).toPrecision(3));

/** The setting with which a rule runs. @param {{surface: string, tuned: boolean, settings: Record<string, Record<string, number>>}} state @param {string} rule */
export function settingOf({ surface, tuned, settings }, rule) {
  return {
    .../** @type {Record<string, number>} */ (RULES[rule].hyper),
    ...(tuned ? bestOf(surface, rule) : { lr: sharedRate(surface) }),
    ...settings[rule],
  };
}

/** Dash pattern and fill that tell members of one family apart; its best-known member wears the plain look. @param {string} rule */
export function memberLook(rule) {
  const { family } = RULES[rule],
    look = LOOK[family],
    plain = look.lead ?? Object.values(RULES).find((r) => r.family === family)?.name;
  return {
    family,
    dash: memberDash(rule),
    hollow: rule !== plain,
    shape: { dot: "disc", none: "disc" }[look.marker] ?? look.marker,
  };
}

/** @param {{model: import("./figure.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "The race: every rule from the same start, each at its own best setting",
    python: (state) => {
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
    },
  });
  const compact = fig.get("compact");
  fig.root.classList.add("lf-race");
  fig.root.classList.toggle("is-compact", compact);

  // ---- pictures
  const plane = fig.plot({
    label:
      "The surface seen from above, and the paths of the rules. Space plays and pauses, the arrow keys step",
    x: { domain: frameOf(fig.get("surface"))[0], hidden: true },
    y: { domain: frameOf(fig.get("surface"))[1], hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  plane.box.classList.add("lf-course");
  const contours = plane.contours({ count: 11, cells: 150 });
  const minima = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4.5, layer: "back" });

  const yAxis = /** @type {import("./plot.js").Axis} */ ({
    type: "log",
    domain: [1e-10, 10],
    label: "loss f",
    count: 5,
  });
  const fall = compact
    ? null
    : fig.plot({
        label: "Loss against the step, one line a rule",
        x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
        y: yAxis,
        height: (width) => Math.max(190, Math.min(width * 0.95, 320)),
        margin: { top: 26, left: 46, right: 14 },
      });
  const now = fall?.line({ class: "lf-guide", layer: "back" });

  /** What is drawn of one rule, made when it first joins. @type {Map<string, any>} */
  const lanes = new Map();
  /** @param {string} rule */
  function laneOf(rule) {
    const known = lanes.get(rule);
    if (known) return known;
    const { family, dash, hollow, shape } = memberLook(rule);
    const dressed = (/** @type {{node: SVGElement}} */ part) => {
      if (dash) part.node.style.strokeDasharray = dash;
      return part;
    };
    const lane = {
      past: dressed(plane.line({ look: family, class: "lf-past" })),
      trail: dressed(plane.line({ look: family, class: "lf-trail" })),
      dots: plane.marks({ look: family, class: "lf-past", shape: "disc", radius: 1.9 }),
      head: plane.marks({
        look: family,
        class: hollow ? "lf-runner lf-hollow" : "lf-runner",
        shape,
        radius: 5.5,
        layer: "front",
      }),
      loss: fall ? dressed(fall.line({ look: family, class: "lf-loss" })) : null,
      lossHead: fall?.marks({
        look: family,
        class: hollow ? "lf-runner lf-hollow" : "lf-runner",
        shape,
        radius: 4,
        layer: "front",
      }),
      name: fall?.text({ look: family, class: "lf-direct" }),
    };
    lanes.set(rule, lane);
    return lane;
  }
  for (const rule of fig.get("rules")) laneOf(rule);

  const handle = plane.handle({
    label: "Start of all paths",
    bounds: () => frameOf(fig.get("surface")),
    set: (x, y) => {
      rest();
      fig.set({ start: [x, y] });
    },
    words: (x, y) => `x ${show(x)}, y ${show(y)}`,
  });
  plane.onPick((x, y) => {
    rest();
    fig.set({ start: [x, y] });
  });

  // ---- time: `at` is a step and a fraction of the way to the next one
  let at = fig.get("step"),
    last = 0,
    under = 0,
    mine = false,
    cancel = /** @type {(() => void)|null} */ (null);
  const ended = () => fig.get("step") >= fig.get("steps");
  /** Show a step, from wherever it is asked. @param {number} step */
  const seek = (step) => {
    at = step;
    mine = true;
    fig.set({ step: Math.floor(step) });
    mine = false;
    fig.redraw();
  };
  const pause = () => {
    if (fig.get("playing")) fig.set({ playing: false });
  };
  /** Stop and show whole paths: what one wants to see while dragging. */
  const rest = () => {
    pause();
    if (!ended()) seek(fig.get("steps"));
  };
  function tick(/** @type {number} */ time) {
    cancel = null;
    if (!fig.get("playing")) return;
    const steps = fig.get("steps"),
      quick = Math.min((time - last) / 1000, 0.1);
    if (reducedMotion()) {
      // stills instead of motion, a twelfth of the way apart
      if (time - last < 600) {
        cancel = fig.life.frame(tick);
        return;
      }
      at = Math.min(steps, Math.floor(at) + Math.ceil(steps / 12));
    } else {
      under = Math.min(under + quick / 0.5, 1); // the first half second gathers speed
      at = Math.min(steps, at + quick * fig.get("speed") * under * (2 - under));
    }
    last = time;
    seek(at);
    if (at >= steps) fig.set({ playing: false });
    else cancel = fig.life.frame(tick);
  }
  function go() {
    cancel?.();
    if (!fig.get("playing")) {
      at = fig.get("step");
      cancel = null;
      fig.redraw();
      return;
    }
    if (ended()) seek(0);
    under = 0;
    last = performance.now();
    cancel = fig.life.frame(tick);
  }
  /** The start lies in the picture, whatever an address or another surface says. */
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = frameOf(fig.get("surface"));
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
    if (names.includes("surface")) tunedFor = { start: SURFACES[fig.get("surface")].start, settings: {} };
    if (names.includes("playing")) go();
    if (names.includes("step") && !mine) {
      at = fig.get("step");
      pause();
    }
    if (names.includes("steps") && !mine) {
      const steps = fig.get("steps");
      if (fig.get("step") > steps || settled) seek(steps);
    }
  });
  let settled = ended();

  // ---- controls
  const play = fig.button({
    label: "Play",
    icon: "play",
    press: () => fig.set({ playing: !fig.get("playing") }),
  });
  const forward = fig.button({ label: "Step", icon: "step", press: () => stepBy(1) });
  const stepBy = (/** @type {number} */ by) => {
    pause();
    seek(ended() && by > 0 ? 0 : Math.min(Math.max(fig.get("step") + by, 0), fig.get("steps")));
  };
  const scrub = fig.slider({
    name: "step",
    label: "step",
    range: () => [0, fig.get("steps")],
    words: (v) => `step ${v} of ${fig.get("steps")}`,
  });
  const transport = h("div", { class: "lf-transport" }, play.node, forward.node, scrub.node);

  fig.life.on(fig.root, "keydown", (event) => {
    const plain = !(event.ctrlKey || event.metaKey || event.altKey);
    if (
      event.key === " " &&
      plain &&
      !event.target.closest("button, summary, select, textarea, input:not([type=range])")
    ) {
      event.preventDefault();
      fig.set({ playing: !fig.get("playing") });
    } else if (event.target === plane.svg && plain) {
      const to = {
        ArrowRight: 1,
        ArrowUp: 1,
        ArrowLeft: -1,
        ArrowDown: -1,
        PageUp: 10,
        PageDown: -10,
        Home: -Infinity,
        End: Infinity,
      }[/** @type {string} */ (event.key)];
      if (to === undefined) return;
      event.preventDefault();
      if (to === Infinity) {
        pause();
        seek(fig.get("steps"));
      } else stepBy(to);
    }
  });
  plane.svg.setAttribute("tabindex", "0");

  const results = h("tbody"),
    lossTitle = h("th", { scope: "col" });
  const board = h(
    "table",
    { class: "lf-board" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col", text: "rule" }),
        h("th", { scope: "col", class: "lf-wide-only", text: "learning rate η" }),
        h("th", { scope: "col", class: "lf-wide-only", text: "momentum β" }),
        lossTitle,
        h("th", { scope: "col", text: "" }),
      ),
    ),
    results,
  );
  const lastTitle = /** @type {HTMLElement} */ (board.querySelector("th:last-child"));

  const surfaceMenu = fig.select({
    name: "surface",
    label: "surface",
    options: FIELDS.map((name) => ({ value: name, label: SURFACES[name].title })),
    set: (surface) => {
      pause();
      fig.set({ surface, start: SURFACES[surface].start, settings: {} });
      if (compact) replay();
      else seek(fig.get("steps"));
    },
  });
  const replay = () => {
    if (reducedMotion()) seek(fig.get("steps"));
    else {
      seek(0);
      fig.set({ playing: true });
    }
  };

  /** Let a rule in or out. @param {string} rule */
  function invite(rule) {
    const rules = fig.get("rules"),
      out = rules.includes(rule),
      order = Object.keys(RULES);
    fig.say(
      out && rules.length === 1
        ? "One rule has to run."
        : !out && rules.length === MOST
          ? `${MOST} rules at most: take one out first.`
          : "",
    );
    fig.set({
      rules: out
        ? rules.filter((/** @type {string} */ r) => r !== rule)
        : [...rules, rule].slice(0, MOST).sort((a, b) => order.indexOf(a) - order.indexOf(b)),
    });
    fig.redraw();
  }
  /** One tick box a rule, with its look: it runs while it is ticked. @param {string} rule */
  function entry(rule) {
    const tick = h("input", { type: "checkbox" });
    const node = h(
      "label",
      { class: "lf-toggle lf-entry", "data-look": RULES[rule].family, "data-rule": rule },
      tick,
      swatch(rule),
      h("span", { text: nameOf(rule) }),
    );
    fig.life.on(tick, "change", () => invite(rule));
    const update = () => {
      tick.checked = fig.get("rules").includes(rule);
      node.classList.toggle("is-out", !tick.checked);
    };
    fig.draw(update);
    update();
    return node;
  }
  /** A short piece of the rule's line with its marker. @param {string} rule */
  function swatch(rule) {
    const { family, dash, hollow, shape } = memberLook(rule),
      mid = (/** @type {number} */ v) => v;
    const line = s("path", { class: "lf-line", "data-look": family, d: "M1,7H33" });
    if (dash) line.style.strokeDasharray = dash;
    return s(
      "svg",
      { class: "lf-swatch", viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" },
      line,
      s("path", {
        class: `lf-dots lf-runner${hollow ? " lf-hollow" : ""}`,
        "data-look": family,
        "data-shape": shape,
        d: marksData(
          [17, 7],
          mid,
          mid,
          [
            [0, 34],
            [0, 14],
          ],
          shape,
          4.2,
        ),
      }),
    );
  }
  if (compact) {
    const side = h("div", { class: "lf-side" }, surfaceMenu.node, board);
    fig.pictures.append(transport, side);
  } else {
    fig.pictures.append(transport);
    fig.pictures.after(board);
    fig.toggle({
      label: "same rate for all",
      get: () => !fig.get("tuned"),
      set: (one) => {
        tunedFor = { start: SURFACES[fig.get("surface")].start, settings: {} };
        fig.set({ tuned: !one, settings: {} });
      },
    });
    foldSettings();
    fig.button({ label: "Tune from this start", icon: "target", press: tuneAll });
  }
  fig.onReset(() => seek(fig.get("step")));

  /** The folded part: further rules, pace, and each running rule's rate and momentum. */
  function foldSettings() {
    fig.slider({ name: "steps", label: "steps", type: "log", fold: true });
    fig.slider({ name: "speed", label: "pace", unit: "steps a second", type: "log", fold: true });
    const fold = /** @type {HTMLElement} */ (fig.root.querySelector(".lf-more > .lf-controls"));
    const more = h("div", { class: "lf-row lf-entries", role: "group", "aria-label": "further rules" });
    for (const rule of Object.keys(RULES)) if (!FIRST.includes(rule)) more.append(entry(rule));
    const absent = Object.values(LEFT_OUT)
      .map(({ title, reason }) => `${title} is not among them: ${reason}.`)
      .join(" ");
    fold.append(
      h("div", { class: "lf-row lf-label", text: "further rules" }),
      more,
      h("p", { class: "lf-row lf-absent", text: absent }),
    );
    /** @type {Map<string, HTMLElement>} */
    const rows = new Map();
    const value = (/** @type {string} */ rule, /** @type {string} */ name) =>
      settingOf(fig.snapshot(), rule)[name];
    const put = (/** @type {string} */ rule, /** @type {string} */ name, /** @type {number} */ v) => {
      const settings = fig.get("settings");
      rest();
      fig.set({ settings: { ...settings, [rule]: { ...settings[rule], [name]: v } } });
    };
    fig.draw(() => {
      const running = fig.get("rules");
      for (const rule of running) {
        if (rows.has(rule)) continue;
        const row = h(
          "div",
          { class: "lf-row lf-setting", role: "group", "aria-label": nameOf(rule) },
          h(
            "span",
            { class: "lf-setting-name", "data-look": RULES[rule].family },
            swatch(rule),
            nameOf(rule),
          ),
        );
        const names = ["lr", memory(RULES[rule])].filter((name) => name !== undefined);
        for (const name of names) {
          const near = name !== "lr";
          const made = fig.slider({
            label: QUANTITIES[name].name,
            symbol: QUANTITIES[name].symbol,
            look: near ? RULES[rule].family : undefined,
            type: near ? "linear" : "log",
            bounds: /** @type {[number, number]} */ (/** @type {any} */ (BOUNDS)[rule][name]),
            range: near
              ? () => [0, 0.995]
              : () => {
                  const best = bestOf(fig.get("surface"), rule).lr;
                  return [best / 100, best * 4];
                },
            marks: near
              ? undefined
              : () =>
                  SURFACES[fig.get("surface")].minima.length
                    ? [
                        {
                          value: bestOf(fig.get("surface"), rule).lr,
                          label: "best",
                          side: /** @type {"end"} */ ("end"),
                        },
                      ]
                    : [],
            get: () => value(rule, name),
            set: (v) => put(rule, name, v),
            fold: true,
          });
          row.append(made.node);
        }
        rows.set(rule, row);
        fold.append(row);
      }
      for (const [rule, row] of rows) row.hidden = !running.includes(rule);
    });
  }

  /** Search each running rule's best setting from this start, one rule a frame so that the page stays alive. */
  function tuneAll() {
    const { surface, start, rules } = fig.snapshot();
    if (!SURFACES[surface].minima.length)
      return fig.say(
        "This surface has no minimum, so no setting is best on it: every rule runs at the same rate.",
      );
    const waiting = [...rules],
      found = /** @type {Record<string, any>} */ ({});
    fig.say("Tuning …");
    const next = () => {
      const rule = waiting.shift();
      if (!rule) {
        fig.say("Each rule now has the setting that needs the fewest steps from this start.");
        rest();
        tunedFor = { start, settings: found };
        return fig.set({ tuned: true, settings: found });
      }
      const best = tune(RULES[rule], SURFACES[surface], start);
      if (best) found[rule] = best;
      fig.life.frame(next);
    };
    fig.life.frame(() => fig.life.frame(next));
  }

  // ---- the runs
  let runs = /** @type {Record<string, any>} */ ({}),
    key = "",
    levels = /** @type {[number, number]} */ ([0, 1]);
  function compute() {
    const state = fig.snapshot(),
      { surface, start, steps, rules } = state;
    const settings = Object.fromEntries(
      rules.map((/** @type {string} */ rule) => [rule, settingOf(state, rule)]),
    );
    const what = JSON.stringify([surface, start, steps, settings]);
    if (what === key) return;
    key = what;
    const field = SURFACES[surface],
      frame = frameOf(surface);
    runs = {};
    for (const rule of rules) {
      const run = descend(RULES[rule], field, { start, steps, hyper: settings[rule] });
      const long = descend(RULES[rule], field, { start, steps: BUDGET, hyper: settings[rule] });
      let out = 0;
      while (out <= long.n && inFrame(long.points[2 * out], long.points[2 * out + 1], frame)) out++;
      runs[rule] = {
        ...run,
        hyper: settings[rule],
        neverAt: long.divergedAt || null,
        leavesAt: out <= long.n ? out : null,
        stepsTo:
          long.divergedAt || !field.minima.length
            ? null
            : stepsTo(relativeError(field, long.points), TOLERANCE),
      };
    }
    levels = lossRange(field.minima.length > 0, frame);
  }
  const inFrame = (
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {[[number, number], [number, number]]} */ [[a, b], [c, d]],
  ) => x >= a && x <= b && y >= c && y <= d;
  /** The loss axis: ten powers of ten from the start down, or the frame's own range where the loss has no floor. @param {boolean} floor @param {[[number, number], [number, number]]} frame @returns {[number, number]} */
  function lossRange(floor, [[x0, x1], [y0, y1]]) {
    const { surface, start } = fig.snapshot(),
      field = SURFACES[surface],
      f = (/** @type {number} */ x, /** @type {number} */ y) => field.value(x, y, field.params);
    const first = f(start[0], start[1]);
    if (floor) {
      const top = 10 ** Math.ceil(Math.log10(Math.max(first, 1e-6) * 1.5));
      return [top * 1e-10, top];
    }
    let low = first;
    for (let k = 0; k <= 20; k++)
      for (const [x, y] of [
        [x0 + ((x1 - x0) * k) / 20, y0],
        [x0 + ((x1 - x0) * k) / 20, y1],
        [x0, y0 + ((y1 - y0) * k) / 20],
        [x1, y0 + ((y1 - y0) * k) / 20],
      ])
        low = Math.min(low, f(x, y));
    return [low, first + 0.15 * (first - low)];
  }

  const outcome = (/** @type {any} */ run, /** @type {boolean} */ floor) =>
    run.neverAt && floor
      ? `diverged at step ${run.neverAt}`
      : !floor
        ? run.leavesAt === null
          ? "stays"
          : show(run.leavesAt)
        : run.stepsTo === null
          ? `over ${show(BUDGET)}`
          : show(run.stepsTo);

  /** For which start the settings are the best ones. */
  let tunedFor = {
    start: SURFACES[fig.get("surface")].start,
    settings: /** @type {Record<string, any>} */ ({}),
  };
  fig.draw(() => {
    const state = fig.snapshot(),
      { surface, start, steps, rules, playing, tuned, settings } = state,
      field = SURFACES[surface],
      floor = field.minima.length > 0;
    compute();
    settled = ended();
    if (!playing && Math.floor(at) !== state.step) at = state.step;
    const head = Math.min(at, steps),
      whole = Math.floor(head),
      frame = frameOf(surface),
      resting = settled && !playing;
    // Within a step the heads ease from point to point when it is slow enough to be seen; stills under reduced motion.
    const part = head - whole,
      calm = Math.min(Math.max((14 - state.speed) / 8, 0), 1),
      eased = reducedMotion() ? 0 : part + calm * (part * part * (3 - 2 * part) - part);
    fig.root.classList.toggle("is-resting", resting);
    plane.setDomain(...frame);
    contours.update((x, y) => field.value(x, y, field.params), surface);
    minima.update(field.minima.flat());
    handle.update(start[0], start[1]);
    play.name(playing ? "Pause" : "Play", playing ? "pause" : "play");

    if (fall) {
      yAxis.type = floor ? "log" : "linear";
      fall.setDomain([0, steps], levels);
      if (resting) now?.clear();
      else now?.update([head, levels[0], head, levels[1]]);
    }
    for (const [rule, lane] of lanes)
      if (!rules.includes(rule)) for (const part of Object.values(lane)) part?.clear();
    for (const rule of rules) {
      const lane = laneOf(rule),
        run = runs[rule],
        end = Math.min(whole, run.n);
      const tail = Math.max(0, end - 14),
        joined = withHead(run.points, end, run.n, eased);
      const size = joined.length / 2 - 1;
      lane.past.update(joined);
      lane.dots.update(run.points, end);
      if (resting) lane.trail.clear();
      else lane.trail.update(joined, size, tail);
      lane.head.update(joined, size, size);
      if (!fall) continue;
      const curve = new Float64Array(2 * size + 2);
      for (let k = 0; k <= size; k++) {
        curve[2 * k] = k;
        curve[2 * k + 1] = k <= end ? run.values[k] : 0;
      }
      if (size > end) {
        curve[2 * size] = end + eased;
        const a = run.values[end],
          b = run.values[end + 1];
        curve[2 * size + 1] = floor && a > 0 && b > 0 ? a * (b / a) ** eased : a + eased * (b - a);
      }
      lane.loss.update(curve);
      lane.lossHead.update(curve, size, size);
    }
    if (fall) nameLines(rules, steps);
    standings(rules, whole, floor);

    const fair = !floor
      ? "one rate for all, for where there is no minimum no setting is best"
      : !tuned
        ? "one learning rate for all, which is unfair"
        : rules.every((/** @type {string} */ rule) =>
              same([start, settings[rule]], [tunedFor.start, tunedFor.settings[rule]]),
            )
          ? "every rule at its own best setting"
          : Object.keys(settings).some((rule) => rules.includes(rule))
            ? "the settings are yours"
            : "each rule tuned for another start";
    const title = `The race: ${fair}`;
    const node = /** @type {HTMLElement} */ (fig.root.querySelector(".lf-title"));
    if (node.textContent !== title) {
      node.textContent = title;
      fig.root.setAttribute("aria-label", title);
    }
    if (!playing)
      fig.speak(
        `Step ${whole} of ${steps}. ` +
          rules
            .map(
              (/** @type {string} */ rule) =>
                `${nameOf(rule)}: ${floor ? (runs[rule].neverAt ? "" : "") : ""}${spoken(runs[rule], floor)}`,
            )
            .join("; ") +
          ".",
      );
  });
  const spoken = (/** @type {any} */ run, /** @type {boolean} */ floor) =>
    floor
      ? run.neverAt
        ? `diverged at step ${run.neverAt}`
        : `${outcome(run, floor)} steps to one millionth of the distance`
      : run.leavesAt === null
        ? "stays in the picture"
        : `leaves the picture at step ${run.leavesAt}`;

  /** Points up to step `end`, and the head on its way to the next. @param {Float64Array} points @param {number} end @param {number} n @param {number} part */
  function withHead(points, end, n, part) {
    if (end >= n || part <= 0) return points.subarray(0, 2 * end + 2);
    const joined = new Float64Array(2 * end + 4);
    joined.set(points.subarray(0, 2 * end + 2));
    for (const i of [0, 1])
      joined[2 * end + 2 + i] = points[2 * end + i] + part * (points[2 * end + 2 + i] - points[2 * end + i]);
    return joined;
  }

  /** Each line's name beside it, at heights of their own: the fastest lowest. @param {string[]} rules @param {number} steps */
  function nameLines(rules, steps) {
    const plot = /** @type {import("./plot.js").Plot} */ (fall),
      { left, right, top, bottom } = plot.inner;
    const order = rules.slice().sort((a, b) => (runs[a].stepsTo ?? Infinity) - (runs[b].stepsTo ?? Infinity));
    /** Where a run is first and last at a level, in pixels; null where it does not fall so low. @param {string} rule @param {number} level */
    const meets = (rule, level) => {
      const { values, n } = runs[rule];
      let first = 0,
        final = n;
      while (first <= n && values[first] > level) first++;
      while (final > first && values[final] <= level) final--;
      return first <= n ? [plot.x(first), plot.x(Math.max(final, first))] : null;
    };
    order.forEach((rule, k) => {
      const label = laneOf(rule).name,
        text = nameOf(rule),
        wide = text.length * 6.6 + 10;
      const level = plot.y.invert(bottom - ((k + 0.7) / (order.length + 0.6)) * (bottom - top)),
        own = meets(rule, level);
      const others = rules
        .filter((other) => other !== rule)
        .map((other) => meets(other, level))
        .filter((other) => other !== null);
      const free = (/** @type {number} */ from, /** @type {number} */ to) =>
        from >= left && to <= right && !others.some(([first, final]) => final > from && first < to);
      const side = !own
        ? 0
        : free(own[0] - wide, own[0])
          ? -1
          : free(own[1], own[1] + wide)
            ? 1
            : own[1] + wide < right
              ? 1
              : 0;
      if (own && side) {
        label.node.setAttribute("text-anchor", side < 0 ? "end" : "start");
        label.update(plot.x.invert(own[side < 0 ? 0 : 1]), level, text, 7 * side, 4);
      } else {
        // it never gets so low, or there is no room beside it: at its end, above
        const spot = Math.round(Math.min(runs[rule].n, steps * 0.97)),
          y = Math.min(Math.max(plot.y(runs[rule].values[spot]), top + 12), bottom - 8);
        label.node.setAttribute("text-anchor", "end");
        label.update(spot, plot.y.invert(y), text, 0, -7);
      }
    });
  }

  let boardKey = "";
  /** @type {Map<string, HTMLElement>} */
  const rowOf = new Map();
  /** The board: who runs, with what, the loss now, the outcome. @param {string[]} rules @param {number} step @param {boolean} floor */
  function standings(rules, step, floor) {
    const listed = Object.keys(RULES).filter((rule) => FIRST.includes(rule) || rules.includes(rule));
    const rows = listed.map((rule) => {
      const run = rules.includes(rule) ? runs[rule] : null,
        beta = memory(RULES[rule]);
      if (!run) return [rule, "", "", "", ""];
      return [
        rule,
        show(run.hyper.lr),
        beta ? show(run.hyper[beta]) : "–",
        run.n < step && floor ? "–" : show(run.values[Math.min(step, run.n)], 2),
        outcome(run, floor),
      ];
    });
    const what = JSON.stringify([rows, floor, step]);
    if (what === boardKey) return;
    boardKey = what;
    lossTitle.textContent = compact ? "loss" : `loss at step ${step}`;
    lastTitle.textContent = floor ? `steps to ${show(TOLERANCE)}` : "leaves at step";
    for (const [rule, ...texts] of rows) {
      let row = rowOf.get(rule);
      if (!row)
        rowOf.set(
          rule,
          (row = h(
            "tr",
            { "data-rule": rule },
            h("th", { scope: "row" }, entry(rule)),
            h("td", { class: "lf-wide-only" }),
            h("td", { class: "lf-wide-only" }),
            h("td"),
            h("td"),
          )),
        );
      texts.forEach((text, i) => {
        const cell = /** @type {HTMLElement} */ (row).children[i + 1];
        if (cell.textContent !== text) cell.textContent = text;
      });
    }
    const wanted = listed.map((rule) => /** @type {HTMLElement} */ (rowOf.get(rule)));
    if (wanted.length !== results.children.length || wanted.some((row, k) => results.children[k] !== row))
      results.replaceChildren(...wanted);
  }

  fig.numbers(() => {
    const { surface, rules, step } = fig.snapshot();
    return {
      at,
      resting: fig.root.classList.contains("is-resting"),
      frame: frameOf(surface),
      runs: Object.fromEntries(
        rules.map((/** @type {string} */ rule) => [
          rule,
          {
            path: Array.from(runs[rule].points),
            values: Array.from(runs[rule].values),
            hyper: runs[rule].hyper,
            diverged_at: runs[rule].neverAt,
            leaves_at: runs[rule].leavesAt,
            steps_to: runs[rule].stepsTo,
            loss: runs[rule].values[Math.min(step, runs[rule].n)],
          },
        ]),
      ),
      board: [...results.children]
        .filter((row) => rules.includes(row.dataset.rule))
        .map((row) => [...row.children].map((cell) => cell.textContent)),
    };
  });
  const stop = fig.start();
  if (fig.get("playing")) {
    if (reducedMotion()) fig.set({ playing: false });
    else go();
  } else if (compact && !reducedMotion() && typeof IntersectionObserver === "function") {
    // The front page: once, when it is well in view, unless someone was there first.
    const seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        if (ended() && !fig.get("playing")) fig.set({ playing: true });
      },
      { threshold: 0.6 },
    );
    seen.observe(plane.box);
    fig.life.observe(seen);
    for (const type of ["pointerdown", "keydown"]) fig.life.on(fig.root, type, () => seen.disconnect());
  }
  return stop;
}
