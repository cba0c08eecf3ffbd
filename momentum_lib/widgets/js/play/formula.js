// A typed formula as a surface: its value, its gradient by the rules of differentiation, and the engine's template. Pure.

import {
  TextError,
  compiled,
  javaScript,
  nameNode,
  node,
  numberNode,
  parse,
  print,
  reckon,
} from "./grammar.js";

/** @typedef {import("./grammar.js").Tree} Tree */
/** @typedef {import("../kit/types.js").Surface} Surface */

// ---------------------------------------------------------------------------------------------- trees that simplify themselves

const isNumber = (/** @type {Tree} */ a, /** @type {number} */ value) =>
  a.op === "number" && a.value === value;
const num = (/** @type {number} */ value) => numberNode(value);

/** @param {Tree} a @returns {Tree} */
function neg(a) {
  if (a.op === "number") return num(-a.value);
  return a.op === "neg" ? a.args[0] : node("neg", [a]);
}
/** @param {Tree} a @param {Tree} b @returns {Tree} */
function add(a, b) {
  if (isNumber(a, 0)) return b;
  if (isNumber(b, 0)) return a;
  if (a.op === "number" && b.op === "number") return num(a.value + b.value);
  return b.op === "neg" ? sub(a, b.args[0]) : node("+", [a, b]);
}
/** @param {Tree} a @param {Tree} b @returns {Tree} */
function sub(a, b) {
  if (isNumber(a, 0)) return neg(b);
  if (isNumber(b, 0)) return a;
  if (a.op === "number" && b.op === "number") return num(a.value - b.value);
  return b.op === "neg" ? add(a, b.args[0]) : node("-", [a, b]);
}
/** @param {Tree} a @param {Tree} b @returns {Tree} */
function mul(a, b) {
  if (isNumber(a, 0) || isNumber(b, 0)) return num(0);
  if (isNumber(a, 1)) return b;
  if (isNumber(b, 1)) return a;
  if (a.op === "neg") return neg(mul(a.args[0], b));
  if (b.op === "neg") return neg(mul(a, b.args[0]));
  if (a.op === "number" && b.op === "number") return num(a.value * b.value);
  if (b.op === "number") return mul(b, a);
  if (a.op === "number" && b.op === "*" && b.args[0].op === "number")
    return mul(num(a.value * b.args[0].value), b.args[1]);
  if (a.op !== "number" && b.op === "*" && b.args[0].op === "number")
    return mul(b.args[0], mul(a, b.args[1]));
  if (a.op === "*" && a.args[0].op === "number" && b.op !== "number")
    return mul(a.args[0], mul(a.args[1], b));
  return node("*", [a, b]);
}
/** @param {Tree} a @param {Tree} b @returns {Tree} */
function div(a, b) {
  if (isNumber(a, 0)) return num(0);
  if (isNumber(b, 1)) return a;
  return a.op === "neg" ? neg(div(a.args[0], b)) : node("/", [a, b]);
}
/** @param {Tree} a @param {number} exponent @returns {Tree} */
function power(a, exponent) {
  if (exponent === 0) return num(1);
  return exponent === 1 ? a : node("^", [a, num(exponent)]);
}

// ---------------------------------------------------------------------------------------------- derivatives

/** Of the functions of one value: the derivative at `a`, which is `whole`'s. @type {Record<string, (a: Tree, whole: Tree) => Tree>} */
const SLOPES = {
  sin: (a) => node("cos", [a]),
  cos: (a) => neg(node("sin", [a])),
  tan: (_, whole) => add(num(1), power(whole, 2)),
  exp: (_, whole) => whole,
  log: (a) => div(num(1), a),
  sqrt: (_, whole) => div(num(0.5), whole),
  abs: (a) => node("sign", [a]),
  tanh: (_, whole) => sub(num(1), power(whole, 2)),
  sign: () => num(0),
};

/**
 * The derivative of a tree. At a kink it is one of the two slopes, or for |a| zero, as gradients in libraries are.
 * @param {Tree} tree
 * @param {string} by
 * @returns {Tree}
 */
export function derivative(tree, by) {
  const { op, args } = tree,
    [a, b, c] = args,
    d = (/** @type {Tree} */ one) => derivative(one, by);
  switch (op) {
    case "number":
      return num(0);
    case "name":
      return num(tree.name === by ? 1 : 0);
    case "neg":
      return neg(d(a));
    case "+":
      return add(d(a), d(b));
    case "-":
      return sub(d(a), d(b));
    case "*":
      return add(mul(d(a), b), mul(a, d(b)));
    case "/": {
      const top = d(a),
        bottom = d(b);
      return isNumber(bottom, 0) ? div(top, b) : div(sub(top, mul(tree, bottom)), b);
    }
    case "^":
      return slopeOfPower(tree, d);
    case "max":
    case "min": {
      const [da, db] = [d(a), d(b)];
      return isNumber(da, 0) && isNumber(db, 0)
        ? da
        : node("where", [node(op === "max" ? ">" : "<", [a, b]), da, db]);
    }
    case "where": {
      const [db, dc] = [d(b), d(c)];
      return isNumber(db, 0) && isNumber(dc, 0) ? num(0) : node("where", [a, db, dc]);
    }
    default: {
      const inner = d(a);
      return isNumber(inner, 0) ? inner : mul(SLOPES[op](a, tree), inner);
    }
  }
}

/** @param {Tree} tree @param {(one: Tree) => Tree} d @returns {Tree} */
function slopeOfPower(tree, d) {
  const [a, b] = tree.args,
    fixed = constantOf(b);
  if (fixed !== null) {
    const inner = d(a);
    return isNumber(inner, 0) ? inner : mul(mul(num(fixed), power(a, fixed - 1)), inner);
  }
  const [da, db] = [d(a), d(b)],
    grown = isNumber(db, 0) ? num(0) : mul(tree, mul(db, node("log", [a])));
  return isNumber(da, 0) ? grown : add(grown, mul(mul(b, node("^", [a, sub(b, num(1))])), da));
}

/** The value of a tree without names; null for another. @param {Tree} tree @returns {number|null} */
function constantOf(tree) {
  if (tree.op === "name") return null;
  return tree.args.some((one) => constantOf(one) === null) ? null : reckon(tree)({});
}

// ---------------------------------------------------------------------------------------------- code

/** How the engine writes a coordinate. @param {string} name */
const perRun = (name) => `${name}$`;

/**
 * Several trees as lines and answers: what stands in them more than once is worked out once.
 * @param {Tree[]} trees
 * @returns {import("../kit/types.js").Formula}
 */
export function shared(trees) {
  const plain = javaScript(perRun),
    /** @type {Map<string, number>} */ times = new Map();
  /** @param {Tree} tree */
  function count(tree) {
    if (tree.args.length === 0) return;
    const key = print(tree, plain),
      seen = (times.get(key) ?? 0) + 1;
    times.set(key, seen);
    if (seen === 1) tree.args.forEach(count);
  }
  trees.forEach(count);
  /** @type {string[]} */
  const lines = [],
    /** @type {Map<string, string>} */ kept = new Map();
  /** The tree with names for what is worked out already. @param {Tree} tree @returns {Tree} */
  function put(tree) {
    if (tree.args.length === 0) return tree;
    const key = print(tree, plain),
      known = kept.get(key);
    if (known) return nameNode(known);
    const next = { ...tree, args: tree.args.map(put) };
    const compares = /^[<>=]/.test(tree.op);
    if ((times.get(key) ?? 0) < 2 || compares || tree.op === "neg") return next;
    const name = `part${kept.size}`;
    lines.push(`const ${name}$ = ${print(next, plain)};`);
    kept.set(key, name);
    return nameNode(name);
  }
  const answer = trees.map((tree) => print(put(tree), plain));
  return { lines, answer };
}

/** A formula of x and y as a function. @param {import("../kit/types.js").Formula} formula @param {Tree[]} trees @param {(numbers: string[]) => string} answer @param {boolean} many */
function functionOf(formula, trees, answer, many) {
  const made = compiled(["x$", "y$"], `${formula.lines.join("\n")}\nreturn ${answer(formula.answer)};`);
  if (made) return made;
  const each = trees.map(reckon);
  return many
    ? (/** @type {number} */ x, /** @type {number} */ y) => each.map((one) => one({ x, y }))
    : (/** @type {number} */ x, /** @type {number} */ y) => each[0]({ x, y });
}

/** @type {import("../kit/types.js").Box} */
const DOMAIN = [
  [-3, 3],
  [-2, 2],
];

/** A tree of x and y as a surface. It has no minima yet: who needs them looks for them on its box. @param {Tree} tree @returns {Surface} */
export function surfaceOfTree(tree) {
  const slopes = ["x", "y"].map((name) => derivative(tree, name)),
    value = shared([tree]),
    gradient = shared(slopes);
  return {
    name: `typed ${print(tree, javaScript(String))}`,
    title: "Your own",
    dim: 2,
    params: {},
    domain: DOMAIN,
    start: [-2, 1.2],
    minima: [],
    latex: "",
    template: { value, gradient },
    value: functionOf(value, [tree], ([one]) => one, false),
    gradient: functionOf(gradient, slopes, (both) => `[${both.join(", ")}]`, true),
  };
}

/**
 * The surface of a typed formula.
 * @param {string} text such as "(1 - x)^2 + 100*(y - x^2)^2"
 * @returns {{surface: Surface, tree: Tree, error: null} | {surface: null, tree: null, error: {text: string, at: number}}}
 */
export function surfaceFrom(text) {
  try {
    const tree = parse(text);
    return { surface: surfaceOfTree(tree), tree, error: null };
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    return { surface: null, tree: null, error: { text: error.message, at: error.at } };
  }
}
