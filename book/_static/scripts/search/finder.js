// Answers while the reader types. This file comes with the index, only when a search is opened.
import { MiniSearch, OPTIONS, ask } from "./engine.mjs";

/** @typedef {{kind: string, title: string, where: string, to: string, text: string}} Entry */

const SNIPPET = 150; // letters

/** @param {string} text @param {string[]} words those that answer, as they stand in the index */
function marked(text, words) {
  const line = document.createElement("span");
  const found = new Set(words);
  let last = 0;
  for (const match of text.matchAll(/[\p{L}\p{N}]+(?:[’'.][\p{L}\p{N}]+)*/gu)) {
    if (!found.has(OPTIONS.processTerm(match[0]) ?? "")) continue;
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    line.append(text.slice(last, match.index), mark);
    last = match.index + match[0].length;
  }
  line.append(text.slice(last));
  return line;
}

/** The stretch of a text around the first of its words that answer, cut between words. @param {string} text @param {string[]} words */
function stretch(text, words) {
  const found = new Set(words);
  let at = 0;
  for (const match of text.matchAll(/[\p{L}\p{N}]+(?:[’'.][\p{L}\p{N}]+)*/gu)) {
    if (!found.has(OPTIONS.processTerm(match[0]) ?? "")) continue;
    at = match.index;
    break;
  }
  const sentence = text.lastIndexOf(". ", at) + 1;
  const from = at - sentence < SNIPPET / 2 ? sentence : text.indexOf(" ", at - SNIPPET / 3);
  const cut = text.slice(from, from + SNIPPET);
  const to = from + SNIPPET >= text.length ? cut.length : cut.lastIndexOf(" ");
  return `${from > sentence ? "… " : ""}${cut.slice(0, to).trim()}${from + to < text.length ? " …" : ""}`;
}

/** @param {Entry[]} entries @param {any} stored */
export function engine(entries, stored) {
  const index = MiniSearch.loadJS(stored, OPTIONS);
  const root = document.documentElement.dataset.content_root ?? "";
  /** @param {string} question @param {number} most */
  return (question, most) => {
    const answers = ask(index, entries, question);
    const rows = answers.slice(0, most).map(({ id, terms }) => {
      const { kind, title, where, to, text } = entries[id];
      const row = document.createElement("a");
      row.href = root + to;
      for (const [name, words] of [
        ["found-kind", kind],
        ["found-title", title],
        ["found-where", where],
        ["found-text", text && stretch(text, terms)],
      ]) {
        if (!words) continue;
        const part =
          name === "found-kind" || name === "found-where"
            ? document.createElement("span")
            : marked(words, terms);
        if (!part.childNodes.length) part.textContent = words;
        part.className = name;
        row.append(part, " ");
      }
      return row;
    });
    return { rows, count: answers.length };
  };
}
