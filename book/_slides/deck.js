// A deck of slides: reveal.js turns the pages, the live figures are the book's own, and the lecturer has a window of notes.

import Reveal from "reveal.js";
import { plainModel } from "../../momentum_lib/widgets/js/kit/host.js";
import { openDesk } from "./desk.js";

/** @typedef {Record<string, (context: any) => (() => void)>} Figures */

/** Whether the keyboard belongs to a figure. */
const inFigure = () => !!document.activeElement?.closest(".live-figure");

/** A figure has laid itself out anew. */
const settled = () => new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));

/** The parts of the slide's width that a figure may take: the first at which it fits is taken, or the lowest. */
const WIDTHS = [1, 0.93, 0.86, 0.8, 0.74];

/** Narrow a figure until its slide holds it; its pictures keep their shape, so its height follows. @param {HTMLElement} place */
async function fit(place) {
  const show = /** @type {HTMLElement} */ (place.parentElement);
  const seen = [];
  for (const share of WIDTHS) {
    place.style.maxWidth = `${100 * share}%`;
    await settled();
    seen.push({ share, height: place.scrollHeight });
    if (place.scrollHeight <= show.clientHeight) return;
  }
  place.style.maxWidth = `${100 * seen.reduce((a, b) => (b.height < a.height ? b : a)).share}%`;
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
  for (const place of places) mount(place, figures);
  places.forEach(fit);
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
  deck.addKeyBinding({ keyCode: 78, key: "N", description: "Notes below the slide" }, () =>
    document.body.classList.toggle("with-notes"),
  );
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
