// Makes the search index for search_index.py: the entries come in as JSON, the index goes out as JSON.
import { readFileSync } from "node:fs";
import { MiniSearch, OPTIONS } from "../_static/scripts/search/engine.mjs";

/** @type {{title: string, text: string}[]} */
const entries = JSON.parse(readFileSync(0, "utf8"));
const index = new MiniSearch(OPTIONS);
index.addAll(entries.map(({ title, text }, id) => ({ id, title, text })));
process.stdout.write(JSON.stringify(index));
