// Syntax trees of JavaScript for tests/syntax.py: read by acorn, the owner of each name told by eslint-scope.
//
// Reads {texts: [...], snippets: [...]} from standard input and writes their trees to standard output.
// A tree is [kind, parts, start, end, name, owner, title]; the parts are [key, value] pairs in the order of the keys.
import { readFileSync } from "node:fs";
import * as acorn from "acorn";
import { analyze } from "eslint-scope";

/** @typedef {any} Piece a node of the parser's tree, a list of them, or a plain value */
/** @typedef {{of: Map<Piece, number>, own: string[]}} Owners the scope of each local name, and the names that the module owns */
/** @typedef {{owners: Owners["of"], shift: number}} Reading `shift`: how many characters stand in front that are not the text's */

const PLACES = new Set(["type", "start", "end", "range", "shorthand", "raw"]);
const PUBLIC = new Set(["global", "module", "class"]);

/** @param {string} text @returns {Piece} */
const parse = (text) =>
  acorn.parse(text, {
    ecmaVersion: "latest",
    sourceType: "module",
    ranges: true,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
  });

/** @param {Piece} program @returns {Owners} */
function ownersIn(program) {
  const of = new Map(),
    { scopes } = analyze(program, { ecmaVersion: 2022, sourceType: "module" }),
    ofModules = scopes.filter((scope) => scope.type === "module").flatMap((scope) => scope.variables);
  scopes.forEach((scope, number) => {
    if (PUBLIC.has(scope.type)) return;
    for (const variable of scope.variables.filter((one) => one.defs.length)) {
      for (const identifier of variable.identifiers) of.set(identifier, number);
      for (const { identifier } of variable.references) of.set(identifier, number);
    }
  });
  return { of, own: ofModules.map((variable) => variable.name) };
}

/** Whether an identifier is a property's name, not a variable. @param {Piece} parent @param {string} key */
const isKey = (parent, key) =>
  (key === "property" && parent.type === "MemberExpression" && !parent.computed) ||
  (key === "key" && !parent.computed) ||
  ["label", "imported", "exported"].includes(key);

/** What the module's users call a function, a class, a method, a constant; null for anything else. @param {Piece} node @param {Owners["of"]} owners */
function titleOf(node, owners) {
  const name =
    /Declarat|PropertyDefinition|MethodDefinition|^Property$/.test(node.type) && (node.id ?? node.key);
  return name && name.type === "Identifier" && !owners.has(name) ? name.name : null;
}

/** @param {Piece} node @param {Reading} reading @param {Piece} [parent] @param {string} [key] @returns {Piece} */
function tree(node, reading, parent = {}, key = "") {
  if (Array.isArray(node)) return node.map((one) => tree(one, reading, parent, key));
  if (typeof node === "bigint" || node instanceof RegExp) return String(node);
  if (!node || typeof node !== "object") return node;
  if (!node.type) return JSON.stringify(node); // a template's text, a pattern's flags
  const { owners, shift } = reading,
    at = [node.start - shift, node.end - shift];
  if (node.type === "Identifier" && !isKey(parent, key))
    return ["Identifier", [], ...at, node.name, owners.get(node) ?? null, null];
  const keys = Object.keys(node).filter((one) => !PLACES.has(one)),
    parts = keys.sort().map((one) => [one, tree(node[one], reading, node, one)]);
  return [node.type, parts, ...at, null, null, titleOf(node, owners)];
}

/** A module: its tree, and the names that are its own. @param {string} text */
function moduleOf(text) {
  const program = parse(text),
    { of, own } = ownersIn(program);
  return { tree: tree(program, { owners: of, shift: 0 }), own };
}

/**
 * What a snippet can be besides statements: an expression, a property of an object, the declaration of a variable,
 * wherever it stands in a list of them. What the parser must have around it, and where it is then found.
 * @type {{kind: string, before: string, after: string, take: (body: Piece) => Piece}[]}
 */
const READINGS = [
  { kind: "expression", before: "(", after: "\n)", take: ([one]) => one.expression },
  { kind: "property", before: "({", after: "\n})", take: ([one]) => one.expression.properties[0] },
  {
    kind: "declaration",
    before: "",
    after: "",
    take: ([one, two]) => !two && one.declarations?.length === 1 && one.declarations[0],
  },
  { kind: "statements", before: "", after: "", take: (body) => body },
];

/** A snippet: the first of its readings that the parser accepts. Its names are nobody's but a function's in it. @param {string} text */
function snippet(text) {
  for (const { kind, before, after, take } of READINGS) {
    try {
      const program = parse(before + text + after),
        found = take(program.body),
        reading = { owners: ownersIn(program).of, shift: before.length };
      if (found) return { kind, nodes: [tree(found, reading)].flat(kind === "statements" ? 1 : 0) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  throw new SyntaxError(`a snippet is an expression, a property or statements, not: ${text}`);
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(
  JSON.stringify({
    texts: asked.texts.map(moduleOf),
    snippets: asked.snippets.map(snippet),
    known: Object.getOwnPropertyNames(globalThis),
  }),
);
