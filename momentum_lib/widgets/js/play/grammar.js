// The plain notation in which a reader types a formula or a line of a rule: from text to a tree, and from a tree to JavaScript,
// to Python, or to a number. What is typed is never run: only what a tree says is printed, from a closed list of signs, functions
// and names. Pure.

/** @typedef {{op: string, value: number, name: string, args: Tree[], at: number}} Tree "number", "name", a sign, or a function */
/** @typedef {{names: string[]|null, constants: Record<string, number>, longest: number}} Dialect `names`: null where any may stand */

const DEEPEST = 60,
  MOST_PARTS = 900;

/** What a text may call, and with how many values. @type {Record<string, number>} */
export const FUNCTIONS = {
  sin: 1,
  cos: 1,
  tan: 1,
  exp: 1,
  log: 1,
  sqrt: 1,
  abs: 1,
  tanh: 1,
  sign: 1,
  max: 2,
  min: 2,
  where: 3,
};
/** Other spellings of the same: the library's own, and the usual ones. @type {Record<string, string>} */
const ALSO = { ln: "log", absolute: "abs", maximum: "max", minimum: "min" };
const CONSTANTS = { pi: Math.PI, e: Math.E };

/** Words that no name may be: they mean something in JavaScript or Python, or in the code that is copied. */
const WORDS = new Set(
  (
    "this window self globalThis document Function eval arguments constructor prototype toString valueOf hasOwnProperty " +
    "isPrototypeOf propertyIsEnumerable toLocaleString process require module exports Math Number undefined null true false " +
    "NaN Infinity break case catch class const continue debugger default delete do else enum export extends finally for " +
    "function if implements import in instanceof interface let new package private protected public return static super " +
    "switch throw try typeof var void while with yield await async and as assert def del elif except from global is lambda " +
    "nonlocal not or pass raise None True False np numpy torch jax jnp optax rules surfaces surface rule descend print"
  ).split(" "),
);

/** What is wrong with a typed text, in a sentence, and where (from 0). */
export class TextError extends Error {
  /** @param {string} sentence @param {number} at */
  constructor(sentence, at) {
    super(sentence);
    this.name = "TextError";
    this.at = at;
  }
}

/** @param {string} op @param {Tree[]} args @param {number} [at] @returns {Tree} */
export const node = (op, args, at = 0) => ({ op, value: 0, name: "", args, at });
/** @param {number} value @param {number} [at] @returns {Tree} */
export const numberNode = (value, at = 0) => ({ op: "number", value, name: "", args: [], at });
/** @param {string} name @param {number} [at] @returns {Tree} */
export const nameNode = (name, at = 0) => ({ op: "name", value: 0, name, args: [], at });

/** Names in a sentence: "x and y". @param {string[]} names */
export const listed = (names) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

// ---------------------------------------------------------------------------------------------- from text to words

/** @typedef {{kind: "number"|"name"|"sign"|"end", text: string, value: number, at: number}} Word */

const WORD =
  /[ \t\u00a0]*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|([A-Za-z][A-Za-z0-9_]*)|(\*\*|[<>=]=|[-+*/^(),|<>\u2212\u00b7]))/y;
/** Typographic signs that paste brings along. @type {Record<string, string>} */
const PASTED = { "**": "^", "\u2212": "-", "\u00b7": "*" };

/** @param {string} text @param {number} longest @returns {Word[]} */
function words(text, longest) {
  if (text.length > longest)
    throw new TextError(
      `This has ${text.length} characters and at most ${longest} are read: shorten it.`,
      longest,
    );
  /** @type {Word[]} */
  const out = [];
  WORD.lastIndex = 0;
  const blank = /[ \t\u00a0]*/y;
  for (;;) {
    const from = WORD.lastIndex;
    blank.lastIndex = from;
    const at = from + (blank.exec(text)?.[0].length ?? 0);
    if (at === text.length) break;
    WORD.lastIndex = from;
    const found = WORD.exec(text);
    if (!found) {
      const letter = String.fromCodePoint(/** @type {number} */ (text.codePointAt(at)));
      throw new TextError(
        `Place ${at + 1} has \u201c${letter}\u201d, which is not read here: use digits, plain letters, + - * / ^ and brackets.`,
        at,
      );
    }
    if (found[1] !== undefined) out.push({ kind: "number", text: found[1], value: Number(found[1]), at });
    else if (found[2] !== undefined) out.push({ kind: "name", text: found[2], value: 0, at });
    else out.push({ kind: "sign", text: PASTED[found[3]] ?? found[3], value: 0, at });
  }
  out.push({ kind: "end", text: "", value: 0, at: text.length });
  return out;
}

// ---------------------------------------------------------------------------------------------- from words to a tree

/** How tightly a sign binds. @type {Record<string, number>} */
const BINDS = { "+": 1, "-": 1, "*": 2, "/": 2, "^": 4 };
const UNARY = 3;
const COMPARES = ["<", "<=", ">", ">=", "=="];

/** Where a word stands, as a sentence begins. @param {Word} word */
const place = (word) => (word.kind === "end" ? "At the end" : `At place ${word.at + 1}`);

/**
 * The tree of a text.
 * @param {string} text
 * @param {Partial<Dialect>} [dialect] by default a formula of x and y
 * @returns {Tree}
 * @throws {TextError}
 */
export function parse(text, { names = ["x", "y"], constants = CONSTANTS, longest = 400 } = {}) {
  const all = words(text, longest);
  let k = 0,
    deep = 0,
    bars = 0,
    parts = 0;
  const now = () => all[k];
  const isSign = (/** @type {string} */ sign) => now().kind === "sign" && now().text === sign;

  /** @param {string} sign @param {string} opened */
  function close(sign, opened) {
    if (!isSign(sign))
      throw new TextError(
        `${place(now())} a \u201c${sign}\u201d is missing: it closes ${opened}. Add it.`,
        now().at,
      );
    k++;
  }
  /** @param {Tree} part */
  function counted(part) {
    if (++parts > MOST_PARTS)
      throw new TextError(`This has more than ${MOST_PARTS} parts: write it shorter.`, now().at);
    return part;
  }
  /** A name that is no function. @param {Word} word */
  function named(word) {
    const { text: name, at } = word;
    if (Object.hasOwn(constants, name)) return numberNode(constants[name], at);
    if (names === null ? isName(name) : names.includes(name)) return nameNode(name, at);
    throw new TextError(`${place(word)} ${whyNoName(name, names, constants)}`, at);
  }
  /** A function and its values. @param {Word} word */
  function called(word) {
    const name = ALSO[Object.hasOwn(ALSO, word.text) ? word.text : ""] ?? word.text;
    if (!Object.hasOwn(FUNCTIONS, name))
      throw new TextError(`${place(word)} ${whyNoFunction(name, names, constants)}`, word.at);
    k++;
    const args = [name === "where" ? comparison() : expression(0)];
    while (isSign(",")) {
      k++;
      args.push(expression(0));
    }
    close(")", `${name}(`);
    if (args.length !== FUNCTIONS[name])
      throw new TextError(
        `${place(word)} ${name} has ${args.length} value${args.length === 1 ? "" : "s"} and takes ${FUNCTIONS[name]}: ` +
          `write ${name}(${["a", "b", "c"].slice(0, FUNCTIONS[name]).join(", ")}).`,
        word.at,
      );
    return node(name, args, word.at);
  }
  /** What `where` chooses by. */
  function comparison() {
    const left = expression(0),
      sign = now();
    if (sign.kind !== "sign" || !COMPARES.includes(sign.text))
      throw new TextError(
        `${place(sign)} where has no comparison: write for example where(x > 0, a, b).`,
        sign.at,
      );
    k++;
    return counted(node(sign.text, [left, expression(0)], sign.at));
  }
  /** A number, a name, a call, something in brackets, or one of these with a sign before it. @returns {Tree} */
  function operand() {
    const word = now();
    k++;
    if (word.kind === "number") {
      if (!Number.isFinite(word.value))
        throw new TextError(
          `${place(word)} the number ${word.text} is too large: at most 1.8e308 is read.`,
          word.at,
        );
      return numberNode(word.value, word.at);
    }
    if (word.kind === "name") return isSign("(") ? called(word) : named(word);
    if (word.text === "-") return node("neg", [expression(UNARY)], word.at);
    if (word.text === "+") return expression(UNARY);
    if (word.text === "(") {
      const held = bars;
      bars = 0;
      const inner = expression(0);
      close(")", "the bracket");
      bars = held;
      return inner;
    }
    if (word.text === "|") {
      bars++;
      const inner = expression(0);
      close("|", "the bar before it");
      bars--;
      return node("abs", [inner], word.at);
    }
    throw new TextError(
      word.kind === "end"
        ? "The text ends where a number, a name or a bracket is due: finish it."
        : `${place(word)} \u201c${word.text}\u201d stands where a number, a name or a bracket is due: put one before it.`,
      word.at,
    );
  }
  /** Whether a product without a sign goes on here: 2x, 3(x + 1), (x)(y), (x)y. */
  const goesOn = () => {
    const before = all[k - 1],
      after = now();
    return (
      (before.kind === "number" || (before.kind === "sign" && before.text === ")")) &&
      (after.kind === "name" || (after.kind === "sign" && after.text === "("))
    );
  };
  /** Refuse a product without a sign where it may mean two things. @param {string} last the sign before it */
  function checkProduct(last) {
    const { text: name, at } = now(),
      { kind, text: first } = all[k - 1];
    if (last === "/" || last === "^")
      throw new TextError(
        `${place(now())} it is not clear what \u201c${last}\u201d takes: write * and put brackets, as in (1/2)*x or 1/(2*x).`,
        at,
      );
    if (kind === "number" && /^e\d*$/i.test(name))
      throw new TextError(
        `${place(now())} it is not clear whether ${first}${name} is one number: write ${first}*${name}.`,
        at,
      );
  }
  /** @param {number} least the weakest sign that still belongs to it @returns {Tree} */
  function expression(least) {
    if (++deep > DEEPEST)
      throw new TextError(`This is nested more than ${DEEPEST} deep: write it flatter.`, now().at);
    let left = counted(operand()),
      last = "";
    for (;;) {
      const word = now(),
        silent = goesOn(),
        sign = silent ? "*" : word.kind === "sign" ? word.text : "",
        binds = Object.hasOwn(BINDS, sign) ? BINDS[sign] : 0;
      if (binds === 0 || binds <= least) break;
      if (silent) checkProduct(last);
      if (!silent) k++;
      const right = expression(sign === "^" ? UNARY : binds);
      left = counted(node(sign, [left, right], word.at));
      last = sign;
    }
    deep--;
    return left;
  }

  const tree = expression(0);
  if (now().kind !== "end") throw new TextError(`${place(now())} ${whyNotOn(now())}`, now().at);
  return tree;
}

/** Why nothing can go on with this word. @param {Word} word */
function whyNotOn({ kind, text }) {
  if (text === ")") return "a \u201c)\u201d closes nothing: take it away, or open its bracket.";
  return kind === "sign"
    ? `\u201c${text}\u201d cannot stand here: allowed are + - * / ^ between two values.`
    : `\u201c${text}\u201d follows without a sign: put +, -, *, / or ^ before it.`;
}
/** Why a word cannot stand as a name. @param {string} name @param {Dialect["names"]} names @param {Dialect["constants"]} constants */
function whyNoName(name, names, constants) {
  if (Object.hasOwn(FUNCTIONS, name) || Object.hasOwn(ALSO, name))
    return `\u201c${name}\u201d has no brackets: write ${name}(\u2026).`;
  if (names === null)
    return `\u201c${name}\u201d cannot be a name here: use another word of at most 20 letters.`;
  const product =
    name.length > 1 && [...name].every((letter) => names.includes(letter))
      ? ` For a product write ${[...name].join("*")}.`
      : "";
  return `\u201c${name}\u201d is not known: the names are ${listed([...names, ...Object.keys(constants)])}.${product}`;
}
/** Why a word before a bracket is no function. @param {string} name @param {Dialect["names"]} names @param {Dialect["constants"]} constants */
const whyNoFunction = (name, names, constants) =>
  names === null || names.includes(name) || Object.hasOwn(constants, name)
    ? `\u201c${name}\u201d is no function: for a product write ${name}*(\u2026).`
    : `the function \u201c${name}\u201d is not known: known are ${listed(Object.keys(FUNCTIONS))}.`;

/** Whether a word may be a name of the reader's own. @param {string} name */
export const isName = (name) =>
  /^[A-Za-z][A-Za-z0-9_]{0,19}$/.test(name) &&
  !WORDS.has(name) &&
  !Object.hasOwn(FUNCTIONS, name) &&
  !Object.hasOwn(ALSO, name);

// ---------------------------------------------------------------------------------------------- from a tree to code

/** @typedef {{name: (name: string) => string, number: (value: number) => string, call: (name: string, values: string[], args: Tree[]) => string,
 *   power: (base: Tree, exponent: Tree, print: (tree: Tree, need?: number) => string) => string, equal: string}} Language */

const LEVELS = /** @type {Record<string, number>} */ ({ "+": 1, "-": 1, "*": 2, "/": 2, neg: 3, "^": 4 });

/** The text of a tree, with brackets where they are due. @param {Tree} tree @param {Language} language @param {number} [need] @returns {string} */
export function print(tree, language, need = 0) {
  const { op, args } = tree,
    of = (/** @type {Tree} */ one, least = 0) => print(one, language, least);
  let text,
    level = 9;
  if (op === "number") text = language.number(tree.value);
  else if (op === "name") text = language.name(tree.name);
  else if (op === "neg") {
    const inner = of(args[0], UNARY);
    text = inner.startsWith("-") ? `-(${inner})` : `-${inner}`;
    level = UNARY;
  } else if (op === "^") text = language.power(args[0], args[1], of);
  else if (COMPARES.includes(op)) {
    text = `${of(args[0], 1)} ${op === "==" ? language.equal : op} ${of(args[1], 1)}`;
    level = 0;
  } else if (Object.hasOwn(LEVELS, op)) {
    level = LEVELS[op];
    text = `${of(args[0], level)} ${op} ${of(args[1], level + 1)}`;
  } else
    text = language.call(
      op,
      args.map((one) => of(one)),
      args,
    );
  return level < need || (need > 1 && text.startsWith("-")) ? `(${text})` : text;
}

/** A power of 2 or 3 as a product, as in the library; it is exact where pow is not, and many times faster. @param {Tree} tree */
const whole = ({ op, value }) => (op === "number" && (value === 2 || value === 3) ? value : 0);

/** @param {(name: string) => string} name how a name is written @returns {Language} */
export const javaScript = (name) => ({
  name,
  number: String,
  equal: "===",
  call: (what, values) =>
    what === "where" ? `(${values[0]} ? ${values[1]} : ${values[2]})` : `Math.${what}(${values.join(", ")})`,
  power(base, exponent, of) {
    const times = whole(exponent);
    if (!times) return `Math.pow(${of(base)}, ${of(exponent)})`;
    if (base.op === "name") return `(${Array(times).fill(of(base)).join(" * ")})`;
    return `${times === 2 ? "square" : "cube"}(${of(base)})`;
  },
});

// ---------------------------------------------------------------------------------------------- from a tree to a number

/** @typedef {(known: Record<string, number>) => number} Reckon */

/** @type {Record<string, (a: number, b: number) => number>} */
const SIGNS = {
  neg: (a) => -a,
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "<": (a, b) => Number(a < b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b),
  "==": (a, b) => Number(a === b),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  tanh: Math.tanh,
  sign: Math.sign,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
};

/** The same arithmetic as the printed JavaScript, without compiling: for pages that forbid it. @param {Tree} tree @returns {Reckon} */
export function reckon(tree) {
  const { op, value, name } = tree,
    [a, b, c] = tree.args.map(reckon);
  if (op === "number") return () => value;
  if (op === "name") return (known) => known[name];
  if (op === "where") return (known) => (a(known) ? b(known) : c(known));
  if (op === "^") {
    const times = whole(tree.args[1]);
    if (times)
      return (known) => {
        const base = a(known);
        return times === 2 ? base * base : base * base * base;
      };
    return (known) => Math.pow(a(known), b(known));
  }
  const apply = SIGNS[op];
  return b ? (known) => apply(a(known), b(known)) : (known) => apply(a(known), 0);
}

/** Every name that a tree holds, each once. @param {Tree} tree @param {Set<string>} [into] */
export function namesIn(tree, into = new Set()) {
  if (tree.op === "name") into.add(tree.name);
  for (const one of tree.args) namesIn(one, into);
  return into;
}

const HELPERS = "const square = (a) => a * a, cube = (a) => a * a * a;\n";
/**
 * The function of a source that was printed from trees; null where the page forbids code from text.
 * @param {string[]} takes
 * @param {string} body
 * @returns {((...values: any[]) => any)|null}
 */
export function compiled(takes, body) {
  try {
    return new Function(`"use strict";\n${HELPERS}return (${takes.join(", ")}) => {${body}};`)();
  } catch (error) {
    if (error instanceof EvalError) return null;
    throw error;
  }
}
