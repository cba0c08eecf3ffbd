// The run that is on the stage as code for elsewhere: momentum_lib, PyTorch, optax. It is printed from trees, never from what was
// typed; names of the reader's own get the prefix my_. Pure.

import { pythonFloat } from "../kit/dom.js";
import { FORMULAS, TYPED } from "../generated/typed.js";
import { SURFACES } from "../generated/surfaces.js";
import { derivative } from "./formula.js";
import { NETS, drawOf } from "./net.js";
import { namesIn, numberNode, parse, print, reckon } from "./grammar.js";
import { readRule, usual, written } from "./rule_text.js";

/** @typedef {import("./grammar.js").Tree} Tree */
/** @typedef {import("./rule_text.js").Read} Read */
/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {import("./types.js").Ground} Ground */
/** @typedef {"momentum_lib"|"torch"|"optax"} Target */
/**
 * @typedef {object} Told what the code is to do
 * @property {Ground} ground
 * @property {import("../kit/types.js").Params} params of the surface, in full
 * @property {number[]} start
 * @property {number} steps
 * @property {import("./types.js").Runner} runner
 * @property {Rule} rule the runner's
 * @property {Hyper} hyper in full
 */

/** The network that a code trains; null where it descends a surface. @param {Told} told */
const netIn = ({ ground }) => (ground.kind === "net" ? NETS[ground.name] : null);

// ---------------------------------------------------------------------------------------------- Python

/** What a name of a rule is called in Python. @param {string} name */
const python = (name) => (written(name) === name || name === "x" || name === "y" ? name : `my_${name}`);
/** Whether a name of a formula is one of its coordinates. @param {string} name */
const COORDINATES = (name) => name === "x" || name === "y";
const NUMPY_NAMES = { max: "maximum", min: "minimum" };

/**
 * Python for a library of arrays. Where all that a function takes is plain numbers, math or Python itself does.
 * @param {string} library "np", "torch" or "jnp"
 * @param {(name: string) => boolean} isArray whether a name holds an array
 * @returns {import("./grammar.js").Language}
 */
function pythonOf(library, isArray) {
  const plain = (/** @type {Tree} */ tree) => ![...namesIn(tree)].some(isArray);
  /** @type {import("./grammar.js").Language} */
  const language = {
    name: python,
    number: pythonFloat,
    equal: "==",
    call(what, values, args) {
      if (what === "where" && plain(args[0])) return `(${values[1]} if ${values[0]} else ${values[2]})`;
      if (args.every(plain) && library !== "np")
        return `float(np.${NUMPY_NAMES[/** @type {"max"} */ (what)] ?? what}(${values.join(", ")}))`;
      const numbers = args.map((one, k) =>
        library === "torch" && plain(one) && what !== "where" ? `torch.tensor(${values[k]})` : values[k],
      );
      return `${library}.${NUMPY_NAMES[/** @type {"max"} */ (what)] ?? what}(${numbers.join(", ")})`;
    },
    power(base, exponent, of) {
      const whole = exponent.op === "number" && Number.isInteger(exponent.value);
      return `${of(base, 5)}**${whole && exponent.value >= 0 ? exponent.value : of(exponent, 5)}`;
    },
  };
  return language;
}
/** One expression. @param {Tree} tree @param {import("./grammar.js").Language} language */
const text = (tree, language) => print(tree, language).replace(/^\((-[\d.]+)\)$/, "$1");

/** A formula as an array, even where it holds no name. @param {Tree} tree @param {string} library */
const arrayOf = (tree, library) =>
  text(tree, pythonOf(library, COORDINATES)) + (namesIn(tree).size ? "" : " + 0 * x");

/** Lines, each moved in. @param {string[]} lines */
const inside = (lines) => lines.map((line) => `    ${line}`);

// ---------------------------------------------------------------------------------------------- the surface

/** The tree with numbers for its parameters, and for all else that has no name. @param {Tree} tree @param {Record<string, number>} params @returns {Tree} */
function settled(tree, params) {
  if (tree.op === "name") return Object.hasOwn(params, tree.name) ? numberNode(params[tree.name]) : tree;
  if (tree.op === "number") return tree;
  const next = { ...tree, args: tree.args.map((one) => settled(one, params)) };
  const compares = /^[<>=]/.test(tree.op);
  return compares || namesIn(next).size ? next : numberNode(reckon(next)({}));
}

/** The formula of what is descended; null for what has none. @param {Ground} ground @param {import("../kit/types.js").Params} params @returns {Tree|null} */
export function treeOf(ground, params) {
  if (ground.kind === "formula") return settled(parse(ground.text), {});
  if (ground.kind === "drawn") {
    const bumps = ground.bumps.map(
      ([x, y, tall, wide]) => `(${tall})*exp(-((x - (${x}))^2 + (y - (${y}))^2)/(2*(${wide})^2))`,
    );
    return settled(parse(["0.08*(x^2 + y^2)", ...bumps].join(" + "), { longest: 4000 }), {});
  }
  if (ground.kind !== "library") return null;
  const names = Object.keys(params),
    across = SURFACES[ground.name].dim === 1 ? " + y^2/2" : "";
  return settled(
    parse(FORMULAS[ground.name] + across, { names: ["x", "y", ...names], constants: {} }),
    params,
  );
}

/** Where numbers of the page differ from the library's own surface. @param {Told} told */
function librarySurface({ ground, params, start }) {
  if (ground.kind === "library" && SURFACES[ground.name].dim === 2) {
    const own = Object.entries(params).filter(
      ([name, value]) => value !== SURFACES[ground.name].params[name],
    );
    const call = own.length
      ? `(${own.map(([name, value]) => `${name}=${pythonFloat(value)}`).join(", ")})`
      : "";
    return { lines: [], name: `surfaces.${ground.name}${call}` };
  }
  const tree = formulaOf(ground, params),
    slopes = ["x", "y"].map((name) => arrayOf(settled(derivative(tree, name), {}), "np"));
  const at = start.map(pythonFloat).join(", ");
  return {
    name: "place",
    lines: [
      `@surfaces.surface(domain=((-3, 3), (-2, 2)), start=(${at}), minima=[])`,
      "def place(x, y):",
      ...inside([`return ${arrayOf(tree, "np")}`]),
      "",
      "",
      "@place.grad",
      "def _(x, y):",
      ...inside([`return ${slopes.join(", ")}`]),
      "",
      "",
    ],
  };
}
/** @param {Ground} ground @param {import("../kit/types.js").Params} params @returns {Tree} */
function formulaOf(ground, params) {
  const tree = treeOf(ground, params);
  if (!tree) throw new TypeError("A network has no formula of x and y.");
  return tree;
}

// ---------------------------------------------------------------------------------------------- the rule

/** The rule's lines, typed or the library's. @param {Told} told @returns {Read} */
const readOf = ({ runner }) => readRule(runner.text ?? TYPED[runner.rule ?? ""]);
/** @param {string[]} hyper @param {Hyper} values */
const settingsOf = (hyper, values) =>
  hyper.map((name) => `${python(name)}=${pythonFloat(values[written(name)])}`);

/** Whether a name of a rule holds an array: not the settings, the step's number, and what is worked out from these alone. @param {Read} read */
function arraysOf({ hyper, lines, locals }) {
  const plain = new Set([...hyper, "t"]);
  for (const { name, tree } of lines)
    if (locals.includes(name) && [...namesIn(tree)].every((one) => plain.has(one))) plain.add(name);
  return (/** @type {string} */ name) => !plain.has(name);
}

/** A typed rule as one of momentum_lib. @param {Read} read */
function libraryRule(read) {
  const { look, starts, lines, memories, hyper, usesT } = read,
    language = pythonOf("np", arraysOf(read)),
    names = memories.map(python),
    defaults = hyper.map((name) => (name === "lr" ? "lr" : `${python(name)}=${pythonFloat(usual(name)[0])}`)),
    begin = memories.map((name) => `${python(name)}=${starts[name] === "theta" ? '"theta"' : 0}`);
  const keys = (/** @type {string[]} */ all) => (all.length ? ["*", ...all] : []).join(", ");
  const takes = (/** @type {string[]} */ all, /** @type {string[]} */ keywords) =>
    [...all, keys(keywords)].filter(Boolean).join(", ");
  return [
    `@rule(${begin.join(", ")})`,
    `def own(${takes(["theta", "grad", ...names], [...defaults, ...(usesT ? ["t"] : [])])}):`,
    ...inside([
      ...lines.map(({ name, tree }) => `${python(name)} = ${text(tree, language)}`),
      `return ${["theta", ...names].join(", ")}`,
    ]),
    "",
    "",
    ...(look
      ? [
          "@own.looks_at",
          `def _(${takes(["theta", ...names], hyper.map(python))}):`,
          ...inside([`return ${text(look, language)}`]),
          "",
          "",
        ]
      : []),
  ];
}

/** The training of a network. @param {Told} told @param {import("./net.js").Net} net */
function momentumLibOfNet(told, net) {
  const { runner, start, steps, hyper, rule } = told,
    typed = runner.text !== undefined,
    read = readOf(told),
    own = typed ? libraryRule(read) : [],
    names = typed ? read.hyper : Object.keys(rule.hyper);
  return [
    ...(own.some((line) => /\bnp\./.test(line)) ? ["import numpy as np", ""] : []),
    `from momentum_lib import networks, ${typed ? "rule" : "rules"}`,
    "",
    ...(typed ? ["", ...own] : []),
    `net, data = ${net.python}`,
    `run = networks.train(${["net", "data", typed ? "own" : `rules.${runner.rule}`, `net.start(${drawOf(start)})`, steps, ...settingsOf(names, hyper)].join(", ")})`,
    "print([float(net.loss(run.theta, data)), *run.theta[:2].tolist()])",
    "",
  ].join("\n");
}

/** @param {Told} told */
function momentumLib(told) {
  const net = netIn(told);
  if (net) return momentumLibOfNet(told, net);
  const { runner, start, steps, hyper } = told,
    place = librarySurface(told),
    read = readOf(told),
    own = runner.text === undefined ? [] : libraryRule(read);
  const called = runner.text === undefined ? `rules.${runner.rule}` : "own";
  const names = runner.text === undefined ? Object.keys(told.rule.hyper) : read.hyper;
  const body = [...place.lines, ...own];
  const uses = (/** @type {RegExp} */ what) => what.test([...body, place.name, called].join("\n"));
  const from = [
    "descend",
    uses(/^@rule/m) && "rule",
    uses(/rules\./) && "rules",
    uses(/surfaces\./) && "surfaces",
  ];
  return [
    ...(uses(/\bnp\./) ? ["import numpy as np", ""] : []),
    `from momentum_lib import ${from.filter(Boolean).join(", ")}`,
    "",
    ...(body.length ? ["", ...body] : []),
    `path = descend(${[called, place.name, `start=[${start.map(pythonFloat).join(", ")}]`, `steps=${steps}`, ...settingsOf(names, hyper)].join(", ")})`,
    "print(path.points[-1].tolist())",
    "",
  ].join("\n");
}

// ---------------------------------------------------------------------------------------------- PyTorch

/** The call of a library that a rule equals, with its numbers; null where there is none. @param {string|null} call @param {Hyper} hyper */
function filled(call, hyper) {
  if (!call) return null;
  return call.replace(/([(,=]\s*)([a-z]\w*)(?=\s*[,)])/g, (whole, before, name) =>
    Object.hasOwn(hyper, name) ? before + pythonFloat(hyper[name]) : whole,
  );
}

/** The lines of one step by hand. @param {Read} read @param {string} library */
function stepLines(read, library) {
  const { look, lines } = read,
    language = pythonOf(library, arraysOf(read));
  return {
    look: look && text(look, language),
    lines: lines.map(({ name, tree }) => `${python(name)} = ${text(tree, language)}`),
  };
}

/**
 * What is descended, in a library's words: the lines that define f and the first theta, how f is called, and what is printed.
 * @param {Told} told
 * @param {"torch"|"jnp"} library
 */
function descended(told, library) {
  const net = netIn(told);
  if (!net) {
    const { ground, params, start } = told,
      formula = arrayOf(formulaOf(ground, params), library);
    return {
      uses: [],
      lines:
        library === "torch"
          ? ["def f(x, y):", ...inside([`return ${formula}`])]
          : ["def f(theta):", ...inside(["x, y = theta", `return ${formula}`])],
      first: `[${start.map(pythonFloat).join(", ")}]`,
      call: (/** @type {string} */ at) => (library === "torch" ? `f(*${at})` : `f(${at})`),
      told: "theta.tolist()",
    };
  }
  const inTorch = library === "torch",
    array = inTorch ? "torch.tensor" : "jnp.array",
    gap = "(z - y)";
  return {
    uses: ["from momentum_lib import networks"],
    lines: [
      `net, data = ${net.python}`,
      `x, y = ${array}(data.x), ${array}(data.y)`,
      "",
      "",
      "def f(theta):",
      ...inside([
        "z, at = x, 0",
        "for inputs, outputs in zip(net.sizes, net.sizes[1:]):",
        ...inside([
          "w, b = theta[at : at + inputs * outputs], theta[at + inputs * outputs : at + (inputs + 1) * outputs]",
          `z, at = (${library}.tanh(z) if at else z) @ w.reshape(outputs, inputs).T + b, at + (inputs + 1) * outputs`,
        ]),
        net.loss === "squared"
          ? `return ${library}.mean(${library}.sum(${gap} ** 2, -1)) / 2`
          : inTorch
            ? "return torch.nn.functional.cross_entropy(z, y)"
            : "return -jax.nn.log_softmax(z)[jnp.arange(len(y)), y].mean()",
      ]),
    ],
    first: `net.start(${drawOf(told.start)})`,
    call: (/** @type {string} */ at) => `f(${at})`,
    told: inTorch ? "[f(theta).item(), *theta[:2].tolist()]" : "[float(f(theta)), *theta[:2].tolist()]",
  };
}

/** @param {Told} told */
function torch(told) {
  const { steps, rule, runner, hyper } = told,
    place = descended(told, "torch"),
    read = readOf(told),
    ready =
      runner.text === undefined && rule.sameAs?.startsWith("torch.optim.")
        ? filled(rule.sameAs, hyper)
        : null;
  const head = [
    ...(ready === null && /\bnp\./.test(stepLines(read, "torch").lines.join()) ? ["import numpy as np"] : []),
    "import torch",
    ...place.uses,
    "",
    "torch.set_default_dtype(torch.float64)",
    "",
    "",
    ...place.lines,
    "",
    "",
    `theta = torch.tensor(${place.first}${ready ? ", requires_grad=True" : ""})`,
  ];
  if (ready)
    return [
      ...head,
      `optimizer = ${ready.replace("(params", "([theta]")}`,
      `for _ in range(${steps}):`,
      ...inside(["optimizer.zero_grad()", `${place.call("theta")}.backward()`, "optimizer.step()"]),
      `print(${place.told})`,
      "",
    ].join("\n");
  const { look, lines } = stepLines(read, "torch");
  return [
    ...head,
    ...settingsOf(read.hyper, hyper).map((one) => one.replace("=", " = ")),
    ...read.memories.map(
      (name) =>
        `${python(name)} = ${read.starts[name] === "theta" ? "theta.clone()" : "torch.zeros_like(theta)"}`,
    ),
    `for t in range(1, ${steps + 1}):`,
    ...inside([
      `here = ${look ? `(${look})` : "theta"}.detach().requires_grad_()`,
      `(grad,) = torch.autograd.grad(${place.call("here")}, here)`,
      ...lines,
    ]),
    `print(${place.told})`,
    "",
  ].join("\n");
}

// ---------------------------------------------------------------------------------------------- optax

/** What optax calls the rules that are the same to the last term. @type {Record<string, string>} */
const OPTAX = {
  gradient_descent: "optax.sgd(lr)",
  heavy_ball: "optax.sgd(lr, momentum=beta)",
  nesterov_torch: "optax.sgd(lr, momentum=beta, nesterov=True)",
  adam: "optax.adam(lr, b1=beta1, b2=beta2, eps=eps)",
  adamw: "optax.adamw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)",
  lion: "optax.lion(lr, b1=beta1, b2=beta2, weight_decay=weight_decay)",
};

/** The rule as a transformation of gradients. @param {Read} read @param {Hyper} values */
function transformation(read, values) {
  const { lines } = stepLines(read, "jnp"),
    names = read.memories.map(python),
    held = names.map((name) => `"${name}": ${name}`);
  return [
    ...settingsOf(read.hyper, values).map((one) => one.replace("=", " = ")),
    "",
    "",
    "def init(theta):",
    ...inside([
      `return {${[...read.memories.map((name) => `"${python(name)}": ${read.starts[name] === "theta" ? "theta" : "jnp.zeros_like(theta)"}`), '"t": 1'].join(", ")}}`,
    ]),
    "",
    "",
    "def update(grad, state, theta):",
    ...inside([
      "before = theta",
      ...names.map((name) => `${name} = state["${name}"]`),
      't = state["t"]',
      ...lines,
      `return theta - before, {${[...held, '"t": t + 1'].join(", ")}}`,
    ]),
    "",
    "",
  ];
}

/** @param {Told} told */
function optax(told) {
  const { steps, runner, hyper } = told,
    place = descended(told, "jnp"),
    read = readOf(told),
    ready = runner.text === undefined ? filled(OPTAX[runner.rule ?? ""] ?? null, hyper) : null,
    own = ready ? [] : transformation(read, hyper);
  const { look } = stepLines(read, "jnp");
  const seen = look?.replace(/\b[a-zA-Z_]\w*\b/g, (name) =>
    read.memories.map(python).includes(name) ? `state["${name}"]` : name,
  );
  return [
    "import jax",
    "import jax.numpy as jnp",
    ...(/\bnp\./.test(own.join()) ? ["import numpy as np"] : []),
    "import optax",
    ...place.uses,
    "",
    'jax.config.update("jax_enable_x64", True)',
    "",
    "",
    ...place.lines,
    "",
    "",
    ...own,
    `optimizer = ${ready ?? "optax.GradientTransformation(init, update)"}`,
    `theta = jnp.array(${place.first})`,
    "state = optimizer.init(theta)",
    `for _ in range(${steps}):`,
    ...inside([
      `updates, state = optimizer.update(jax.grad(f)(${ready ? "theta" : (seen ?? "theta")}), state, theta)`,
      "theta = optax.apply_updates(theta, updates)",
    ]),
    `print(${place.told})`,
    "",
  ].join("\n");
}

/**
 * The code of one run: it prints the point at which the page's run ends; of a network, the loss and the first two weights.
 * @param {Target} target
 * @param {Told} told
 * @returns {string}
 */
export const codeOf = (target, told) => ({ momentum_lib: momentumLib, torch, optax })[target](told);

/** What the code of a scene's picked rule is to do. @param {import("./types.js").Scene} scene @returns {Told} */
export const toldBy = ({ state, params, picked }) => ({
  ground: state.surface,
  params,
  start: state.starts[0],
  steps: state.steps,
  runner: state.rules[picked.index],
  rule: picked.rule,
  hyper: picked.hyper,
});
