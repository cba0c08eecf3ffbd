// Syntax trees of JavaScript for tests/syntax.py: read by acorn, the owner of each name told by eslint-scope.
//
// Reads {texts: [...], snippets: [...]} from standard input and writes two lists of trees to standard output.
// A tree is [kind, parts, start, end, name, owner, title]; the parts are [key, value] pairs in the parser's order.
import { readFileSync } from "node:fs";
import * as acorn from "acorn";
import { analyze } from "eslint-scope";

const OPTIONS = {
  ecmaVersion: "latest",
  sourceType: "module",
  ranges: true,
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
};
const PLACES = new Set(["type", "start", "end", "range", "shorthand", "raw", "optionalChain"]);
const PUBLIC = new Set(["global", "module", "class"]);

/** The number of the scope that owns each local name (a map from identifiers), and the names that the module owns. */
function ownersOf(program) {
  const owners = new Map(),
    scopes = analyze(program, { ecmaVersion: 2022, sourceType: "module" }).scopes,
    own = scopes.filter((scope) => scope.type === "module").flatMap((scope) => scope.variables);
  scopes.forEach((scope, number) => {
    if (PUBLIC.has(scope.type)) return;
    for (const variable of scope.variables.filter((one) => one.defs.length)) {
      for (const identifier of variable.identifiers) owners.set(identifier, number);
      for (const { identifier } of variable.references) owners.set(identifier, number);
    }
  });
  return { owners, own: own.map((variable) => variable.name) };
}

/** Whether an identifier is a property's name, not a variable. */
const isKey = (parent, key) =>
  (key === "property" && parent.type === "MemberExpression" && !parent.computed) ||
  (key === "key" && !parent.computed) ||
  ["label", "imported", "exported"].includes(key);

/** What the module's users call a function, a class, a method, a constant; null for anything else. */
function titleOf(node, owners) {
  const name = /Declarat|PropertyDefinition|MethodDefinition|^Property$/.test(node.type) && (node.id ?? node.key);
  return name && name.type === "Identifier" && !owners.has(name) ? name.name : null;
}

function tree(node, owners, parent, key) {
  if (Array.isArray(node)) return node.map((one) => tree(one, owners, parent, key));
  if (typeof node === "bigint") return String(node);
  if (!node || typeof node !== "object") return node;
  if (node instanceof RegExp) return String(node);
  if (!node.type) return JSON.stringify(node); // a template's text, a pattern's flags
  const at = [node.start, node.end];
  if (node.type === "Identifier" && !isKey(parent, key))
    return ["Identifier", [], ...at, node.name, owners.get(node) ?? null, null];
  const parts = Object.keys(node)
    .filter((one) => !PLACES.has(one))
    .sort()
    .map((one) => [one, tree(node[one], owners, node, one)]);
  return [node.type, parts, ...at, null, null, titleOf(node, owners)];
}

const whole = (text) => {
  const program = acorn.parse(text, OPTIONS);
  const { owners, own } = ownersOf(program);
  return { tree: tree(program, owners, {}, ""), own };
};

/** The tree with every place moved back by one character, which a parenthesis in front has taken. */
function moved(part) {
  if (!Array.isArray(part)) return part;
  if (typeof part[0] !== "string" || part.length !== 7) return part.map(moved);
  const [kind, parts, start, end, ...rest] = part;
  return [kind, parts.map(([key, value]) => [key, moved(value)]), start - 1, end - 1, ...rest];
}

/** A snippet's trees: an expression, a property of an object, the declaration of a
 * variable (wherever it stands in a list of them), or statements. Its names are nobody's but a function's in it. */
function snippet(text) {
  const readings = [
    ["expression", `(${text}\n)`, (program) => program.body[0].expression],
    ["property", `({${text}\n})`, (program) => program.body[0].expression.properties[0]],
  ];
  for (const [kind, whole, take] of readings) {
    try {
      const program = acorn.parse(whole, OPTIONS),
        found = moved(tree(take(program), ownersOf(program).owners, {}, ""));
      return { kind, nodes: kind === "property" ? [moved(found)] : [found] };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  const program = acorn.parse(text, OPTIONS),
    [first, second] = program.body;
  if (!second && first.type === "VariableDeclaration" && first.declarations.length === 1)
    return { kind: "declaration", nodes: [tree(first.declarations[0], ownersOf(program).owners, first, "")] };
  return { kind: "statements", nodes: tree(program.body, ownersOf(program).owners, program, "body") };
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(
  JSON.stringify({
    texts: asked.texts.map(whole),
    snippets: asked.snippets.map(snippet),
    known: Object.getOwnPropertyNames(globalThis),
  }),
);
