// Where the reader is: the sidebar shows it, and a link into the page lands on its target.
import { addressed, closest } from "./page.js";

const root = document.documentElement;

// --- the sidebar ------------------------------------------------------------------------------------------------------
/** Scroll a list of links, not the page, so that the current one is seen. @param {Element} list */
export function inView(list) {
  const section = list.querySelector("a.here"),
    current = section ?? list.querySelector("[aria-current=page]");
  if (!current) return;
  const { top, height } = list.getBoundingClientRect(),
    place = current.getBoundingClientRect();
  if (!height || (place.top >= top + 20 && place.bottom <= top + height - 60)) return; // hidden, or seen already
  list.scrollTop += place.top - top - height * (section ? 0.45 : 0.3);
}

/** The page's own entry is in view as soon as the page is laid out. */
export function showWhere() {
  const side = document.getElementById("side");
  if (side) requestAnimationFrame(() => inView(side));
}

// --- on this page: which section is being read ---------------------------------------------------------------------------
const LINE = 0.45; // of the view: the section across this line is read; near the page's end the line goes down to the last one

/** Mark the section that is being read among the page's sections in the sidebar. */
export function followReading() {
  /** @type {Map<Element, HTMLAnchorElement>} */
  const links = new Map();
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("ul.sections a")
  )) {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (section) links.set(section, link);
  }
  const sections = [...links.keys()];
  if (!sections.length) return;
  /** @type {Set<Element>} */
  const begun = new Set(); // those that begin above the view's lower edge: what lies below is not measured
  /** @type {Element|undefined} */
  let marked;
  /** @type {{section: Element, top: number}|null} */
  let followed = null; // a link was followed to this section: it is read until the page is moved
  const mark = (/** @type {Element|undefined} */ section) => {
    if (section === marked) return;
    for (const one of [marked, section]) {
      const link = one && links.get(one);
      link?.classList.toggle("here", one === section);
      if (one === section) link?.setAttribute("aria-current", "location");
      else link?.removeAttribute("aria-current");
    }
    marked = section;
    const list = links.get(sections[0])?.closest(".side, .drawer-body");
    if (list) inView(list);
  };
  const look = () => {
    if (followed && Math.abs(scrollY - followed.top) < 4) return mark(followed.section);
    followed = null;
    const rest = root.scrollHeight - innerHeight - scrollY,
      line = innerHeight * (LINE + (1 - LINE) * Math.max(0, 1 - rest / (innerHeight / 4)));
    const above = sections.filter((section) => begun.has(section));
    while (above.length && above[above.length - 1].getBoundingClientRect().top > line) above.pop();
    return mark(above.pop());
  };
  let asked = 0;
  const soon = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      look();
    });
  };
  const reading = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target: section } of entries)
        begun[isIntersecting ? "add" : "delete"](section);
      soon();
    },
    { rootMargin: "9999999px 0px 0px 0px" },
  );
  for (const section of sections) reading.observe(section);
  addEventListener("scroll", soon, { passive: true });
  addEventListener("landed", () => {
    const section = addressed();
    followed = section && links.has(section) ? { section, top: scrollY } : null;
    soon();
  });
}

// --- a link into the page: its target keeps its place while what lies above it takes its true height ----------------------
const PATIENCE = 10_000; // milliseconds in which figures and typefaces may come late

/** Hold the target of a link where the link has led, until the reader moves the page. */
export function keepPlace() {
  const article = document.querySelector("article");
  if (!article) return;
  /** @type {HTMLElement|null} */
  let held = null;
  let until = 0;
  const release = () => {
    held = null;
    grown.disconnect();
  };
  const land = () => {
    held?.scrollIntoView({ behavior: "instant" });
    dispatchEvent(new Event("landed"));
  };
  const grown = new ResizeObserver(() => {
    if (held && performance.now() < until) land();
    else release();
  });
  const hold = () => {
    held = addressed();
    if (!held) return;
    for (
      let fold = held.closest("details:not([open])");
      fold;
      fold = fold.parentElement?.closest("details:not([open])") ?? null
    )
      fold.setAttribute("open", "");
    until = performance.now() + PATIENCE;
    grown.disconnect();
    grown.observe(article); // observed anew it calls at once: a jump into what is not laid out yet may miss its place
  };
  for (const sign of ["wheel", "touchmove", "pointerdown", "mousedown", "keydown"])
    addEventListener(sign, release, { passive: true, capture: true });
  addEventListener("click", (event) => {
    const link = /** @type {HTMLAnchorElement|null} */ (closest(event, "a[href*='#']"));
    if (link && link.pathname === location.pathname && link.target !== "_blank") setTimeout(hold);
  });
  const [arrival] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (location.hash && arrival?.type === "navigate") {
    hold();
    addEventListener("load", hold);
  }
}
