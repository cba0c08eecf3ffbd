// The playground: its frame, its controls, its views over one state.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { addSegments, addSlider } from "../kit/controls.js";
import { h, lifetime, reducedMotion, show } from "../kit/dom.js";
import { descend, relativeError, stepsTo } from "../kit/engine.js";
import { nameOf } from "../kit/looks.js";
import { createPlayer } from "../kit/player.js";
import { FIRST } from "../kit/playground.js";
import { LEARNING_RATE, MOMENTUM } from "../kit/sliders.js";
import { inTasks } from "../kit/work.js";
import { BUDGET, bestOf, memory } from "../kit/tune.js";
import { createBest } from "./best.js";
import { createChips } from "./chips.js";
import { createCarry } from "./carry.js";
import { createGroundMenu } from "./menu.js";
import { drawOf, mostSteps } from "./net.js";
import { rateRange } from "./rates.js";
import { GOAL, boundsOf, createScenes, searchKey } from "./scene.js";
import { inOrder, sentence } from "./sentence.js";
import { addRuleNumbers, addSurfaceNumbers } from "./numbers.js";
import { createStore } from "./store.js";
import { createTabs } from "./tabs.js";
import { OWN_RULE, createTyped } from "./typed.js";

/** @typedef {import("./types.js").PlayState} PlayState */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("../kit/types.js").Hyper} Hyper */

/** The elements of the playground. @param {boolean} embed */
function anatomy(embed) {
  const top = h("div", { class: "pg-top" }),
    stage = h("div", { class: "pg-stage" }),
    acts = h("div", { class: "pg-acts" }),
    sentenceNode = h("p", { class: "pg-sentence", "aria-hidden": "true" }),
    spoken = h("p", { class: "lf-spoken", "aria-live": "polite" }),
    note = h("p", { class: "pg-note", role: "status" }),
    dials = h("div", { class: "lf-controls pg-dials" }),
    chips = h("div", { class: "pg-rules" }),
    fair = h("div", { class: "lf-controls pg-fair" }),
    more = h("details", { class: "lf-more pg-more" }, h("summary", { text: "Steps, noise, numbers" })),
    moreControls = h("div", { class: "lf-controls" }),
    share = h(
      "div",
      { class: "pg-share" },
      h("a", { class: "pg-to-recipes", href: "#recipes", hidden: embed, text: "Recipes" }),
    ),
    side = h("div", { class: "pg-side" }, sentenceNode, spoken, dials, chips, fair, note, more),
    left = h("div", { class: "pg-left" }, stage, acts),
    root = h(
      "div",
      { class: embed ? "lf pg pg-embed" : "lf pg", role: "group", "aria-label": "Playground" },
      top,
      h("div", { class: "pg-body" }, left, side),
    );
  more.append(moreControls);
  return {
    root,
    left,
    top,
    stage,
    acts,
    sentenceNode,
    spoken,
    note,
    dials,
    chips,
    fair,
    more,
    moreControls,
    share,
  };
}

/** Say what the picture shows: seen at once, and heard when it has been still. @param {import("../kit/dom.js").Life} life @param {HTMLElement} seen @param {HTMLElement} heard */
function speaker(life, seen, heard) {
  let last = "",
    hush = () => {};
  return (/** @type {string} */ text) => {
    if (text === last) return;
    const first = last === "";
    last = seen.textContent = text;
    hush();
    if (first) heard.textContent = text;
    else
      hush = life.after(700, () => {
        heard.textContent = text;
      });
  };
}

/** The dial of memory and the learning rate, of the picked rule or of all. @param {import("../kit/controls.js").Desk} desk @param {() => Scene} scene @param {(lane: number, changes: Hyper) => void} turn */
function addDials(desk, scene, turn) {
  const lane = () => scene().picked;
  const name = () => lane().rule.momentum ?? memory(lane().rule) ?? "beta";
  const set =
    (/** @type {(lane: import("./types.js").Lane) => string|undefined} */ of) =>
    (/** @type {number} */ value) => {
      const { lanes, picked, state } = scene();
      for (const one of state.fair === "same" ? lanes : [picked]) {
        const key = of(one);
        if (key) turn(one.index, { [key]: value });
      }
    };
  const dial = addSlider(desk, {
    ...MOMENTUM,
    name: undefined,
    label: "memory",
    bounds: [0, 0.9999],
    range: () => [0, 0.99],
    marks: () => [0, 0.5, 0.9, 0.99].map((value) => ({ value, label: value ? String(value) : "none" })),
    get: () => lane().hyper[name()] ?? 0,
    set: set((one) => one.rule.momentum ?? memory(one.rule)),
    words: (v) => `memory ${show(v)}`,
  });
  const rate = addSlider(desk, {
    ...LEARNING_RATE,
    name: undefined,
    bounds: boundsOf("lr"),
    range: () => rateRange(scene()),
    get: () => lane().hyper.lr ?? 0.1,
    set: set(() => "lr"),
    words: (v) => `learning rate ${show(v)}`,
  });
  desk.store.draw(() => {
    const { picked } = scene(),
      has = memory(picked.rule) !== undefined || picked.rule.momentum !== null;
    for (const node of [dial.bar, dial.typed]) /** @type {HTMLInputElement} */ (node).disabled = !has;
    dial.node.classList.toggle("is-idle", !has);
    for (const node of [dial.node, rate.node]) node.setAttribute("data-look", picked.rule.family);
    dial.node.querySelector(".lf-symbol")?.setAttribute("data-look", picked.rule.family);
  });
}

/** The scene of the state now, made anew when the state or the picture's place has changed. @param {import("./store.js").PlayStore} store @param {HTMLElement} stage @param {ReturnType<typeof createBest>} best @param {() => boolean} held */
function sceneOf(store, stage, best, held) {
  const make = createScenes(best, { again: () => store.redraw(), held });
  let last = /** @type {Scene|null} */ (null);
  const room = () => {
    const { width, height } = stage.getBoundingClientRect();
    return { width: Math.max(width, 1), height: Math.max(height, 1) };
  };
  function refresh() {
    const { width, height } = room();
    last = make(store.state(), width / height);
    return last;
  }
  return { room, refresh, scene: () => (last?.state === store.state() ? last : refresh()) };
}

/** What the kit's controls need of the playground. @param {import("../kit/dom.js").Life} life @param {import("./store.js").PlayStore} store @param {ReturnType<typeof anatomy>} parts @param {(text: string) => void} say */
function deskOf(life, store, parts, say) {
  life.on(parts.more, "toggle", () => {
    if (parts.more.open) parts.more.scrollIntoView({ block: "nearest" }); // it unfolds below the panel's edge
  });
  return /** @type {import("../kit/controls.js").Desk & {root: HTMLElement}} */ (
    /** @type {unknown} */ ({
      life,
      specs: {},
      store,
      say,
      acts: parts.acts,
      share: parts.share,
      root: parts.root,
      place: (/** @type {boolean} */ fold, /** @type {HTMLElement} */ node) =>
        (fold ? parts.moreControls : parts.dials).append(node),
    })
  );
}

/** Search each rule's best setting when something changed that it hangs on, but not while something is dragged. @param {import("../kit/dom.js").Life} life @param {import("./store.js").PlayStore} store @param {ReturnType<typeof createBest>} best @param {HTMLElement} root @param {() => Scene} scene @param {{held: boolean}} hand */
function searchesOn(life, store, best, root, scene, hand) {
  const search = () => {
    const { fair, rules } = store.state();
    if (fair === "best" || rules.length > 1) best.search(scene());
  };
  holdWatch(life, root, hand, search);
  store.watch((names) => {
    const counts = ["surface", "rules", "fair", "starts", ...(scene().net ? ["steps"] : [])];
    if (!hand.held && names.some((name) => counts.includes(name))) life.frame(search);
  });
  return search;
}

/**
 * Start a playground in `el`.
 * @param {HTMLElement} el
 * @param {{state?: PlayState, embed?: boolean, places?: {page?: string, embed?: string}, onState?: (state: PlayState) => void}} [options]
 *   `places`: the addresses of the page and of the embed, from here
 */
export function mount(el, { state: initial = FIRST, embed = false, places = {}, onState } = {}) {
  const life = lifetime(),
    parts = anatomy(embed),
    store = createStore(initial, life),
    hand = { held: false },
    held = () => hand.held;
  el.append(parts.root);
  life.onEnd(() => parts.root.remove());
  const say = (/** @type {string} */ text) => {
    parts.note.textContent = text;
  };
  const best = createBest(life, (done, of) => {
    say(done < of ? `Searching each rule's own best setting from here: ${done} of ${of} …` : "");
    if (done) store.redraw();
  });
  const { room, refresh, scene } = sceneOf(store, parts.stage, best, held),
    desk = deskOf(life, store, parts, say),
    folded = {
      ...desk,
      place: (/** @type {boolean} */ _, /** @type {HTMLElement} */ node) => parts.moreControls.append(node),
    };
  /** @param {number} k @param {Hyper} changes */
  const turn = (k, changes) => {
    const { rules } = store.state();
    store.set({
      rules: rules.map((one, i) => (i === k ? { ...one, hyper: { ...one.hyper, ...changes } } : one)),
    });
  };
  const time = createPlayer(desk, { length: () => store.state().steps, seconds: () => 5 });
  // Whole paths while anything but the start moves; let go of a start, and the balls roll from there (the player hears it).
  store.watch((names) => {
    if (names.some((name) => name !== "view" && name !== "picked")) time.end();
  });
  const search = searchesOn(life, store, best, parts.root, scene, hand);

  store.draw(refresh); // first of all: what was searched meanwhile changes the scene, not the state
  createGroundMenu({ life, store }, parts.top);
  const tabs = createTabs({
    life,
    store,
    stage: parts.stage,
    parent: parts.top,
    room,
    time,
    turn,
    held,
    scene,
  });
  parts.top.append(parts.share);
  addDials(desk, scene, turn);
  addStarts(life, store, parts.acts, scene);
  const speak = speaker(life, parts.sentenceNode, parts.spoken);
  store.draw(() => {
    const now = scene();
    tabs.draw(now);
    parts.root.dataset.view = now.state.view;
    const covered = tabs.covers();
    parts.root.classList.toggle("is-covered", covered);
    speak(
      covered
        ? "Draw the curve that you expect, press Run, and see how near you came."
        : sentence(now, () => fairOrder(now, best)),
    );
    onState?.(store.state());
  });
  document.fonts.ready.then(() => life.alive && store.redraw());
  store.begin();
  const complete = inTasks(life, [
    () => {
      const chips = createChips({ life, store }, parts.chips, () => {
        const { rules } = store.state();
        store.set({ rules: [...rules, { text: OWN_RULE, hyper: {} }], picked: rules.length });
        life.frame(() =>
          /** @type {HTMLElement|null} */ (parts.chips.querySelector(".pg-rule-text"))?.focus(),
        );
      });
      const typed = createTyped({ life, store }, parts.left, parts.chips);
      addFairness({ ...desk, place: (_, node) => parts.fair.append(node) }, store, scene);
      store.draw(() => {
        chips(scene());
        typed(scene());
      });
      store.redraw();
    },
    () => {
      addRuleNumbers(folded, scene, turn);
      addSurfaceNumbers(folded, scene, store);
      addFolded(desk, store);
      store.redraw();
    },
    () => {
      createCarry({
        life,
        root: parts.root,
        parent: parts.share,
        scene,
        places,
        seek(step) {
          time.seek(step);
          store.flush();
        },
      });
    },
    () => life.frame(search),
  ]);
  life.on(window, "keydown", complete, { once: true }); // it may move the focus past what comes
  if (!reducedMotion() && store.state().view === "map") life.after(350, () => time.waiting() && time.again());
  const flush = () => {
    complete();
    store.flush();
  };
  const flushed = (/** @type {() => any} */ ask) => () => {
    flush();
    return ask();
  };
  const face = {
    get: store.state,
    set: store.set,
    flush,
    time,
    /** Whether the page itself searches, since no worker does. */
    alone: best.alone,
    scene: flushed(scene),
    numbers: flushed(tabs.numbers),
  };
  return { store, life, face };
}

/** Whether the reader holds something now. Let go, the settings are searched anew. @param {import("../kit/dom.js").Life} life @param {HTMLElement} root @param {{held: boolean}} view @param {() => void} search */
function holdWatch(life, root, view, search) {
  life.on(root, "pointerdown", ({ target }) => {
    view.held =
      target instanceof Element && target.closest(".lf-handle, .lf-track, canvas, .is-drawing") !== null;
  });
  for (const type of ["pointerup", "pointercancel"])
    life.on(window, type, () => {
      if (!view.held) return;
      view.held = false;
      life.frame(search);
    });
}

/** @param {import("../kit/controls.js").Desk} desk @param {import("./store.js").PlayStore} store @param {() => Scene} scene */
function addFairness(desk, store, scene) {
  addSegments(desk, {
    label: "learning rates",
    options: [
      { value: "best", label: "each at its best" },
      { value: "same", label: "one rate for all" },
    ],
    get() {
      const { state, lanes } = scene();
      return state.fair === "best" && lanes.some(({ own }) => own) ? "" : state.fair; // neither: a setting was given
    },
    set: (fair) =>
      store.set({
        fair: fair === "same" ? "same" : "best",
        rules: store.state().rules.map((one) => ({ ...one, hyper: {} })),
      }),
  });
}

/** What few want to change. @param {import("../kit/controls.js").Desk} desk @param {import("./store.js").PlayStore} store */
function addFolded(desk, store) {
  addSlider(desk, {
    label: "steps",
    fold: true,
    whole: true,
    type: "log",
    bounds: [1, 1000],
    range: () => [1, mostSteps(store.state().surface)],
    get: () => store.state().steps,
    set: (steps) => store.set({ steps: Math.min(steps, mostSteps(store.state().surface)) }),
  });
  addSlider(desk, {
    label: "noise of the gradient",
    fold: true,
    bounds: [0, 5],
    get: () => store.state().noise,
    set: (noise) => store.set({ noise }),
  });
  addSlider(desk, {
    label: "which noise",
    fold: true,
    whole: true,
    bounds: [1, 99],
    get: () => store.state().seed,
    set: (seed) => store.set({ seed }),
  });
}

/** Where the next ball starts, as parts of the picture's width and height: the second, the third ... */
const PLACES = [
  [0.8, 0.75],
  [0.75, 0.2],
  [0.2, 0.2],
  [0.5, 0.85],
];

/** Buttons for more starts and fewer; for a network, whose start is a draw, one for another draw. @param {import("../kit/dom.js").Life} life @param {import("./store.js").PlayStore} store @param {HTMLElement} parent @param {() => Scene} scene */
function addStarts(life, store, parent, scene) {
  const button = (/** @type {string} */ text) => h("button", { type: "button", class: "lf-button", text }),
    draw = button("Other weights"),
    more = button("+ ball"),
    fewer = button("− ball");
  parent.append(draw, more, fewer);
  const highest = () => Math.max(...store.state().starts.map(drawOf));
  life.on(draw, "click", () => {
    const { starts } = store.state(),
      last = highest();
    store.set({ starts: starts.map((_, k) => [((last + k) % 50) + 1, 0]) });
  });
  life.on(more, "click", () => {
    const { starts } = store.state(),
      [[x0, x1], [y0, y1]] = scene().surface.domain,
      [u, v] = PLACES[starts.length - 1] ?? [0.5, 0.15],
      next = /** @type {[number, number]} */ (
        scene().net ? [(highest() % 50) + 1, 0] : [x0 + u * (x1 - x0), y0 + v * (y1 - y0)]
      );
    store.set({ starts: [...starts, next] });
  });
  life.on(fewer, "click", () => store.set({ starts: store.state().starts.slice(0, -1) }));
  store.draw(() => {
    const n = store.state().starts.length;
    draw.hidden = !scene().net;
    more.disabled = n >= 5;
    fewer.hidden = n < 2;
  });
}

/** The rules at their own best settings, quickest first. @param {Scene} scene @param {ReturnType<typeof createBest>} best */
function fairOrder(scene, best) {
  const { lanes, surface, params, place, state } = scene;
  if (state.fair === "best" && lanes.every(({ own }) => !own))
    return inOrder(lanes).map(({ title, end }) => ({ title, steps: end.steps }));
  return lanes
    .map(({ rule, index }) => {
      const hyper =
        best.found(searchKey(rule, place, state.starts[0])) ??
        best.latest(rule.name, place) ??
        (SURFACES[surface.name] && RULES[rule.name] ? bestOf(surface.name, rule.name) : {});
      if (!("lr" in hyper)) return { title: nameOf(rule), steps: null, index };
      const run = descend(rule, surface, { start: state.starts[0], steps: BUDGET, hyper, params });
      return {
        title: nameOf(rule),
        index,
        steps: run.divergedAt ? null : stepsTo(relativeError(surface, run.points), GOAL),
      };
    })
    .sort((a, b) => (a.steps ?? Infinity) - (b.steps ?? Infinity) || a.index - b.index);
}
