// The anatomy every live figure shares. How to write one: README.md beside this folder.

import { h, lifetime, parseNumber, plain, reducedMotion, roundTo, s, show } from "./dom.js";
import { clampValue, fromHash, same, toHash } from "./state.js";
import { createPlot, scale } from "./plot.js";

/**
 * @typedef {{get: (name: string) => any, set: (name: string, value: any) => void, save_changes: () => void,
 *   on: (event: string, listener: () => void) => void, off: (event?: string|null, listener?: any) => void, link?: {key: string}}} Model
 * @typedef {ReturnType<typeof createFigure>} Figure
 * @typedef {{value: number, label: string, side?: "start"|"middle"|"end", class?: string}} Mark a labelled tick on a slider
 */

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

let groups = 0;

/** @param {string} name */
const icon = (name) =>
  s("svg", { class: "lf-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));

/**
 * Start a live figure: its frame, its state, its controls. Everything is made through the object this returns; the
 * figure's `render` ends with `return fig.start()`.
 * @param {object} o
 * @param {Model} o.model
 * @param {HTMLElement} o.el
 * @param {string} o.title what to see, in one line
 * @param {Record<string, import("./state.js").Spec>} o.state the kind and bounds of each value
 * @param {(state: any) => string} o.python code that makes the state's picture with momentum_lib
 */
export function createFigure({ model, el, title, state: specs, python }) {
  const life = lifetime();
  const pictures = h("div", { class: "lf-pictures" });
  const readouts = h("dl", { class: "lf-readouts", hidden: true });
  const buttons = h("div", { class: "lf-buttons" });
  const controls = h("div", { class: "lf-controls" });
  const folded = h("details", { class: "lf-more", hidden: true }, h("summary", { text: "More settings" }));
  const foldedControls = h("div", { class: "lf-controls" });
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
    readouts,
    controls,
    folded,
    buttons,
    note,
    code,
    spoken,
  );
  el.append(root);
  life.onEnd(() => root.remove());

  // ------------------------------------------------------------------------------------------------------- state
  const names = Object.keys(specs);
  const read = (/** @type {string} */ name) => clampValue(specs[name], model.get(name));
  /** @returns {Record<string, any>} */
  const snapshot = () => Object.fromEntries(names.map((name) => [name, read(name)]));
  const initial = snapshot();
  /** @type {(() => void)[]} */
  const drawers = [];
  let dirty = true,
    waiting = false,
    ready = false;

  /** Draw now, if anything changed since the last time. */
  function flush() {
    if (!dirty || !life.alive || !ready) return;
    dirty = false;
    for (const draw of drawers) draw();
  }
  /** Draw before the next frame; asking twice draws once. */
  function redraw() {
    dirty = true;
    if (waiting || !ready) return;
    waiting = true;
    life.frame(() => {
      waiting = false;
      flush();
    });
  }

  /** @type {((changed: string[]) => void)[]} */
  const watchers = [];
  /** @param {Record<string, any>} values */
  function set(values) {
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
  }
  for (const name of names) {
    const heard = () => {
      for (const watch of watchers) watch([name]);
      redraw();
    };
    model.on(`change:${name}`, heard);
    life.onEnd(() => model.off(`change:${name}`, heard));
  }

  // ---------------------------------------------------------------------------------------------------- controls
  /** @param {string} label @param {string} [symbol] @param {string} [look] */
  const labelled = (label, symbol, look) => {
    const node = h("span", { class: "lf-label" }, label);
    if (symbol) node.append(" ", h("i", { class: "lf-symbol", "data-look": look, text: symbol }));
    return node;
  };
  const place = (/** @type {boolean} */ fold, /** @type {HTMLElement} */ node) => {
    if (fold) folded.hidden = false;
    (fold ? foldedControls : controls).append(node);
  };

  /**
   * A slider with its value, which can be typed, bound to a number of the state (or to a number that `get` and `set`
   * give, for derived or nested values).
   * @param {object} o
   * @param {string} [o.name] of the state
   * @param {string} o.label
   * @param {string} [o.symbol]
   * @param {string} [o.look] the family whose colour the symbol and the slider have
   * @param {string} [o.unit]
   * @param {"linear"|"log"|"near-one"} [o.type] "near-one": even in log(1 - value), for a momentum
   * @param {() => [number, number]} [o.range] the slider's ends, where they move; by default the state's bounds
   * @param {() => Mark[]} [o.marks]
   * @param {(value: number) => string} [o.words] the value in words, for a screen reader
   * @param {() => number} [o.get]
   * @param {(value: number) => void} [o.set]
   * @param {[number, number]} [o.bounds] of the typed value, where there is no `name`
   * @param {boolean} [o.whole] whole numbers only
   * @param {number} [o.digits] of the value shown
   * @param {boolean} [o.fold] among the folded controls
   */
  function slider({
    name,
    label,
    symbol,
    look,
    unit = "",
    type = "linear",
    range,
    marks,
    words,
    get,
    set: put,
    bounds,
    whole,
    digits = 4,
    fold = false,
  }) {
    const spec = /** @type {import("./state.js").NumberSpec|undefined} */ (name ? specs[name] : undefined);
    const limits = /** @type {[number, number]} */ (bounds ?? (spec ? [spec.min, spec.max] : range?.()));
    const integral = whole ?? spec?.kind === "integer";
    const value = get ?? (() => read(/** @type {string} */ (name)));
    const store = put ?? ((/** @type {number} */ v) => set({ [/** @type {string} */ (name)]: v }));
    const ends = range ?? (() => limits);
    const track = () => scale(type, ends(), [0, 1000]);

    const bar = h("input", {
      type: "range",
      min: 0,
      max: 1000,
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
    const markRow = h("div", { class: "lf-mark-row", "aria-hidden": "true" });
    const node = h(
      "div",
      { class: "lf-control", "data-control": name ?? label, "data-look": look },
      labelled(label, symbol, look),
      h("span", { class: "lf-value" }, typed, h("span", { class: "lf-unit", text: unit })),
      h("div", { class: "lf-track" }, bar, markRow),
    );
    const tidy = (/** @type {number} */ v) =>
      integral ? Math.round(v) : type === "near-one" ? roundTo(1 - roundTo(1 - v, 2), 8) : roundTo(v, 3);
    const commit = (/** @type {number} */ v) => store(Math.min(Math.max(v, limits[0]), limits[1]));

    life.on(bar, "input", () => commit(tidy(track().invert(Number(bar.value)))));
    life.on(bar, "keydown", (event) => {
      const by = /** @type {Record<string, number>} */ ({
        ArrowLeft: -1,
        ArrowDown: -1,
        ArrowRight: 1,
        ArrowUp: 1,
        PageDown: -10,
        PageUp: 10,
      })[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const to = track(),
        now = value(),
        pixels =
          Math.min(Math.max(to(now), 0), 1000) + by * 10 * (event.shiftKey && Math.abs(by) === 1 ? 10 : 1);
      let next = tidy(to.invert(Math.min(Math.max(pixels, 0), 1000)));
      if (integral && next === now) next = now + Math.sign(by);
      commit(next);
    });
    const enter = () => {
      const found = parseNumber(typed.value);
      if (Number.isNaN(found))
        say(
          `“${typed.value}” is not a number; ${label} lies between ${show(limits[0])} and ${show(limits[1])}.`,
        );
      else {
        if (found < limits[0] || found > limits[1])
          say(`${label} lies between ${show(limits[0])} and ${show(limits[1])}; the nearest is taken.`);
        else say("");
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
      if (event.key === "Escape") update(true);
    });
    life.on(typed, "focus", () => typed.select());

    function update(force = false) {
      const now = value(),
        to = track(),
        at = Math.min(Math.max(to(now), 0), 1000);
      bar.value = String(at);
      bar.style.setProperty("--at", `${at / 10}%`);
      bar.setAttribute("aria-valuetext", words ? words(now) : unit ? `${show(now)} ${unit}` : show(now));
      if (force || document.activeElement !== typed) typed.value = plain(now, digits);
      if (marks)
        markRow.replaceChildren(
          ...marks().map((mark) => {
            const left = to(mark.value) / 1000;
            return left < -0.001 || left > 1.001
              ? h("span", { hidden: true })
              : h(
                  "span",
                  {
                    class: `lf-mark ${mark.class ?? ""}`,
                    "data-side": mark.side ?? "middle",
                    style: `--at: ${(left * 100).toFixed(2)}%`,
                  },
                  mark.label,
                );
          }),
        );
    }
    drawers.push(() => update());
    place(fold, node);
    return { node, bar, typed };
  }

  /**
   * A menu.
   * @param {{name?: string, label: string, options: {value: string, label: string}[], get?: () => string, set?: (value: string) => void, fold?: boolean}} o
   */
  function select({ name, label, options, get, set: put, fold = false }) {
    const menu = h(
      "select",
      { "aria-label": label },
      ...options.map((option) => h("option", { value: option.value, text: option.label })),
    );
    const node = h("div", { class: "lf-control", "data-control": name ?? label }, labelled(label), menu);
    life.on(menu, "change", () => (put ?? ((v) => set({ [/** @type {string} */ (name)]: v })))(menu.value));
    drawers.push(() => {
      menu.value = (get ?? (() => read(/** @type {string} */ (name))))();
    });
    place(fold, node);
    return { node, menu };
  }

  /**
   * Two or three choices side by side, one of them taken: radio buttons that look like one switch.
   * @param {{name?: string, label: string, options: {value: string, label: string, look?: string}[], get?: () => string, set?: (value: string) => void, fold?: boolean}} o
   */
  function segments({ name, label, options, get, set: put, fold = false }) {
    const group = `lf-segments-${(groups += 1)}-${Math.random().toString(36).slice(2, 8)}`;
    const radios = options.map((option) => h("input", { type: "radio", name: group, value: option.value }));
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
    const node = h("div", { class: "lf-control", "data-control": name ?? label }, labelled(label), row);
    for (const radio of radios)
      life.on(radio, "change", () =>
        (put ?? ((v) => set({ [/** @type {string} */ (name)]: v })))(radio.value),
      );
    drawers.push(() => {
      const now = (get ?? (() => read(/** @type {string} */ (name))))();
      for (const radio of radios) radio.checked = radio.value === now;
    });
    place(fold, node);
    return { node, radios };
  }

  /**
   * A box to tick.
   * @param {{name?: string, label: string, get?: () => boolean, set?: (value: boolean) => void, look?: string, fold?: boolean, parent?: HTMLElement}} o
   */
  function toggle({ name, label, get, set: put, look, fold = false, parent }) {
    const tick = h("input", { type: "checkbox" });
    const node = h(
      "label",
      { class: "lf-toggle", "data-look": look, "data-control": name ?? label },
      tick,
      h("span", { class: "lf-label", text: label }),
    );
    life.on(tick, "change", () => (put ?? ((v) => set({ [/** @type {string} */ (name)]: v })))(tick.checked));
    drawers.push(() => {
      tick.checked = (get ?? (() => read(/** @type {string} */ (name))))();
    });
    if (parent) parent.append(node);
    else place(fold, node);
    return { node, tick };
  }

  /**
   * A button in the row below.
   * @param {{label: string, icon?: string, press: () => void, quiet?: boolean}} o
   */
  function button({ label, icon: glyph, press, quiet = false }) {
    const words = h("span", { text: label });
    const node = h("button", { type: "button", class: quiet ? "lf-button lf-quiet" : "lf-button" });
    if (glyph) node.append(icon(glyph));
    node.append(words);
    life.on(node, "click", press);
    buttons.append(node);
    return {
      node,
      /** @param {string} text @param {string} [glyphName] */
      name(text, glyphName) {
        words.textContent = text;
        if (glyphName) node.querySelector("svg path")?.setAttribute("d", ICONS[glyphName]);
      },
    };
  }

  // ---------------------------------------------------------------------------------------------------- read-outs
  /**
   * A value beside its name; returns what sets it.
   * @param {string} label
   * @param {{look?: string}} [o]
   */
  function readout(label, { look } = {}) {
    readouts.hidden = false;
    const value = h("dd", { "data-look": look });
    readouts.append(h("div", {}, h("dt", { text: label }), value));
    return (/** @type {string} */ text) => {
      if (value.textContent !== text) value.textContent = text;
    };
  }

  let spokenText = "",
    quiet = /** @type {(() => void)|null} */ (null),
    first = true;
  /** What changed, in a sentence, for a screen reader: spoken once the figure has been still for a moment. @param {string} text */
  function speak(text) {
    if (text === spokenText) return;
    spokenText = text;
    if (first) {
      first = false;
      return;
    } // nothing is announced at the start
    quiet?.();
    quiet = life.after(700, () => {
      spoken.textContent = spokenText;
    });
  }
  /** A short message below the figure. @param {string} text */
  function say(text) {
    note.textContent = text;
  }

  // --------------------------------------------------------------------------------------------------------- time
  /**
   * Play, Step and Space for a figure in which time passes. `head()` is the step now shown, from 0 to `length()`; it
   * stands at the end until someone plays. `pen()` is the same with the way to the next step, for a line that grows.
   * @param {{length: () => number, seconds?: () => number}} o seconds: how long playing all of it takes
   */
  function player({ length, seconds = () => 6 }) {
    let head = Infinity,
      part = 0,
      playing = false,
      started = 0,
      from = 0;
    const at = () => Math.min(head, length());
    const show = () => play.name(playing ? "Pause" : "Play", playing ? "pause" : "play");
    function stop() {
      playing = false;
      part = 0;
      show();
    }
    function run(/** @type {number} */ time) {
      if (!playing) return;
      if (!started) started = time;
      const n = length(),
        next = from + ((time - started) / 1000) * (n / seconds());
      head = next >= n ? Infinity : Math.floor(next);
      part = next - Math.floor(next);
      if (head === Infinity) stop();
      else life.frame(run);
      dirty = true;
      flush();
    }
    function toggle() {
      if (playing) return stop();
      if (reducedMotion()) {
        head = Infinity;
        redraw();
        say("Your system asks for less motion: the whole path is shown at once; Step moves through it.");
        return;
      }
      playing = true;
      started = 0;
      from = at() >= length() ? 0 : at();
      show();
      life.frame(run);
    }
    const play = button({ label: "Play", icon: "play", press: toggle });
    const step = button({
      label: "Step",
      icon: "step",
      press: () => {
        stop();
        head = at() >= length() ? 0 : at() + 1;
        redraw();
      },
    });
    life.on(root, "keydown", (event) => {
      if (
        event.key !== " " ||
        event.target.closest("button, summary, select, textarea, input:not([type=range])")
      )
        return;
      event.preventDefault();
      toggle();
    });
    /** Where the pen is while playing: between two steps it speeds up and slows down. */
    const pen = () => Math.min(at() + part * part * (3 - 2 * part), length());
    return {
      head: at,
      pen,
      playing: () => playing,
      stop,
      play: toggle,
      seek(/** @type {number} */ to) {
        stop();
        head = to;
        redraw();
      },
      end() {
        stop();
        head = Infinity;
        redraw();
      },
      buttons: [play.node, step.node],
    };
  }

  // ------------------------------------------------------------------------------------------------------- sharing
  /** @param {string} text @param {string} done */
  async function copy(text, done) {
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

  const link = model.link;
  function follow() {
    const found = link && fromHash(location.hash, link.key, specs);
    if (!found) return false;
    set(found);
    return true;
  }

  /** @type {() => object} */
  let numbers = () => ({});
  /** @type {(() => void)[]} */
  const resets = [];

  return {
    life,
    root,
    el,
    model,
    pictures,
    controls,
    specs,
    /** The value of the state now, clamped. */
    get: read,
    /** The whole state now. */
    snapshot,
    /** Change some of the state: clamped, saved (to Python where there is one), drawn. */
    set,
    /** What the state was when the figure appeared. */
    initial,
    /** Called with the changed names at once, before the drawing. @param {(changed: string[]) => void} callback */
    watch: (callback) => {
      watchers.push(callback);
    },
    /** What to do whenever something changed. @param {() => void} callback */
    draw: (callback) => {
      drawers.push(callback);
    },
    redraw,
    flush,
    slider,
    select,
    segments,
    toggle,
    button,
    readout,
    speak,
    say,
    player,
    /** A picture; see plot.js. @param {Omit<Parameters<typeof createPlot>[0], "life"|"parent"|"changed"> & {parent?: HTMLElement}} o */
    plot: (o) => createPlot({ parent: pictures, ...o, life, changed: redraw }),
    /** The plain data now drawn, for tests. @param {() => object} callback */
    numbers: (callback) => {
      numbers = callback;
    },
    /** What Reset does besides restoring the state. @param {() => void} callback */
    onReset: (callback) => {
      resets.push(callback);
    },
    /** Add the last buttons, restore what the address says, draw. @returns {() => void} the cleanup */
    start() {
      button({
        label: "Reset",
        icon: "reset",
        press: () => {
          set(initial);
          say("");
          for (const reset of resets) reset();
          redraw();
        },
      });
      const copyButton = button({
        label: "Copy as Python",
        icon: "code",
        quiet: true,
        press: () => {
          flush();
          code.textContent = python(snapshot());
          code.hidden = false;
          copy(code.textContent ?? "", "Copied. It runs where momentum_lib is installed.");
        },
      });
      copyButton.node.classList.add("lf-first-quiet");
      drawers.push(() => {
        if (!code.hidden) code.textContent = python(snapshot());
      });
      if (link) {
        button({
          label: "Link",
          icon: "link",
          quiet: true,
          press: () => {
            const address = new URL(location.href);
            address.hash = toHash(link.key, specs, snapshot());
            history.replaceState(history.state, "", address);
            copy(address.href, "Copied: this address opens the page with the figure as it is now.");
          },
        });
        life.on(window, "hashchange", follow);
        if (follow()) life.frame(() => el.scrollIntoView({ block: "center" }));
      }
      ready = true;
      flush();
      el.dataset.ready = "1";
      /** @type {any} */ (el).__figure = {
        model,
        numbers: () => {
          flush();
          return { state: snapshot(), ...numbers() };
        },
        python: () => python(snapshot()),
      };
      life.onEnd(() => {
        delete el.dataset.ready;
        delete (/** @type {any} */ (el).__figure);
      });
      return () => life.end();
    },
  };
}
