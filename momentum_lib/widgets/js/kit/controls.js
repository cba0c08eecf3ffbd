// The controls of a figure: slider with typed value, menu, segments, tick box, button. Each is bound to a name of the
// state, or to what `get` and `set` give.

import { clamp, dress, h, parseNumber, plain, roundTo, s, show } from "./dom.js";
import { scale } from "./geometry.js";

/** @typedef {import("./types.js").Mark} Mark */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Scale} Scale */

/**
 * What controls need of their figure.
 * @typedef {object} Desk
 * @property {import("./dom.js").Life} life
 * @property {import("./types.js").Specs} specs
 * @property {import("./store.js").Store<any>} store
 * @property {(text: string) => void} say
 * @property {(fold: boolean, node: HTMLElement) => void} place among the controls seen, or the folded ones
 * @property {HTMLElement} acts the buttons that act on the figure
 * @property {HTMLElement} share the quiet ones, that carry it away
 */

/** @typedef {import("./types.js").SliderOptions} SliderOptions */
/** @typedef {import("./types.js").ChoiceOptions} ChoiceOptions */
/** @typedef {import("./types.js").ToggleOptions} ToggleOptions */

const ICONS = /** @type {Record<string, string>} */ ({
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2v11h-2z",
  reset: "M8 3a5 5 0 1 0 5 5h-1.6A3.4 3.4 0 1 1 8 4.6V7l4-3.2L8 .6z",
  target:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6zM8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  code: "M5.5 3.5 1 8l4.5 4.5 1.1-1.1L3.2 8l3.4-3.4zM10.5 3.5 15 8l-4.5 4.5-1.1-1.1L12.8 8 9.4 4.6z",
  link: "M6.7 9.3a.8.8 0 0 0 1.1 0l2.8-2.8a1.8 1.8 0 0 1 2.5 2.5l-1.7 1.8 1.1 1.1 1.7-1.7a3.4 3.4 0 0 0-4.8-4.8L6.7 8.2a.8.8 0 0 0 0 1.1zm2.6-2.6a.8.8 0 0 0-1.1 0L5.4 9.5A1.8 1.8 0 0 1 2.9 7l1.7-1.8-1.1-1.1-1.7 1.7a3.4 3.4 0 0 0 4.8 4.8l2.7-2.8a.8.8 0 0 0 0-1.1z",
});

/** @param {string} name */
const icon = (name) =>
  s("svg", { class: "lf-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));

/** A control's name, with its symbol in the colour of its meaning. @param {string} label @param {string} [symbol] @param {string} [look] */
function labelled(label, symbol, look) {
  const node = h("span", { class: "lf-label" }, label);
  if (symbol) node.append(" ", h("i", { class: "lf-symbol", "data-look": look, text: symbol }));
  return node;
}

/** How a control reads and writes its value. @template V @param {Desk} desk @param {import("./types.js").Bound<V>} o */
function bind({ store }, { name = "", get, set }) {
  return {
    read: get ?? /** @type {() => V} */ (() => store.get(name)),
    write: set ?? ((/** @type {V} */ value) => store.set({ [name]: value })),
  };
}

// ----------------------------------------------------------------------------------------------------------- slider

const LENGTH = 1000;
/** How many hundredths of the way a key moves a slider. @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

/** A slider with its value, which can be typed. @param {Desk} desk @param {SliderOptions} o */
export function addSlider(desk, o) {
  const { label, unit = "", type = "linear", words, digits = 4, fold = false, range } = o,
    { read, write } = bind(desk, o),
    spec = /** @type {import("./types.js").NumberSpec|undefined} */ (o.name ? desk.specs[o.name] : undefined),
    limits = /** @type {Pair} */ (o.bounds ?? (spec ? [spec.min, spec.max] : range?.())),
    integral = o.whole ?? spec?.kind === "integer";
  const { node, bar, typed, markRow, note } = sliderNodes(o),
    last = { at: NaN, words: "", letters: "" };
  const knob = {
    label,
    limits,
    integral,
    read,
    track: () => scale(type, range ? range() : limits, [0, LENGTH]),
    tidy: (/** @type {number} */ v) =>
      integral ? Math.round(v) : type === "near-one" ? roundTo(1 - roundTo(1 - v, 2), 8) : roundTo(v, 3),
    commit: (/** @type {number} */ v) => write(clamp(v, ...limits)),
    update,
  };
  function update(force = false) {
    const now = read(),
      to = knob.track(),
      at = clamp(to(now), 0, LENGTH);
    bar.value = String(at);
    if (at !== last.at) bar.style.setProperty("--at", `${(last.at = at) / 10}%`);
    const told = words ? words(now) : unit ? `${show(now)} ${unit}` : show(now);
    if (told !== last.words) bar.setAttribute("aria-valuetext", (last.words = told));
    if (force || !typed.matches(":focus")) {
      typed.value = plain(now, digits);
      const letters = String(typed.value.length);
      if (letters !== last.letters) typed.style.setProperty("--letters", (last.letters = letters));
    }
    if (o.marks)
      dress(
        markRow,
        o.marks().map((mark) => tickOn(to, mark)),
      );
  }
  slideBy(desk, bar, knob);
  typeInto(desk, typed, { ...knob, note: (text) => ((note.textContent = text), (note.hidden = !text)) });
  desk.life.on(bar, "input", () => (note.hidden = true));
  desk.store.draw(() => update());
  desk.place(fold, node);
  return { node, bar, typed };
}

/** @typedef {{label: string, limits: Pair, integral: boolean, read: () => number, track: () => Scale, tidy: (v: number) => number, commit: (v: number) => void, update: (force?: boolean) => void}} Knob */

/** @param {SliderOptions} o */
function sliderNodes({ name, label, symbol, look, unit = "" }) {
  const bar = h("input", {
    type: "range",
    min: 0,
    max: LENGTH,
    step: "any",
    "aria-label": unit ? `${label}, ${unit}` : label,
  });
  const typed = h("input", {
    type: "text",
    inputmode: "decimal",
    size: 7,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": `${label}, type a value`,
  });
  const markRow = h("div", { class: "lf-mark-row", "aria-hidden": "true" }),
    note = h("p", { class: "lf-beyond", hidden: true, "aria-hidden": "true" }); // for the eye what is said to the ear
  const node = h(
    "div",
    { class: "lf-control", "data-control": name ?? label, "data-look": look },
    labelled(label, symbol, look),
    h("span", { class: "lf-value" }, typed, h("span", { class: "lf-unit", text: unit })),
    h("div", { class: "lf-track" }, bar, markRow),
    note,
  );
  return { node, bar, typed, markRow, note };
}

/** A labelled tick below a slider; hidden where it lies beyond the ends. @param {Scale} to @param {Mark} mark @returns {import("./dom.js").Piece} */
function tickOn(to, mark) {
  const left = to(mark.value) / LENGTH;
  return left < -0.001 || left > 1.001
    ? ["span", { hidden: true, text: "" }]
    : [
        "span",
        {
          class: `lf-mark ${mark.class ?? ""}`,
          "data-side": mark.side ?? (left > 0.985 && mark.label.length > 2 ? "end" : "middle"), // else beyond the slider
          style: `--at: ${(left * 100).toFixed(2)}%;`,
          text: mark.label,
        },
      ];
}

/** By hand and by keys. @param {Desk} desk @param {HTMLInputElement} bar @param {Knob} knob */
function slideBy({ life }, bar, { track, tidy, commit, read, integral, update }) {
  const follow = () => commit(tidy(track().invert(Number(bar.value))));
  byFinger(life, bar, follow, read, commit, update);
  life.on(bar, "keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const to = track(),
      now = read(),
      far = event.shiftKey && Math.abs(by) === 1 ? 10 : 1,
      at = clamp(to(now), 0, LENGTH) + ((by * LENGTH) / 100) * far;
    const next = tidy(to.invert(clamp(at, 0, LENGTH)));
    commit(integral && next === now ? now + Math.sign(by) : next);
  });
}

/** How far a finger moves sideways, in pixels, before it is known to slide and not to scroll. */
const SLIDES = 6;

/**
 * What the bar's own handling says counts at once from a mouse. A finger may want to scroll the page: until it has moved
 * sideways, or has tapped, the value stays; and where the browser takes the finger for a scroll, it is what it was.
 * @param {import("./dom.js").Life} life
 * @param {HTMLInputElement} bar
 * @param {() => void} follow take the value on which the bar stands
 * @param {() => number} read
 * @param {(value: number) => void} commit
 * @param {() => void} update put the bar where the value is
 */
function byFinger(life, bar, follow, read, commit, update) {
  let finger = /** @type {{x: number, y: number, before: number, at: string, slides: boolean}|null} */ (null);
  life.on(bar, "pointerdown", ({ pointerType, clientX: x, clientY: y }) => {
    finger = pointerType === "touch" ? { x, y, before: read(), at: "", slides: false } : null;
  });
  life.on(bar, "input", () => {
    if (!finger || finger.slides) return follow();
    finger.at = bar.value; // where a tap would put it
    update();
  });
  life.on(bar, "pointermove", ({ clientX, clientY }) => {
    if (!finger || finger.slides) return;
    const across = Math.abs(clientX - finger.x);
    finger.slides = across > SLIDES && across > Math.abs(clientY - finger.y);
  });
  life.on(bar, "pointerup", () => {
    if (finger?.at && !finger.slides) {
      bar.value = finger.at;
      follow();
    }
    finger = null;
  });
  life.on(bar, "pointercancel", () => {
    if (!finger) return;
    if (read() !== finger.before) commit(finger.before);
    finger = null;
    update();
  });
}

/** By typing a value. @param {Desk} desk @param {HTMLInputElement} typed @param {Knob & {note: (words: string) => void}} knob */
function typeInto({ life, say }, typed, { label, limits: [low, high], integral, commit, update, note }) {
  const tell = (/** @type {string} */ words) => {
    say(words);
    note(words);
  };
  const lies = `${label} lies between ${show(low)} and ${show(high)}`;
  const enter = () => {
    const found = parseNumber(typed.value);
    if (Number.isNaN(found)) tell(`“${typed.value}” is not a number; ${lies}.`);
    else {
      tell(found < low || found > high ? `${lies}; the nearest is taken.` : "");
      commit(integral ? Math.round(found) : found);
    }
    update(true);
  };
  life.on(typed, "change", enter);
  life.on(typed, "keydown", (event) => {
    if (event.key === "Enter") {
      enter();
      typed.select();
      event.preventDefault();
    }
    if (event.key !== "Escape") return;
    note("");
    update(true);
  });
  life.on(typed, "focus", () => typed.select());
}

// ---------------------------------------------------------------------------------------- menu, segments, tick box

/** The options of a menu; neighbours of one `group` stand together under its name. @param {ChoiceOptions["options"]} options */
function menuEntries(options) {
  /** @type {HTMLElement[]} */
  const entries = [];
  options.forEach(({ value, label, group }, k) => {
    const option = h("option", { value, text: label });
    if (!group) return entries.push(option);
    if (group !== options[k - 1]?.group) entries.push(h("optgroup", { label: group }));
    return entries[entries.length - 1].append(option);
  });
  return entries;
}

/** A menu. @param {Desk} desk @param {ChoiceOptions} o */
export function addSelect(desk, o) {
  const { label, options, fold = false } = o,
    { read, write } = bind(desk, o);
  const menu = h("select", { "aria-label": label }, ...menuEntries(options));
  const node = h("div", { class: "lf-control", "data-control": o.name ?? label }, labelled(label), menu);
  desk.life.on(menu, "change", () => write(menu.value));
  desk.store.draw(() => {
    menu.value = read();
  });
  desk.place(fold, node);
  return { node, menu };
}

/** Two or three choices side by side, one of them taken: radio buttons that look like one switch. @param {Desk} desk @param {ChoiceOptions} o */
export function addSegments(desk, o) {
  const { label, options, fold = false } = o,
    { read, write } = bind(desk, o);
  const group = `lf-segments-${Math.random()}`; // another figure of the page may have a kit of its own
  const radios = options.map(({ value }) => h("input", { type: "radio", name: group, value }));
  const row = h(
    "div",
    { class: "lf-segments", role: "radiogroup", "aria-label": label },
    ...options.map((option, k) =>
      h(
        "label",
        { class: "lf-segment", "data-look": option.look },
        radios[k],
        h("span", { text: option.label }),
      ),
    ),
  );
  const node = h("div", { class: "lf-control", "data-control": o.name ?? label }, labelled(label), row);
  for (const radio of radios) desk.life.on(radio, "change", () => write(radio.value));
  desk.store.draw(() => {
    const now = read();
    for (const radio of radios) radio.checked = radio.value === now;
  });
  desk.place(fold, node);
  return { node, radios };
}

/** A box to tick. @param {Desk} desk @param {ToggleOptions} o */
export function addToggle(desk, o) {
  const { label, look, fold = false, parent } = o,
    { read, write } = bind(desk, o);
  const tick = h("input", { type: "checkbox" });
  const node = h(
    "label",
    { class: "lf-toggle", "data-look": look, "data-control": o.name ?? label },
    tick,
    h("span", { class: "lf-label", text: label }),
  );
  desk.life.on(tick, "change", () => write(tick.checked));
  desk.store.draw(() => {
    tick.checked = read();
  });
  if (parent) parent.append(node);
  else desk.place(fold, node);
  return { node, tick };
}

/** A button in the row below. @param {Desk} desk @param {import("./types.js").ButtonOptions} o */
export function addButton({ life, acts, share }, { label, icon: glyph, press, quiet = false }) {
  const words = h("span", { text: label });
  const node = h("button", { type: "button", class: quiet ? "lf-button lf-quiet" : "lf-button" });
  if (glyph) node.append(icon(glyph));
  node.append(words);
  life.on(node, "click", press);
  (quiet ? share : acts).append(node);
  return {
    node,
    /** @param {string} text @param {string} [glyphName] */
    name(text, glyphName) {
      words.textContent = text;
      if (glyphName) node.querySelector("svg path")?.setAttribute("d", ICONS[glyphName]);
    },
  };
}
