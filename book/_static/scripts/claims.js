// The ledger: a link to a claim opens its line; a filter by words, chapter and verdict. Without it every line still opens.
import { MiniSearch, OPTIONS, TOLERANT } from "./search/engine.mjs";

(() => {
  const rows = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.claim-row")]);
  const jumps = document.querySelector(".ledger-jumps");
  if (!jumps || !rows.length) return;

  /** @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {Record<string, string>} [attributes] @param {(Node|string)[]} children */
  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // --- an address with a claim's id opens its line --------------------------------------------------------------------
  function follow() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!(row instanceof HTMLDetailsElement) || !rows.includes(row)) return;
    if (row.hidden) clear();
    row.open = true;
    row.scrollIntoView();
  }

  // --- the filter ------------------------------------------------------------------------------------------------------
  const kindOf = (/** @type {Element} */ row) => /verdict-(\w+)/.exec(row.className)?.[1] ?? "";
  const chapterOf = (/** @type {Element} */ row) => row.id.split("-")[1].toUpperCase();
  /** @type {Map<Element, string>} */
  const texts = new Map();
  const textOf = (/** @type {Element} */ row) => {
    const known = texts.get(row) ?? (row.textContent ?? "").toLowerCase();
    texts.set(row, known);
    return known;
  };
  const sections = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("article section section")]);
  const chapters = sections.filter((section) => section.querySelector("details.claim-row"));
  const asked = { words: "", chapter: "", verdict: "" };

  const words = make("input", {
    type: "search",
    placeholder: "Find in the claims",
    "aria-label": "Find in the claims",
  });
  const chapter = make("select", { "aria-label": "Chapter" }, make("option", { value: "" }, "All chapters"));
  for (const link of jumps.querySelectorAll("a")) {
    const number = (link.textContent ?? "").split(" ")[0];
    chapter.append(make("option", { value: number }, number === "E" ? "Errata" : `Chapter ${number}`));
  }
  const count = make("p", { class: "ledger-count", role: "status" });
  const chips = make("div", { class: "ledger-chips", role: "group", "aria-label": "Verdict" });
  /** How many of each verdict the words and the chapter leave. @type {Map<string, Text>} */
  const numbers = new Map();
  for (const kind of ["true", "depends", "false", "open", "measured"]) {
    const label = rows.find((row) => kindOf(row) === kind)?.querySelector(".verdict");
    if (!label) continue;
    const number = document.createTextNode("");
    numbers.set(kind, number);
    const chip = make("button", { type: "button", class: `verdict-${kind}`, "aria-pressed": "false" });
    chip.append(...[...label.childNodes].map((node) => node.cloneNode(true)), " ", number);
    chip.addEventListener("click", () => {
      asked.verdict = asked.verdict === kind ? "" : kind;
      apply();
    });
    chips.append(chip);
  }
  const filter = make(
    "form",
    { class: "ledger-filter", role: "search", "aria-label": "Claims" },
    words,
    chapter,
    chips,
    count,
  );

  /** @type {MiniSearch|undefined} */
  let index;
  /** The rows in which the words stand; where none has them as they are typed, those that nearly have them, as in the search. */
  function called() {
    const parts = asked.words.toLowerCase().split(/\s+/).filter(Boolean);
    const exact = rows.filter((row) => parts.every((part) => textOf(row).includes(part)));
    if (exact.length) return new Set(exact);
    if (!index) {
      index = new MiniSearch({ ...OPTIONS, fields: ["text"] });
      index.addAll(rows.map((row, id) => ({ id, text: textOf(row) })));
    }
    const near = index.search(asked.words, { ...TOLERANT, combineWith: "AND" });
    return new Set(near.map(({ id }) => rows[id]));
  }

  function apply() {
    const named = called();
    const left = rows.filter((row) => (!asked.chapter || chapterOf(row) === asked.chapter) && named.has(row));
    const fitting = new Set(left.filter((row) => !asked.verdict || kindOf(row) === asked.verdict));
    for (const row of rows) row.hidden = !fitting.has(row);
    for (const [kind, number] of numbers)
      number.data = `${left.filter((row) => kindOf(row) === kind).length}`;
    const shown = fitting.size;
    for (const section of chapters)
      section.hidden = !section.querySelector("details.claim-row:not([hidden])");
    for (const chip of chips.children)
      chip.setAttribute("aria-pressed", String(chip.classList.contains(`verdict-${asked.verdict}`)));
    count.textContent = shown
      ? `${shown === rows.length ? "All" : shown} of ${rows.length} claims`.replace("All of", "All")
      : "No claim fits: take a word, the chapter or the verdict back.";
  }
  function clear() {
    Object.assign(asked, { words: "", chapter: "", verdict: "" });
    words.value = chapter.value = "";
    apply();
  }
  filter.addEventListener("submit", (event) => event.preventDefault());
  words.addEventListener("input", () => {
    asked.words = words.value;
    apply();
  });
  chapter.addEventListener("change", () => {
    asked.chapter = chapter.value;
    apply();
  });
  jumps.addEventListener("click", clear); // what one jumps to is there
  jumps.after(filter);
  apply();
  addEventListener("hashchange", follow);
  follow();
})();
