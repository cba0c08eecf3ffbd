// A way back to the words of the text that have brought a figure into view.

import { h, reducedMotion } from "./dom.js";

/** Takes the offer away that stands now. */
let withdraw = () => {};

/**
 * Offer a way back to some words, until it is taken, the words are in view again, or other words lead elsewhere.
 * @param {HTMLElement} words
 */
export function offerWayBack(words) {
  withdraw();
  const button = h("button", { class: "way-back", type: "button" }, "Back to the text");
  let left = false; // the words are still in view when the way begins
  const watch = new IntersectionObserver(([{ isIntersecting, boundingClientRect }]) => {
    if (isIntersecting && left) withdraw();
    left ||= !isIntersecting;
    button.classList.toggle("is-down", boundingClientRect.top > 0); // the words are further down
  });
  /** @param {KeyboardEvent} event */
  const key = ({ key: name }) => {
    if (name === "Escape" && !document.querySelector("dialog[open]")) button.click();
  };
  button.addEventListener("click", () => {
    withdraw();
    words.scrollIntoView({ block: "center", behavior: reducedMotion() ? "instant" : "smooth" });
    words.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", key);
  withdraw = () => {
    watch.disconnect();
    document.removeEventListener("keydown", key);
    button.remove();
    withdraw = () => {};
  };
  document.body.append(button);
  watch.observe(words);
}
