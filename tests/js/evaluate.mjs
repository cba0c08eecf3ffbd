// Evaluates expressions over modules, for the fixture `js` of tests/conftest.py: one process, one request a line of JSON.
//
// Every request gets its modules anew, so no state of one reaches the next: what it imports carries the request's number
// in its address, and what that imports carries it, too.
import { registerHooks } from "node:module";
import { createInterface } from "node:readline";

const AsyncFunction = /** @type {new (...texts: string[]) => (...values: unknown[]) => Promise<string>} */ (
  (async () => {}).constructor
);
const numberIn = (/** @type {string|undefined} */ address) =>
  address && URL.canParse(address) ? new URL(address).search : "";

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const number = numberIn(found.url) || numberIn(context.parentURL);
    return number ? { ...found, url: found.url.split("?")[0] + number, format: "module" } : found;
  },
});

/** The value of an expression, as JSON; `uses` says what it calls its modules, `before` are statements that run first. @param {{number: number, uses: Record<string, string>, expression: string, before: string}} request */
async function evaluate({ number, uses, expression, before }) {
  const modules = await Promise.all(Object.values(uses).map((address) => import(`${address}?${number}`)));
  const value = new AsyncFunction(
    ...Object.keys(uses),
    `"use strict";\n${before}\nreturn JSON.stringify(\n${expression}\n);`,
  );
  return await value(...modules);
}

console.log = console.error; // standard output is for the answers
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await evaluate(JSON.parse(line)).then(
    (json) => ({ json }),
    (error) => ({ error: error?.stack ?? String(error) }),
  );
  process.stdout.write(JSON.stringify(answer) + "\n");
}
