// Live figures on a page without a kernel: each `<div class="live-figure" data-figure="…" data-state="…">` becomes the
// figure of that name, over a plain object that answers like anywidget's model.

import { bindWords } from "./sentence.js";
import { next } from "./work.js";

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
 * Mount one figure in its place. The static picture inside stays for print and is hidden on the screen (CSS, by the
 * class `is-live`); its caption stays below. Returns the cleanup, or null where the figure could not start: then the
 * static picture simply stays.
 * @param {HTMLElement} place
 * @param {Record<string, (context: any) => (() => void)>} figures
 * @param {string} key
 */
export function mount(place, figures, key) {
  const render = figures[place.dataset.figure ?? ""];
  const el = document.createElement("div");
  try {
    if (!render) throw new Error(`no live figure is named ${place.dataset.figure}`);
    place.prepend(el);
    const stop = render({ model: plainModel(JSON.parse(place.dataset.state ?? "{}"), { key }), el });
    place.classList.add("is-live");
    place.dataset.ready = "1";
    /** @type {any} */ (place).__figure = /** @type {any} */ (el).__figure;
    return () => {
      stop();
      el.remove();
      place.classList.remove("is-live");
      delete place.dataset.ready;
      delete (/** @type {any} */ (place).__figure);
    };
  } catch (error) {
    el.remove();
    place.dataset.failed = "1";
    console.error(`live figure ${key}:`, error);
    return null;
  }
}

/** Whether a figure opens its page: it is its first picture, before the first section. @param {Element} place */
const opens = (place) =>
  !place.closest("section section") &&
  document.querySelector("article :is(img, svg, .live-figure)") === place &&
  place.checkVisibility();

/** A figure is mounted when it is so many pixels from the view. */
const NEAR = 500;

/**
 * Mount every figure of the page when it comes near the view (at once where that cannot be observed, or where the
 * address speaks of it). The one that opens the page waits for no frame: it is what the reader looks for. The page around it is
 * laid out in a task before that, for the figure asks how wide it is: together they would be one long task.
 * @param {Record<string, (context: any) => (() => void)>} figures
 */
export function start(figures) {
  /** @type {Record<string, number>} */
  const seen = {};
  const asked = new URLSearchParams(location.hash.replace(/^#/, "")).get("live");
  /** @type {Map<Element, string>} */
  const waiting = new Map();
  /** @type {Map<string, HTMLElement>} */
  const places = new Map();
  const now = (/** @type {Element} */ place) => {
    const key = waiting.get(place);
    if (!key) return;
    waiting.delete(place);
    observer?.unobserve(place);
    mount(/** @type {HTMLElement} */ (place), figures, key);
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
  for (const place of document.querySelectorAll(".live-figure[data-figure]")) {
    const name = /** @type {HTMLElement} */ (place).dataset.figure ?? "";
    seen[name] = (seen[name] ?? 0) + 1;
    const key = seen[name] === 1 ? name : `${name}.${seen[name]}`;
    waiting.set(place, key);
    places.set(key, /** @type {HTMLElement} */ (place));
    if (observer && key !== asked) observer.observe(place);
    else now(place);
  }
  const [first] = waiting.keys();
  if (first && !location.hash)
    next(() => {
      if (!opens(first)) return;
      first.getBoundingClientRect();
      next(() => now(first));
    });
  bindWords((key) => {
    const place = places.get(key) ?? null;
    if (place) now(place);
    return place;
  });
  // A link followed within the page may speak of a figure that has not come into view yet.
  addEventListener("hashchange", () => {
    const key = new URLSearchParams(location.hash.replace(/^#/, "")).get("live");
    for (const [place, name] of waiting) if (name === key) now(place);
  });
}

/** @param {Record<string, (context: any) => (() => void)>} figures */
export function startWhenReady(figures) {
  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", () => start(figures), { once: true });
  else start(figures);
}
