// Words of the text that move a figure: "halve the rate". The page says which figure and what is set, in the form of a
// figure's address (book/_ext/sentence.py); here the words become buttons.

import { offerWayBack } from "./back.js";
import { reducedMotion } from "./dom.js";
import { fromHash, same } from "./state.js";

/** @typedef {import("./types.js").Specs} Specs */
/** @typedef {{specs: Specs, get: (name: string) => any, set: (values: any) => void}} Moved */

const GLIDE = 450; // ms on the way from one number to the next
const SEEN = 0.6; // share of the picture that counts as seen

/**
 * The numbers on the way to others: by equal factors where the range spans powers of ten.
 * @param {import("./types.js").Spec} spec
 * @param {any} from
 * @param {any} to
 * @param {number} share of the way, 0 to 1
 */
export function between(spec, from, to, share) {
  if (spec.kind !== "number" || share >= 1) return to;
  const { min, max } = spec;
  if (from > 0 && to > 0 && min > 0 && max / min > 100) return from * (to / from) ** share;
  return from + (to - from) * share;
}

/**
 * Take a figure to a state, numbers on a visible way. A newer journey of the figure, or a hand on it, ends this one.
 * @param {HTMLElement & {__journey?: number}} place
 * @param {Moved} figure
 * @param {Record<string, any>} goal
 */
function travel(place, figure, goal) {
  const names = Object.keys(goal).filter((name) => !same(figure.get(name), goal[name]));
  const from = Object.fromEntries(names.map((name) => [name, figure.get(name)]));
  const mine = (place.__journey = (place.__journey ?? 0) + 1);
  const at = (/** @type {number} */ share) =>
    Object.fromEntries(
      names.map((name) => [name, between(figure.specs[name], from[name], goal[name], share)]),
    );
  if (reducedMotion()) return figure.set(goal);
  let begun = 0;
  const go = (/** @type {number} */ now) => {
    if (place.__journey !== mine) return;
    begun ||= now;
    const share = Math.min((now - begun) / GLIDE, 1);
    figure.set(share < 1 ? at(share * share * (3 - 2 * share)) : goal);
    if (share < 1) requestAnimationFrame(go);
  };
  requestAnimationFrame(go);
}

/** Whether enough of a figure's first picture is in view, and the sentence that says what the words have done. @param {HTMLElement} place */
function isSeen(place) {
  const bar = document.querySelector("header.bar")?.getBoundingClientRect().bottom ?? 0;
  /** @param {Element|null} part @param {number} share */
  const seen = (part, share) => {
    if (!part?.checkVisibility()) return true;
    const { top, bottom, height } = part.getBoundingClientRect();
    return Math.min(bottom, innerHeight) - Math.max(top, bar) >= share * Math.min(height, innerHeight - bar);
  };
  return seen(place.querySelector(".lf-plot") ?? place, SEEN) && seen(place.querySelector(".lf-sentence"), 1);
}

/** Bring a figure into view: whole where it fits, else from its top on. (A picture that stays while one scrolls is no place.) @param {HTMLElement} place */
function bring(place) {
  place.scrollIntoView({
    block: place.offsetHeight <= innerHeight - 80 ? "center" : "start",
    behavior: reducedMotion() ? "instant" : "smooth",
  });
}

/**
 * Make buttons of the page's words, and let them move the figures.
 * @param {(key: string) => HTMLElement|null} reach a figure's place by its key, mounted if it was not
 */
export function bindWords(reach) {
  let number = 0;
  for (const words of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".set[data-live]"))) {
    const about = document.createElement("span");
    about.id = `set-${++number}`;
    about.hidden = true;
    about.textContent = words.dataset.says ?? "";
    words.after(about);
    words.tabIndex = 0;
    words.title = about.textContent;
    words.setAttribute("role", "button");
    words.setAttribute("aria-describedby", about.id);
    const press = () => {
      const key = words.dataset.live ?? "";
      const place = /** @type {(HTMLElement & {__figure?: Moved}) | null} */ (reach(key));
      if (!place?.__figure) return;
      const goal = fromHash(`#live=${key}&${words.dataset.set}`, key, place.__figure.specs);
      if (!goal) return;
      if (!isSeen(place)) {
        bring(place);
        offerWayBack(words);
      }
      place.addEventListener("pointerdown", halt);
      travel(place, place.__figure, goal);
    };
    words.addEventListener("click", press);
    words.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
  }
}

/** A hand on a figure ends its journey. @param {Event} event */
function halt({ currentTarget }) {
  const place = /** @type {HTMLElement & {__journey?: number}} */ (currentTarget);
  place.__journey = (place.__journey ?? 0) + 1;
}
