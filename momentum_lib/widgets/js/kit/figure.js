// The anatomy every live figure shares. How to write one: README.md beside this folder.

import { addButton, addSegments, addSelect, addSlider, addToggle } from "./controls.js";
import { h, lifetime } from "./dom.js";
import { createPlayer } from "./player.js";
import { addPlaygroundLink } from "./playground.js";
import { createPlot } from "./plot.js";
import { fromHash, toHash } from "./state.js";
import { createStore } from "./store.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Specs} Specs */

/**
 * Start a live figure: its frame, its state, its controls. Everything is made through the object this returns; the
 * figure's `render` ends with `return fig.start()`.
 * @template {Specs} S
 * @param {object} o
 * @param {Model} o.model
 * @param {HTMLElement} o.el
 * @param {string} o.title what to see, in one line
 * @param {S} o.state the kind and bounds of each value
 * @param {(state: import("./types.js").Values<S>) => string} o.python code that makes the state's picture with momentum_lib
 * @param {(state: import("./types.js").Values<S>) => Partial<import("../play/types.js").PlayState>} [o.playground] the same picture in the playground
 */
export function createFigure({ model, el, title, state: specs, python, playground }) {
  /** @typedef {keyof S & string} Name */
  const life = lifetime();
  const parts = anatomy(title);
  const { root, pictures, controls } = parts;
  el.classList.add("lf-host"); // its width decides the layout
  el.append(root);
  life.onEnd(() => {
    root.remove();
    el.classList.remove("lf-host");
  });
  const store = createStore(model, specs, life);
  /** A short message below the figure. @param {string} text */
  const say = (text) => {
    parts.note.textContent = text;
  };
  const desk = { life, specs, store, say, place: parts.place, acts: parts.acts, share: parts.share, root };
  const initial = store.snapshot();
  /** @type {() => object} */
  let numbers = () => ({});
  /** @type {(() => void)[]} */
  const resets = [];
  /** @type {(() => void)[]} */
  const early = [];
  /** @type {ReturnType<typeof createPlot>[]} */
  const plots = [];

  /** Add the last buttons, restore what the address says, draw. @returns {() => void} the cleanup */
  function start() {
    addButton(desk, {
      label: "Reset",
      icon: "reset",
      press: () => {
        store.set(initial);
        say("");
        for (const reset of resets) reset();
        store.redraw();
      },
    });
    addPython(desk, parts.code, () => python(store.snapshot()));
    if (model.link) addLink(desk, el, model.link.key);
    if (playground) addPlaygroundLink(desk, () => playground(store.snapshot()));
    // Words find their places when everything is drawn; once more when the page's typeface has come.
    store.draw(() => plots.forEach((plot) => plot.settle()));
    // (`fonts.ready` would lay out the page at once; the event comes when what is being fetched has come)
    life.on(document.fonts, "loadingdone", store.redraw);
    const steps = [
      () => {
        const room = plots.map((plot) => plot.measure());
        plots.forEach((plot, k) => plot.relay(room[k]));
      },
      ...early,
      () => {
        store.begin();
        show();
      },
    ];
    if (model.steps) model.steps.push(...steps);
    else for (const step of steps) step();
    return () => life.end();
  }

  /** The figure is whole: tell who waits for it, and give it to who asks. */
  function show() {
    el.dataset.ready = "1";
    const shown = {
      model,
      specs,
      get: store.get,
      set: store.set,
      flush: store.flush,
      numbers: () => {
        store.flush();
        return { state: store.snapshot(), ...numbers() };
      },
      python: () => python(store.snapshot()),
    };
    const place = /** @type {HTMLElement & {__figure?: typeof shown}} */ (el);
    place.__figure = shown;
    life.onEnd(() => {
      delete el.dataset.ready;
      delete place.__figure;
    });
  }

  return {
    life,
    root,
    el,
    model,
    pictures,
    controls,
    specs,
    get: store.get,
    snapshot: store.snapshot,
    set: store.set,
    /** What the state was when the figure appeared. */
    initial,
    watch: store.watch,
    draw: store.draw,
    redraw: store.redraw,
    flush: store.flush,
    slider: (/** @type {import("./types.js").SliderOptions<Name>} */ o) => addSlider(desk, o),
    select: (/** @type {import("./types.js").ChoiceOptions<Name>} */ o) => addSelect(desk, o),
    segments: (/** @type {import("./types.js").ChoiceOptions<Name>} */ o) => addSegments(desk, o),
    toggle: (/** @type {import("./types.js").ToggleOptions<Name>} */ o) => addToggle(desk, o),
    button: (/** @type {import("./types.js").ButtonOptions} */ o) => addButton(desk, o),
    readout: readoutsIn(parts.readouts),
    speak: speaker(life, parts),
    say,
    player: (/** @type {Parameters<typeof createPlayer>[1]} */ o) => createPlayer(desk, o),
    /** A picture; see plot.js. One that comes `later` stands below the controls. @param {Omit<Parameters<typeof createPlot>[0], "life"|"parent"|"changed"> & {parent?: HTMLElement, later?: boolean}} o */
    plot: ({ later = false, ...o }) => {
      const made = createPlot({
        parent: later ? parts.later : pictures,
        ...o,
        life,
        wait: true,
        changed: store.redraw,
      });
      plots.push(made);
      return made;
    },
    /** The plain data now drawn, for tests. @param {() => object} callback */
    numbers: (callback) => {
      numbers = callback;
    },
    /** What takes long, before the first drawing: a step of its own, where there are steps. @param {() => void} callback */
    early: (callback) => {
      early.push(callback);
    },
    /** What Reset does besides restoring the state. @param {() => void} callback */
    onReset: (callback) => {
      resets.push(callback);
    },
    start,
  };
}

/** The elements of an empty figure. @param {string} title */
function anatomy(title) {
  const pictures = h("div", { class: "lf-pictures" });
  const later = h("div", { class: "lf-later" });
  const readouts = h("dl", { class: "lf-readouts", hidden: true });
  // What acts (Play, Reset) and what shares; where each stands is the style sheet's, by the room there is.
  const acts = h("div", { class: "lf-acts" });
  const share = h("div", { class: "lf-share" });
  const controls = h("div", { class: "lf-controls" });
  const folded = h("details", { class: "lf-more", hidden: true }, h("summary", { text: "More settings" }));
  const foldedControls = h("div", { class: "lf-controls" });
  // What is seen changes with every frame; what a screen reader has is the same sentence, when the figure has been still.
  const sentence = h("p", { class: "lf-sentence", "aria-hidden": "true" });
  const spoken = h("p", { class: "lf-spoken", "aria-live": "polite" });
  const note = h("p", { class: "lf-note", role: "status" });
  const code = h("pre", {
    class: "lf-code",
    hidden: true,
    tabindex: 0,
    "aria-label": "Python code of this figure",
  });
  folded.append(foldedControls);
  const root = h(
    "div",
    { class: "lf", role: "group", "aria-label": title },
    h("p", { class: "lf-title", text: title }),
    pictures,
    acts,
    sentence,
    spoken,
    readouts,
    controls,
    later,
    folded,
    share,
    note,
    code,
  );
  /** Put a control where it is seen, or among the folded ones. @param {boolean} fold @param {HTMLElement} node */
  const place = (fold, node) => {
    if (fold) folded.hidden = false;
    (fold ? foldedControls : controls).append(node);
  };
  return { root, pictures, later, readouts, controls, acts, share, note, code, sentence, spoken, place };
}

/** What adds a value beside its name to a list, and returns what sets it. @param {HTMLElement} list */
function readoutsIn(list) {
  return (/** @type {string} */ label, /** @type {{look?: string}} */ { look } = {}) => {
    list.hidden = false;
    const value = h("dd", { "data-look": look });
    list.append(h("div", {}, h("dt", { text: label }), value));
    return (/** @type {string} */ text) => {
      if (value.textContent !== text) value.textContent = text;
    };
  };
}

/**
 * The sentence that the state makes, under the pictures: shown at once, and said to a screen reader when the figure has been
 * still for a moment. At the start it stands there and nothing is announced.
 * @param {import("./dom.js").Life} life
 * @param {{sentence: HTMLElement, spoken: HTMLElement}} parts
 */
function speaker(life, { sentence, spoken }) {
  const last = { text: "", hush: () => {} };
  keepTallest(life, sentence);
  return (/** @type {string} */ text) => {
    if (text === last.text) return;
    const first = last.text === "";
    last.text = sentence.textContent = text;
    last.hush();
    if (first) spoken.textContent = text;
    else
      last.hush = life.after(700, () => {
        spoken.textContent = text;
      });
  };
}

/** A paragraph whose words change may grow and does not shrink, so that a slider below it stays under the finger. @param {import("./dom.js").Life} life @param {HTMLElement} node */
function keepTallest(life, node) {
  if (typeof ResizeObserver !== "function") return;
  const seen = { width: 0, height: 0 };
  const observer = new ResizeObserver(() => {
    const { width, height } = node.getBoundingClientRect();
    if (width !== seen.width) {
      Object.assign(seen, { width, height: 0 });
      node.style.minHeight = "";
    } else if (height > seen.height) {
      seen.height = height;
      node.style.minHeight = `${height}px`;
    }
  });
  observer.observe(node);
  life.observe(observer);
}

// ---------------------------------------------------------------------------------------------------------- sharing

/** @typedef {import("./controls.js").Desk & {root: HTMLElement}} Desk */

/** @param {Desk} desk @param {string} text @param {string} done */
async function copy({ root, say }, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch {
    // No clipboard here (an old browser, a page from a file, permission refused): the older way, else by hand.
    const area = h("textarea", { class: "lf-spoken", "aria-hidden": "true" });
    area.value = text;
    root.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    say(copied ? done : "Your browser does not let a page copy: select the text yourself.");
  }
}

/** The button that shows and copies the code of the picture now seen. @param {Desk} desk @param {HTMLElement} code @param {() => string} python */
function addPython(desk, code, python) {
  addButton(desk, {
    label: "Copy as Python",
    icon: "code",
    quiet: true,
    press: () => {
      desk.store.flush();
      code.textContent = python();
      code.hidden = false;
      copy(desk, code.textContent, "Copied. It runs where momentum_lib is installed.");
    },
  });
  desk.store.draw(() => {
    if (!code.hidden) code.textContent = python();
  });
}

/** The button that copies an address with the state in it; a page opened with one is restored. @param {Desk} desk @param {HTMLElement} el @param {string} key */
function addLink(desk, el, key) {
  const { life, specs, store } = desk;
  function follow() {
    const found = fromHash(location.hash, key, specs);
    if (found) store.set(found);
    return found !== null;
  }
  addButton(desk, {
    label: "Link",
    icon: "link",
    quiet: true,
    press: () => {
      const address = new URL(location.href);
      address.hash = toHash(key, specs, store.snapshot());
      history.replaceState(history.state, "", address);
      copy(desk, address.href, "Copied: this address opens the page with the figure as it is now.");
    },
  });
  const show = () => {
    if (follow()) life.frame(() => el.scrollIntoView({ block: "center" }));
  };
  life.on(window, "hashchange", show);
  show();
}
