// A rule typed in a few lines, as a rule of the engine. Pure.
//
//   look = theta - lr*beta*v      where the gradient is measured (left out: at theta)
//   z_0 = theta                   how a memory starts (left out: at zero)
//   v = beta*v + grad             a name that is read before it is assigned is a memory
//   theta = theta - lr*v          the step
//
// Names that are never assigned become hyper-parameters; t is the number of the step, from 1.

import { QUANTITIES } from "../generated/look.js";
import { RULES } from "../generated/rules.js";
import { TextError, isName, javaScript, namesIn, parse, print, reckon } from "./grammar.js";

/** @typedef {import("./grammar.js").Tree} Tree */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {{name: string, tree: Tree}} Line */
/** @typedef {{look: Tree|null, starts: Record<string, 0|"theta">, lines: Line[], memories: string[], locals: string[], hyper: string[], usesT: boolean}} Read */

const LONGEST = 800,
  MOST_LINES = 12,
  MOST_HYPER = 8;
const GIVEN = ["grad", "t", "pi"];

/** Names of the library's rules: these stand in the code as they are; codegen has seen to it that they mean nothing else there. */
const KNOWN = new Set(
  Object.values(RULES).flatMap(({ slots, hyper, template }) => [
    ...Object.keys(slots),
    ...Object.keys(hyper),
    ...template.locals,
  ]),
);
/** How a name of the reader's is written in code and in a setting. @param {string} name */
export const written = (name) =>
  KNOWN.has(name) || name === "theta" || name === "grad" || name === "t" ? name : `u_${name}_`;
/** The name as it was typed. @param {string} name */
export const plainName = (name) => /^u_(.+)_$/.exec(name)?.[1] ?? name;

/** What a hyper-parameter starts at and may be, by its name. @type {Record<string, [number, number, number]>} */
const USUAL = {
  lr: [0.05, 1e-6, 100],
  beta: [0.9, 0, 0.9999],
  beta1: [0.9, 0, 0.9999],
  beta2: [0.999, 0, 0.9999],
  beta3: [0.999, 0, 0.9999],
  mu: [0.9, 0, 0.9999],
  mu_x: [0.9, 0, 0.9999],
  mu_y: [0.7, 0, 0.9999],
  nu: [0.7, 0, 1],
  rho: [0.9, 0, 0.9999],
  gamma: [0.9, 0, 0.9999],
  eps: [1e-8, 0, 1],
  dampening: [0, 0, 1],
  alpha: [1, 0, 10],
  weight_decay: [0, 0, 1],
  momentum_decay: [0.004, 0, 1],
};
/** Where a hyper-parameter starts, and its ends. @param {string} name as typed or as written @returns {[number, number, number]} */
export function usual(name) {
  const plain = plainName(name);
  return Object.hasOwn(USUAL, plain) ? USUAL[plain] : [0.5, 0, 2];
}

/** The parts of a text, each with where it begins. @param {string} text */
function linesOf(text) {
  if (text.length > LONGEST)
    throw new TextError(
      `The rule has ${text.length} characters and at most ${LONGEST} are read: shorten it.`,
      LONGEST,
    );
  const out = [];
  for (const found of text.matchAll(/[^\n;]+/g))
    if (found[0].trim()) out.push({ text: found[0], at: found.index });
  if (out.length > MOST_LINES)
    throw new TextError(
      `The rule has ${out.length} lines and at most ${MOST_LINES} are read: join some.`,
      out[MOST_LINES].at,
    );
  return out;
}

/** @param {string} name @param {number} at */
function checkAssigned(name, at) {
  if (GIVEN.includes(name))
    throw new TextError(
      `\u201c${name}\u201d is given and cannot be assigned: use another name on the left.`,
      at,
    );
  if (!isName(name))
    throw new TextError(
      `\u201c${name}\u201d cannot be a name here: use another word of at most 20 letters.`,
      at,
    );
}

/** A line "name = expression". @param {{text: string, at: number}} line @returns {Line & {at: number}} */
function readLine({ text, at }) {
  const found = /^\s*([A-Za-z_]\w*)\s*=(?!=)/.exec(text);
  if (!found)
    throw new TextError(
      `\u201c${text.trim().slice(0, 40)}\u201d is no step of a rule: write a name, =, and what it becomes, as in v = beta*v + grad.`,
      at,
    );
  checkAssigned(found[1], at);
  try {
    return {
      name: found[1],
      tree: parse(text.slice(found[0].length), { names: null, constants: { pi: Math.PI }, longest: LONGEST }),
      at,
    };
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    const from = at + found[0].length;
    throw new TextError(`In \u201c${found[1]} = \u2026\u201d: ${error.message}`, from + error.at);
  }
}

/** A memory's first value. @param {Line & {at: number}} line @returns {0|"theta"} */
function startOf({ name, tree, at }) {
  if (tree.op === "name" && tree.name === "theta") return "theta";
  if (tree.op === "number" && tree.value === 0) return 0;
  throw new TextError(`A memory starts at 0 or at theta: write ${name} = 0 or ${name} = theta.`, at);
}

/**
 * What a text says: its lines in order, and what each name is.
 * @param {string} text
 * @returns {Read}
 * @throws {TextError}
 */
export function readRule(text) {
  const all = linesOf(text).map(readLine),
    /** @type {Read["starts"]} */ starts = {},
    lines = [];
  let look = null;
  for (const line of all) {
    const begins = /^(\w+)_0$/.exec(line.name);
    if (begins) starts[begins[1]] = startOf(line);
    else if (line.name === "look") {
      if (lines.length || look)
        throw new TextError(
          "look says where the gradient is measured, so it comes once and before all that changes: move it up.",
          line.at,
        );
      look = line.tree;
    } else lines.push(line);
  }
  if (!lines.some(({ name }) => name === "theta"))
    throw new TextError(
      "No line says what theta becomes: end with a line such as theta = theta - lr*v.",
      text.length,
    );
  const assigned = new Set(lines.map(({ name }) => name)),
    /** @type {Set<string>} */ done = new Set(),
    /** @type {Set<string>} */ memories = new Set(),
    /** @type {Set<string>} */ free = new Set();
  const use = (/** @type {Tree} */ tree) => {
    for (const name of namesIn(tree)) {
      if (name === "theta") continue;
      if (!assigned.has(name)) free.add(name);
      else if (!done.has(name)) memories.add(name);
    }
  };
  if (look) use(look);
  if (look && namesIn(look).has("grad"))
    throw new TextError(
      "look cannot use grad, which is measured there: use theta, memories and settings.",
      0,
    );
  for (const { name, tree } of lines) {
    use(tree);
    done.add(name);
  }
  const stray = Object.keys(starts).find((name) => !memories.has(name));
  if (stray !== undefined)
    throw new TextError(
      `${stray}_0 starts a memory, and no line reads ${stray} before it changes: take it away, or use ${stray}.`,
      0,
    );
  const hyper = [...free].filter((name) => !GIVEN.includes(name));
  if (free.has("look"))
    throw new TextError(
      "\u201clook\u201d is where the gradient is measured: give it a line of its own, or use theta.",
      0,
    );
  if (hyper.length > MOST_HYPER)
    throw new TextError(
      `The rule has ${hyper.length} settings (${hyper.join(", ")}) and at most ${MOST_HYPER} are shown: write some as numbers.`,
      0,
    );
  return {
    look,
    starts,
    lines: lines.map(({ name, tree }) => ({ name, tree })),
    memories: [...memories],
    locals: [...assigned].filter((name) => name !== "theta" && !memories.has(name)),
    hyper: ["lr", ...hyper].filter((name, k, list) => hyper.includes(name) && list.indexOf(name) === k),
    usesT: free.has("t"),
  };
}

/** @param {string} name as the engine writes what is one coordinate's */
const perRun = (name) => `${written(name)}$`;

/** The engine's template. @param {Read} read @returns {import("../kit/types.js").RuleTemplate} */
function templateOf({ look, lines, memories, locals, hyper }) {
  const once = new Set([...hyper, "t"]),
    language = javaScript((name) => (once.has(name) ? written(name) : perRun(name)));
  return {
    locals: locals.map(written),
    step: lines.map(({ name, tree }) => `${perRun(name)} = ${print(tree, language)};`),
    next: ["theta", ...memories].map(perRun),
    look: look && print(look, language),
    read: null,
  };
}

/** One step of one coordinate, as a function. @param {Read} read @returns {Rule["step"]} */
function stepOf({ lines, memories }) {
  const each = lines.map(({ name, tree }) => ({ name, value: reckon(tree) }));
  return (theta, grad, t, slots, hyper) => {
    const known = settings(hyper);
    Object.assign(known, { theta, grad, t });
    memories.forEach((name, k) => {
      known[name] = slots[k];
    });
    for (const { name, value } of each) known[name] = value(known);
    return [known.theta, memories.map((name) => known[name])];
  };
}
/** The numbers of a setting by the names that were typed. @param {Record<string, number>} hyper @returns {Record<string, number>} */
const settings = (hyper) =>
  Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(hyper).map(([name, value]) => [plainName(name), value])),
  );

/** The rule in Greek, as the library's lines are. @param {Read} read */
function readable({ look, lines }) {
  const symbol = (/** @type {string} */ name) => (name === "grad" ? "g" : (QUANTITIES[name]?.symbol ?? name));
  const language = {
    ...javaScript(symbol),
    equal: "=",
    call: (/** @type {string} */ what, /** @type {string[]} */ values) =>
      what === "where"
        ? `${values[1]} if ${values[0]}, else ${values[2]}`
        : what === "sqrt"
          ? `\u221a${/^[^ ()^]+$/.test(values[0]) ? values[0] : `(${values[0]})`}`
          : `${what}(${values.join(", ")})`,
    /** @type {import("./grammar.js").Language["power"]} */
    power: (base, exponent, of) =>
      of(base, 5) +
      ({ 2: "\u00b2", 3: "\u00b3", t: "\u1d57" }[exponent.name || exponent.value] ?? `^${of(exponent, 5)}`),
  };
  const text = (/** @type {Tree} */ tree) =>
    print(tree, language)
      .replace(/ \* (?=\d)/g, " \u00b7 ")
      .replaceAll(" * ", " ")
      .replaceAll(" - ", " \u2212 ")
      .replace(/(^|\()-/g, "$1\u2212");
  return [
    ...(look ? [`g = \u2207f(${text(look)})`] : []),
    ...lines.map(({ name, tree }) => `${symbol(name)} \u2190 ${text(tree)}`),
  ];
}

/**
 * The rule of a typed text.
 * @param {string} text
 * @returns {{rule: Rule, read: Read, error: null} | {rule: null, read: null, error: {text: string, at: number}}}
 */
export function ruleFrom(text) {
  let read;
  try {
    read = readRule(text);
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    return { rule: null, read: null, error: { text: error.message, at: error.at } };
  }
  const template = templateOf(read),
    { memories, starts, look } = read,
    at = look && reckon(look);
  /** @type {Rule} */
  const rule = {
    name: `typed ${template.look ?? ""} ${JSON.stringify(starts)} ${template.step.join(" ")}`,
    title: "Your own",
    family: familyOf(read),
    dash: "none",
    slots: Object.fromEntries(memories.map((name) => [written(name), starts[name] ?? 0])),
    hyper: Object.fromEntries(
      read.hyper.map((name) => [written(name), name === "lr" ? null : usual(name)[0]]),
    ),
    momentum:
      ["beta", "beta1", "mu"].map(written).find((name) => read.hyper.map(written).includes(name)) ?? null,
    usesT: read.usesT,
    sameAs: null,
    latex: "",
    python: "",
    lines: readable(read),
    template,
    step: stepOf(read),
    lookAt(theta, slots, hyper) {
      if (!at) return theta;
      const known = settings(hyper);
      known.theta = theta;
      memories.forEach((name, k) => {
        known[name] = slots[k];
      });
      return at(known);
    },
    readAt: (theta) => theta,
  };
  return { rule, read, error: null };
}

/** The family whose colour a typed rule has. @param {Read} read */
function familyOf({ memories, lines, look }) {
  /** @type {(tree: Tree, op: string) => boolean} */
  const holds = (tree, op) => tree.op === op || tree.args.some((one) => holds(one, op));
  if (lines.some(({ tree }) => holds(tree, "sign"))) return "sign";
  if (lines.some(({ tree }) => holds(tree, "sqrt"))) return "adaptive";
  if (look) return "nesterov";
  return memories.length ? "momentum" : "gradient";
}
