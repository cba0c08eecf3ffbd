// What the search knows of words: the same when the index is made (book/_ext/search_index.mjs) and when it is asked.
import MiniSearch from "minisearch";

const SILENT = new Set(
  (
    "a an and are as at be but by do does for from has have how in is it its of on or than that the then there this to was " +
    "what when where which with you your"
  ).split(" "),
);
/** @type {Record<string, number>} */
const WEIGHT = {
  Chapter: 2.2,
  Page: 1.6,
  Term: 2,
  Figure: 1.7,
  Section: 1.2,
  Rule: 1.3,
  Exercise: 0.8,
  Claim: 0.6,
  Source: 0.7,
  Library: 0.5,
};

/** A word as it is compared: small letters without accents; null for a word that tells nothing. @param {string} word */
function term(word) {
  const plain = word
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[’']s$/, "");
  return SILENT.has(plain) || (plain.length < 2 && !/\p{Script=Greek}/u.test(plain)) ? null : plain;
}

export const OPTIONS = {
  fields: ["title", "text"],
  tokenize: (/** @type {string} */ text) => text.match(/[\p{L}\p{N}]+(?:[’'.][\p{L}\p{N}]+)*/gu) ?? [],
  processTerm: term,
};

/** How a question's words may differ from those that answer: by a letter or two, and the last one is still being typed. */
export const TOLERANT = {
  fuzzy: (/** @type {string} */ word) => (word.length > 3 ? 0.22 : false),
  prefix: (/** @type {string} */ word, /** @type {number} */ place, /** @type {string[]} */ words) =>
    place === words.length - 1,
  weights: { fuzzy: 0.35, prefix: 0.6 },
};

/** What stands first where several entries are called as it was asked. */
const FIRST = ["Chapter", "Term", "Page", "Rule"];

/** A title's or a question's words, as they are compared. @param {string} text */
const termsOf = (text) => OPTIONS.tokenize(text).flatMap((word) => term(word) ?? []);

/**
 * How well a title answers: 0 where it is what was asked, 1 where a chapter, a word of the glossary or a page has all that was
 * asked in its title, 2 for the rest, which the words themselves put in order.
 * @param {{kind: string, title: string}} entry @param {string[]} asked
 */
function rankOf({ kind, title }, asked) {
  const own = termsOf(title),
    has = (/** @type {string} */ word, /** @type {number} */ k) =>
      own.includes(word) || (k === asked.length - 1 && own.some((one) => one.startsWith(word)));
  if (!asked.length || !asked.every(has)) return 2;
  const place = FIRST.indexOf(kind);
  if (own.join(" ") === asked.join(" ")) return (place < 0 ? FIRST.length : place) / 10;
  return place < 0 || place > 2 ? 2 : 1;
}

/**
 * The entries that answer a question, best first: all its words, or, where no entry has all, some of them. What is called as
 * it was asked comes before what only speaks of it.
 * @param {MiniSearch} index @param {{kind: string, title: string}[]} entries @param {string} question
 */
export function ask(index, entries, question) {
  const asked = termsOf(question);
  /** @type {import("minisearch").SearchOptions} */
  const how = {
    boost: { title: 5 },
    boostDocument: (id) => WEIGHT[entries[id].kind] ?? 1,
    ...TOLERANT,
  };
  const all = index.search(question, { ...how, combineWith: "AND" }),
    found = all.length ? all : index.search(question, how);
  return found
    .map((one) => ({ one, rank: rankOf(entries[one.id], asked) }))
    .sort((a, b) => a.rank - b.rank || b.one.score - a.one.score)
    .map(({ one }) => one);
}

export { MiniSearch };
