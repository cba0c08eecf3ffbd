// A deck of slides: reveal.js turns the pages, the live figures are the book's own, and the lecturer has a window of notes.

import Reveal from "reveal.js";
import { plainModel } from "../../momentum_lib/widgets/js/kit/host.js";
import { openDesk } from "./desk.js";

/** @typedef {Record<string, (context: any) => (() => void)>} Figures */

/** Whether the keyboard belongs to a figure. */
const inFigure = () => !!document.activeElement?.closest(".live-figure");

/** A figure has laid itself out anew: its size is told to it in one frame, it is laid out in the next, and its words find their places. */
async function settled() {
  for (let frame = 0; frame < 4; frame += 1) await new Promise(requestAnimationFrame);
  await document.fonts.ready;
}

/** What stands on the left of a figure; what moves it stands on the right. */
const PICTURES = ".lf-pictures, .lf-later, .lf-board, .lf-plot, .lf-equation, .lf-sides";
/** What has the width of both. */
const WHOLE = ".lf-crosswalk";
const isWide = () => matchMedia("(min-width: 60rem)").matches;
/** @type {WeakMap<Element, Element[]>} the parts of a figure in the order in which it made them */
const made = new WeakMap();

/** Two columns of which neither waits for the other's height; on a narrow screen the figure's own order. @param {Element} root */
function arrange(root) {
  const parts = made.get(root) ?? [...root.children];
  made.set(root, parts);
  if (!isWide()) return root.replaceChildren(...parts);
  if (root.querySelector(":scope > .deck-pictures")) return;
  const [pictures, side] = ["deck-pictures", "deck-side"].map((name) => {
    const column = document.createElement("div");
    column.className = name;
    return column;
  });
  for (const part of parts)
    (part.matches(PICTURES) ? pictures : part.matches(WHOLE) ? root : side).append(part);
  root.prepend(pictures, side);
}

/** How often a figure's pictures are made smaller, and the smallest part of their width that they may have. */
const TRIES = 14;
const LEAST = 0.4;

/** @type {WeakMap<HTMLElement, symbol>} the fitting that was begun last: a window that changes its size begins another */
const begun = new WeakMap();

/** Narrow a figure's pictures until the slide holds it: they keep their shape, so their height follows. `data-over` says how many pixels are left over. @param {HTMLElement} place */
async function fit(place) {
  const show = /** @type {HTMLElement} */ (place.parentElement);
  const mine = Symbol("fitting");
  begun.set(place, mine);
  delete place.dataset.over;
  const left = async () => {
    await settled();
    return show.scrollHeight - show.clientHeight;
  };
  let over = 0;
  for (let k = 0, share = 1; k < TRIES && share >= LEAST; k += 1) {
    place.style.setProperty("--share", `${100 * share}%`);
    over = (await left()) || (await left()); // twice: words that find another place may need a line more
    if (begun.get(place) !== mine) return;
    const [tall, beside] = [".deck-pictures", ".deck-side"].map(
      (name) => place.querySelector(name)?.scrollHeight ?? 0,
    );
    if (over === 0 || tall < beside) break;
    share *= 1 - Math.max((1.2 * over) / tall, 0.04); // a part of the height is words, which keep theirs, or at its most
  }
  place.dataset.over = String(over);
}

/** @param {HTMLElement} place @param {Figures} figures */
function mount(place, figures) {
  if (place.dataset.ready) return;
  const el = document.createElement("div");
  place.prepend(el);
  figures[place.dataset.figure ?? ""]({ model: plainModel(JSON.parse(place.dataset.state ?? "{}")), el });
  place.classList.add("is-live");
  place.dataset.ready = "1";
}

/** Mount the figures of a slide and fit them, once they have laid themselves out. @param {Element} slide @param {Figures} figures */
function prepare(slide, figures) {
  const places = /** @type {NodeListOf<HTMLElement>} */ (slide.querySelectorAll(".live-figure[data-figure]"));
  for (const place of places) {
    mount(place, figures);
    for (const root of place.querySelectorAll(".lf")) arrange(root);
    fit(place);
  }
}

/** @param {string} theme */
function paint(theme) {
  document.documentElement.dataset.theme = theme;
}

/** The deck's own keys, and the rule that keys belong to a figure while the focus is in it. @param {any} deck */
function keys(deck) {
  const turn = () => paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  deck.addKeyBinding({ keyCode: 68, key: "D", description: "Light or dark" }, turn);
  deck.addKeyBinding({ keyCode: 83, key: "S", description: "Notes in a window" }, () => openDesk(deck));
  deck.addKeyBinding({ keyCode: 78, key: "N", description: "Notes below the slide" }, () => {
    document.body.classList.toggle("with-notes");
    dispatchEvent(new Event("resize")); // the slide has less room, or more
  });
  addEventListener(
    "keydown",
    (event) => {
      if (!inFigure()) return;
      if (event.key === "Escape") /** @type {HTMLElement} */ (document.activeElement).blur();
      else if (event.key === "PageDown") deck.next();
      else if (event.key === "PageUp") deck.prev();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}

/** @param {Figures} figures */
export async function start(figures) {
  paint(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const deck = new /** @type {any} */ (Reveal)({
    disableLayout: true,
    hash: true,
    overview: false,
    controls: true,
    progress: true,
    slideNumber: "c/t",
    transition: "none",
    scrollActivationWidth: null,
    keyboardCondition: () => !inFigure(),
  });
  await deck.initialize();
  keys(deck);
  const here = () => prepare(deck.getCurrentSlide(), figures);
  deck.on("slidechanged", here);
  addEventListener("resize", here);
  let before = "";
  addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme ?? "light";
    paint("light");
  });
  addEventListener("afterprint", () => paint(before));
  await document.fonts.ready;
  here();
}
