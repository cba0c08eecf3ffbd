// What the parts of the frame share.

/** The nearest element around what an event hit. @param {Event} event @param {string} selector */
export const closest = ({ target }, selector) =>
  target instanceof Element ? target.closest(selector) : null;

/** The element that the address names, or null. */
export function addressed() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // a hash that is no address of ours, as "#100%"
  }
}
