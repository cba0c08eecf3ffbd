// The lecturer's window: this slide's notes, what comes next, the time. It is a blank page of our own, filled from here, so it
// works from a file on a disk, too, where a browser lets no two files speak to each other.

const STYLE = `
  body { margin: 0; padding: 1.2rem 1.6rem; font: 20px/1.5 system-ui, sans-serif; background: var(--page); color: var(--ink); }
  header { display: flex; gap: 1.5rem; align-items: baseline; color: var(--quiet); font-variant-numeric: tabular-nums; }
  header time { font-size: 1.6rem; }
  h1 { font-size: 1.3rem; margin: 0.8rem 0 0.2rem; }
  h2 { font-size: 1rem; font-weight: 400; color: var(--quiet); margin: 0; }
  button { font: inherit; padding: 0.3rem 1rem; background: var(--raised); color: inherit; border: 1px solid; border-radius: 6px; }
  .katex-html { display: none; }
`;
/** The colours that it takes over from the deck, as they are when it is opened. */
const COLOURS = ["--page", "--ink", "--quiet", "--raised"];

/** @param {number} seconds */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** The words of a slide's heading. @param {Element|undefined} slide */
function heading(slide) {
  const copy = /** @type {Element|undefined} */ (slide?.querySelector("h1, h2")?.cloneNode(true));
  copy?.querySelectorAll(".katex-html").forEach((node) => node.remove());
  return copy?.textContent ?? "the end";
}

/** Open the window, or bring it to the front. @param {any} deck */
export function openDesk(deck) {
  const desk = open("", "notes", "width=900,height=700");
  if (!desk) return;
  const page = desk.document;
  page.title = "Notes";
  page.documentElement.lang = "en";
  page.head.innerHTML = "";
  page.body.innerHTML = "";
  const make = (/** @type {string} */ tag, /** @type {HTMLElement} */ into, text = "") => {
    const node = page.createElement(tag);
    node.textContent = text;
    into.append(node);
    return node;
  };
  make("style", page.head, STYLE);
  const worn = getComputedStyle(document.body);
  for (const colour of COLOURS) page.documentElement.style.setProperty(colour, worn.getPropertyValue(colour));
  const bar = make("header", page.body);
  const time = make("time", bar);
  const count = make("span", bar);
  make("button", bar, "Back").addEventListener("click", () => deck.prev());
  make("button", bar, "Next").addEventListener("click", () => deck.next());
  const name = make("h1", page.body);
  const then = make("h2", page.body);
  const notes = make("main", page.body);
  const began = Date.now();
  const show = () => {
    const slides = deck.getSlides();
    const now = deck.getCurrentSlide();
    const at = slides.indexOf(now);
    name.textContent = heading(now);
    then.textContent = `Next: ${heading(slides[at + 1])}`;
    count.textContent = `${at + 1} of ${slides.length}`;
    const said = now.querySelector("aside.notes");
    notes.replaceChildren(...(said ? [...said.childNodes].map((node) => page.importNode(node, true)) : []));
  };
  const tick = () => {
    time.textContent = clock(Math.round((Date.now() - began) / 1000));
  };
  const timer = setInterval(() => (desk.closed ? clearInterval(timer) : tick()), 1000);
  desk.addEventListener("keydown", (event) => {
    if (["ArrowRight", "ArrowDown", "PageDown", " "].includes(event.key)) deck.next();
    else if (["ArrowLeft", "ArrowUp", "PageUp"].includes(event.key)) deck.prev();
    else return;
    event.preventDefault();
  });
  deck.on("slidechanged", () => {
    if (!desk.closed) show();
  });
  tick();
  show();
  desk.focus();
}
