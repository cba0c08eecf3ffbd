// Live figures on a page without a kernel: each `<div class="live-figure" data-figure="…" data-state="…">` becomes the
// figure of that name, over a plain object that answers like anywidget's model.

import { bindWords } from "./sentence.js";
import { inTasks, next } from "./work.js";

/**
 * @param {Record<string, any>} state
 * @param {{key: string}} [link] where the figure keeps its state in the address
 */
export function plainModel(state, link) {
  const values = { ...state };
  /** @type {Map<string, Set<() => void>>} */
  const listeners = new Map();
  return {
    link,
    get: (/** @type {string} */ name) => values[name],
    set(/** @type {string} */ name, /** @type {any} */ value) {
      if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
      values[name] = value;
      for (const event of [`change:${name}`, "change"])
        for (const listener of [...(listeners.get(event) ?? [])]) listener();
    },
    save_changes() {},
    on(/** @type {string} */ event, /** @type {() => void} */ listener) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      /** @type {Set<() => void>} */ (listeners.get(event)).add(listener);
    },
    off(/** @type {string|null|undefined} */ event, /** @type {(() => void)|undefined} */ listener) {
      if (!event) listeners.clear();
      else if (listener) listeners.get(event)?.delete(listener);
      else listeners.delete(event);
    },
  };
}

/**
 * Mount one figure in its place, step by step, each in a task of its own: together they would be one long task. Until it is whole
 * nobody sees it, and its place stays as it was; then it stands there at once. The static picture stays for print and is hidden on
 * the screen (CSS, by the class `is-live`); its caption stays below. Where the figure cannot start, the static picture stands.
 * @param {HTMLElement} place
 * @param {Record<string, (context: any) => (() => void)>} figures
 * @param {string} key
 * @returns {() => void} takes the steps that are left at once
 */
export function mount(place, figures, key) {
  const el = document.createElement("div"),
    life = { alive: true },
    steps = /** @type {(() => void)[]} */ ([]);
  let stop = () => {};
  function make() {
    const render = figures[place.dataset.figure ?? ""];
    if (!render) throw new Error(`no live figure is named ${place.dataset.figure}`);
    el.className = "lf-coming";
    place.prepend(el);
    const state = JSON.parse(place.dataset.state ?? "{}");
    stop = render({ model: { ...plainModel(state, { key }), steps }, el });
  }
  function show() {
    el.classList.remove("lf-coming");
    place.classList.add("is-live");
    place.dataset.ready = "1";
    /** @type {any} */ (place).__figure = /** @type {any} */ (el).__figure;
  }
  /** A step that fails is the last. @param {() => void} step */
  const attempt = (step) => () => {
    try {
      step();
      if (el.dataset.ready) show();
    } catch (error) {
      life.alive = false;
      stop();
      el.remove();
      place.dataset.failed = "1";
      console.error(`live figure ${key}:`, error);
    }
  };
  attempt(make)();
  return inTasks(life, steps.map(attempt));
}

/** Whether a figure opens its page: it is its first picture, before the first section. @param {Element} place */
const opens = (place) =>
  !place.closest("section section") &&
  document.querySelector("article :is(img, svg, .live-figure)") === place &&
  place.checkVisibility();

const PLACES = ".live-figure[data-figure]";
/** A figure is mounted when it is so many pixels from the view. */
const NEAR = 500;

/**
 * Mount every figure of the page when it comes near the view (at once where that cannot be observed, or where the
 * address speaks of it). The one that opens the page is what the reader looks for: it waits neither for that nor for the rest of
 * the page, which may still be on its way.
 * @param {Record<string, (context: any) => (() => void)>} figures
 */
export function startWhenReady(figures) {
  /** @type {Map<Element, string>} */
  const waiting = new Map();
  /** What completes each figure that was begun. @type {Map<Element, () => void>} */
  const begun = new Map();
  const now = (/** @type {Element} */ place) => {
    const key = waiting.get(place);
    if (!key) return;
    waiting.delete(place);
    observer?.unobserve(place);
    begun.set(place, mount(/** @type {HTMLElement} */ (place), figures, key));
  };
  /** Somebody asks for it. @param {Element} place */
  const atOnce = (place) => {
    now(place);
    begun.get(place)?.();
  };
  const observer =
    typeof IntersectionObserver === "function"
      ? new IntersectionObserver(
          (entries) => {
            for (const entry of entries) if (entry.isIntersecting) next(() => now(entry.target));
          },
          { rootMargin: `${NEAR}px 0px` },
        )
      : null;
  function open() {
    const first = /** @type {HTMLElement|null} */ (document.querySelector(PLACES));
    if (first && !begun.has(first) && !location.hash && opens(first)) {
      waiting.set(first, first.dataset.figure ?? "");
      next(() => now(first));
    } else if (!first && document.readyState === "loading") requestAnimationFrame(open);
  }
  /** The page is there. */
  function all() {
    /** @type {Record<string, number>} */
    const seen = {};
    const asked = new URLSearchParams(location.hash.replace(/^#/, "")).get("live");
    /** @type {Map<string, HTMLElement>} */
    const places = new Map();
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(PLACES))) {
      const name = place.dataset.figure ?? "";
      seen[name] = (seen[name] ?? 0) + 1;
      const key = seen[name] === 1 ? name : `${name}.${seen[name]}`;
      places.set(key, place);
      if (waiting.has(place) || begun.has(place)) continue;
      waiting.set(place, key);
      if (observer && key !== asked) observer.observe(place);
      else atOnce(place);
    }
    open();
    bindWords((key) => {
      const place = places.get(key) ?? null;
      if (place) atOnce(place);
      return place;
    });
    // A key may move the focus: what is coming must be there before it passes.
    addEventListener("keydown", () => begun.forEach((complete) => complete()), { capture: true });
    // A link followed within the page may speak of a figure that has not come into view yet.
    addEventListener("hashchange", () => {
      const key = new URLSearchParams(location.hash.replace(/^#/, "")).get("live");
      for (const [place, name] of waiting) if (name === key) atOnce(place);
    });
  }
  if (document.readyState === "loading") {
    requestAnimationFrame(open); // with the style sheet: before it nothing can be measured, and no frame comes
    document.addEventListener("DOMContentLoaded", all, { once: true });
  } else all();
}
