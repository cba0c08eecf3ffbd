// A word of the glossary, a cited source: a card beside the line says it (on a phone, at the foot of the screen).
import { closest } from "./page.js";

/** @typedef {{title: string, html: string, chapter?: string}} Card */

const given = document.getElementById("cards");
/** @type {{cards: Record<string, Card>, tiles: Record<string, string>}} */
const known = given ? JSON.parse(given.textContent ?? "") : { cards: {}, tiles: {} };
const root = document.documentElement.dataset.content_root ?? "";
const HOVER = 400; // milliseconds that the pointer rests on a link before its card opens
const article = document.querySelector("article");
const [narrow, roomy, hovers] = [
  "(max-width: 34rem)",
  "(min-width: 75rem)",
  "(hover: hover) and (pointer: fine)",
].map((query) => matchMedia(query));

/** @type {HTMLElement|null} */
let card = null;
/** @type {HTMLAnchorElement|null} */
let opener = null;
let pinned = false; // opened by a click or a key, not by a pointer that rests

const keyOf = (/** @type {HTMLAnchorElement} */ link) =>
  link.pathname.slice(link.pathname.lastIndexOf("/") + 1) + link.hash;
const linkAt = (/** @type {Event} */ event) => {
  const link = closest(event, "article a.internal[href*='#']");
  return link instanceof HTMLAnchorElement && keyOf(link) in known.cards ? link : null;
};

function close(back = false) {
  card?.remove();
  opener?.setAttribute("aria-expanded", "false");
  if (back) opener?.focus();
  card = opener = null;
  pinned = false;
}

/** A link with words. @param {string} to @param {string} words */
function linked(to, words) {
  const link = document.createElement("a");
  link.href = to;
  link.textContent = words;
  return link;
}

/** @param {HTMLAnchorElement} link @param {Card} said */
function build(link, said) {
  const made = document.createElement("div");
  made.className = "word-card";
  made.id = "word-card";
  made.tabIndex = -1;
  made.setAttribute("role", "dialog");
  made.setAttribute("aria-label", said.title ? `Glossary: ${said.title}` : "Source");
  const body = document.createElement("div");
  body.innerHTML = said.html; // written by the build, from the course's own glossary and bibliography
  for (const inner of body.querySelectorAll("a")) {
    const to = inner.getAttribute("href") ?? "";
    if (!/^\w+:/.test(to)) inner.href = root + to;
  }
  const foot = document.createElement("p");
  foot.className = "word-card-foot";
  if (said.chapter) {
    const number = Number(said.chapter.match(/\d+/)?.[0]);
    if (!document.location.pathname.endsWith(said.chapter)) {
      const taught = linked(root + said.chapter, `Taught in chapter ${number}`);
      taught.insertAdjacentHTML("afterbegin", known.tiles[said.chapter] ?? "");
      foot.append(taught);
    }
  }
  foot.append(linked(link.href, said.title ? "In the glossary" : "In the bibliography"));
  const shut = document.createElement("button");
  shut.type = "button";
  shut.className = "word-card-close";
  shut.setAttribute("aria-label", "Close");
  shut.textContent = "×";
  shut.addEventListener("click", () => close(true));
  if (said.title) {
    const head = document.createElement("p");
    head.className = "word-card-title";
    head.textContent = said.title;
    made.append(head);
  }
  made.append(body, foot, shut);
  return made;
}

/** In the margin beside the line where there is one, else below the line. @param {HTMLElement} made @param {HTMLAnchorElement} link */
function put(made, link) {
  if (!article || narrow.matches) return; // the style sheet puts it at the foot of the screen
  const line = link.getClientRects()[0],
    column = article.getBoundingClientRect();
  const left = roomy.matches
    ? column.right + 36
    : Math.max(column.left, Math.min(line.left, column.right - made.offsetWidth));
  const below = roomy.matches ? line.top - 14 : line.bottom + 8;
  const top = roomy.matches ? Math.max(70, Math.min(below, innerHeight - made.offsetHeight - 16)) : below;
  made.style.left = `${left + scrollX}px`;
  made.style.top = `${top + scrollY}px`;
}

/** @param {HTMLAnchorElement} link @param {boolean} pin */
function open(link, pin) {
  if (opener !== link) {
    close();
    card = build(link, known.cards[keyOf(link)]);
    opener = link;
    document.body.append(card);
    put(card, link);
    link.setAttribute("aria-expanded", "true");
  }
  pinned = pin;
  if (pin) card?.focus({ preventScroll: true });
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let timer;
if (given) {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("article a.internal[href*='#']")
  ))
    if (keyOf(link) in known.cards) link.setAttribute("aria-haspopup", "dialog");
  addEventListener("click", (event) => {
    const link = linkAt(event);
    clearTimeout(timer);
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (opener === link && pinned) close(true);
      else open(link, true);
    } else if (card && !closest(event, ".word-card")) close();
  });
  addEventListener("keydown", (event) => {
    if (!card) return;
    const stops = card.querySelectorAll("a, button");
    const at = document.activeElement;
    const leaves =
      event.key === "Tab" &&
      (event.shiftKey ? at === card || at === stops[0] : at === stops[stops.length - 1]);
    if (event.key === "Escape") close(true);
    else if (leaves && card.contains(at)) close(true); // and the key goes on from the link
  });
  document.addEventListener("pointerover", (event) => {
    if (!hovers.matches || pinned) return;
    const link = linkAt(event);
    clearTimeout(timer);
    if (link && link !== opener) timer = setTimeout(() => open(link, false), HOVER);
    else if (!link && card && !closest(event, ".word-card"))
      timer = setTimeout(() => !pinned && close(), HOVER);
  });
  addEventListener("resize", () => card && opener && put(card, opener));
}
