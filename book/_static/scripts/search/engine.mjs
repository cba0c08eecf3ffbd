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

const EXACT = 1.6; // for what is called as it was asked

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

/**
 * The entries that answer a question, best first: all its words, or, where no entry has all, some of them.
 * @param {MiniSearch} index @param {{kind: string, title: string}[]} entries @param {string} question
 */
export function ask(index, entries, question) {
  const called = question.trim().toLowerCase();
  /** @type {import("minisearch").SearchOptions} */
  const how = {
    boost: { title: 5 },
    boostDocument: (id) =>
      (WEIGHT[entries[id].kind] ?? 1) * (entries[id].title.toLowerCase() === called ? EXACT : 1),
    fuzzy: (word) => (word.length > 3 ? 0.22 : false),
    prefix: (word, place, words) => place === words.length - 1,
    weights: { fuzzy: 0.35, prefix: 0.6 },
  };
  const all = index.search(question, { ...how, combineWith: "AND" });
  return all.length ? all : index.search(question, how);
}

export { MiniSearch };
