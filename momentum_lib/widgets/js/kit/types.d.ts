// The types that modules share. Nothing here runs: JSDoc names them as import("./kit/types.js").Rule.

/** Two numbers: a place of the plane, or the ends of an interval. */
export type Pair = [number, number];
/** The ends along x, then along y (a surface of one dimension has the first only). */
export type Box = Pair[];
/** A rule's numbers by name: { lr, beta }. */
export type Hyper = Record<string, number>;
/** A rule's numbers where each may change from step to step. */
export type Schedule = Record<string, number | ArrayLike<number>>;
/** The parameters of a surface by name: { kappa, angle }. */
export type Params = Record<string, number>;

// ---- generated/rules.js, surfaces.js

/** Pieces of a loop's source; a name that ends in "$" belongs to one coordinate. */
export interface RuleTemplate {
  locals: string[];
  step: string[];
  next: string[];
  look: string | null;
  read: string | null;
}
export interface Rule {
  name: string;
  title: string;
  family: string;
  /** The SVG dash that tells it from the others of its family. */
  dash: string;
  /** How each slot starts: at zero, or at the point. */
  slots: Record<string, 0 | "theta">;
  /** Defaults; null where the caller has to choose. */
  hyper: Record<string, number | null>;
  /** The hyper-parameter by which past gradients fade; null where the rule keeps none. */
  momentum: string | null;
  usesT: boolean;
  sameAs: string | null;
  latex: string;
  python: string;
  lines: string[];
  template: RuleTemplate;
  /** What was typed, of a rule of the reader's own. */
  text?: string;
  step: (theta: number, grad: number, t: number, slots: number[], hyper: Hyper) => [number, number[]];
  lookAt: (theta: number, slots: number[], hyper: Hyper) => number;
  readAt: (theta: number, slots: number[], hyper: Hyper) => number;
}
/** A rule that no figure of the plane can show, and why. */
export interface LeftOut {
  title: string;
  family: string;
  reason: string;
}
export interface Formula {
  lines: string[];
  answer: string[];
}
export interface Surface {
  name: string;
  title: string;
  dim: number;
  params: Params;
  domain: Box;
  start: number[];
  minima: number[][];
  latex: string;
  template: { value: Formula; gradient: Formula };
  value: (x: number, y: number, params: Params) => number;
  gradient: (x: number, y: number, params: Params) => number[];
}

// ---- generated/conventions.js, look.js, scale.js

export interface Convention {
  measures: "here" | "ahead";
  rate: "inside" | "outside";
  weight: "one" | "1 - beta" | "1 - dampening";
  usedBy: string;
  lines: string[];
}
/** How one convention becomes another; `refused` and `parts` number a sentence of REASONS. */
export interface Conversion {
  lr: "keep" | "divide" | "multiply" | null;
  refused: number | null;
  parts: number | null;
}
export interface Look {
  light: string;
  dark: string;
  dash: string;
  marker: Shape | "none";
  width: number;
  meaning: string;
  members: string[];
  lead: string | null;
}
export interface Quantity {
  name: string;
  latex: string;
  symbol: string;
  unit: string;
  low: number | null;
  high: number | null;
  high_open: boolean;
  look: string | null;
}
/** One array that an optimiser keeps: numbers a parameter, and bytes a number where it keeps its own width. */
export interface StateArray {
  name: string;
  title: string;
  look: string;
  size: number;
  width: number | null;
}
export interface Optimiser {
  title: string;
  arrays: StateArray[];
}
export interface Precision {
  title: string;
  weights: number;
  gradients: number;
  master: number;
  state: number;
}
/** A published training run; words where a number was not stated. */
export interface PublishedRun {
  name: string;
  year: number;
  optimiser: string;
  family: string;
  momentum: number | string;
  beta2: number | string;
  tokens_per_step: number | string;
}

// ---- the engine

/** One run: `points` has dim numbers a step, from the start to step `n`; `divergedAt` is 0 or the step that left the finite world. */
export interface Run {
  points: Float64Array;
  values: Float64Array;
  state: Record<string, Float64Array>;
  gradients: Float64Array | null;
  divergedAt: number;
  n: number;
}

// ---- the state of a figure: kinds and bounds as state.js makes them

export type NumberSpec = { kind: "number" | "integer"; initial: number; min: number; max: number };
export type PointSpec = { kind: "point"; initial: Pair; domain: Box };
export type ChoiceSpec = { kind: "choice"; initial: string; options: string[] };
export type ChoicesSpec = {
  kind: "choices";
  initial: string[];
  options: string[];
  least: number;
  most: number;
};
export type FlagSpec = { kind: "flag"; initial: boolean };
export type NumbersSpec = { kind: "numbers"; initial: Record<string, number>; bounds: Record<string, Pair> };
export type TableSpec = {
  kind: "table";
  initial: Record<string, Record<string, number>>;
  bounds: Record<string, Record<string, Pair>>;
};
export type NameSpec = { kind: "name"; initial: string };
/** Recorded curves, by experiment: each has `steps`, `held_steps` and `sides`, and what that experiment measured besides. */
export type RunsSpec = { kind: "runs"; initial: Record<string, any> };
export type Spec =
  | NumberSpec
  | PointSpec
  | ChoiceSpec
  | ChoicesSpec
  | FlagSpec
  | NumbersSpec
  | TableSpec
  | NameSpec
  | RunsSpec;
export type Specs = Record<string, Spec>;
/** The values that a state of these kinds holds. */
export type Values<S extends Specs> = { [K in keyof S]: S[K]["initial"] };
/** What may be stored in it: some of the values; a surface's start does for a point. */
export type Changes<S extends Specs> = {
  [K in keyof S]?: S[K] extends PointSpec ? number[] : S[K]["initial"];
};

// ---- pictures

export type ScaleType = "linear" | "log" | "near-one";
/** A map from data to pixels, with its inverse. */
export interface Scale {
  (value: number): number;
  invert: (pixel: number) => number;
  domain: Pair;
  range: Pair;
  type: ScaleType;
}
export type Shape = "disc" | "dot" | "ring" | "triangle" | "square" | "diamond" | "cross";
export type Anchor = "start" | "middle" | "end";
export type Layer = "back" | "marks" | "front";
export interface Axis {
  domain: Pair;
  type?: ScaleType;
  label?: string;
  /** About how many ticks. */
  count?: number;
  ticks?: (low: number, high: number, count: number) => number[];
  format?: (value: number) => string;
  hidden?: boolean;
}
/** What the page gives a picture, in pixels: its width, the part of its parent's width that this is, and how tall it may be. */
export interface Space {
  width: number;
  part: number;
  most: number;
}
/** What the parts of a picture need of it: its scales, its frame, its layers. */
export interface Frame {
  /** What the labels ask for, the first made first; `settle` puts them. */
  wishes: import("./labels.js").Wish[];
  /** Where the handles are, in pixels. */
  grips: Map<Element, Pair>;
  /** Put the labels where they have room: called when everything is drawn. */
  settle(): void;
  box: HTMLElement;
  svg: SVGSVGElement;
  layers: Record<Layer | "axes", SVGGElement>;
  width: number;
  height: number;
  inner: { left: number; right: number; top: number; bottom: number };
  x: Scale;
  y: Scale;
  /** The data box of the frame. */
  frame: () => Box;
  /** The frame in pixels. */
  pixelBox: () => Box;
  /** Change the axes' domains; the picture is drawn again only if they differ. */
  setDomain: (x?: Pair, y?: Pair) => void;
  /** Ask the page for the picture's room. */
  measure: () => Space;
  /** Lay out again (with what was measured): where the room, or something else on which the height depends, changed. */
  relay: (measured?: Space) => void;
  /** Lay out again in the room that is known: where an axis changed, and in the middle of a redraw. */
  reshape: () => void;
  /** Called after each change of size or axes, before the figure draws. */
  onLayout: (callback: () => void) => void;
}
export type Plot = ReturnType<typeof import("./plot.js").createPlot>;
/** What plot.line, plot.marks and plot.text return. */
export type Line = ReturnType<Plot["line"]>;
export type Marks = ReturnType<Plot["marks"]>;
export type Label = ReturnType<Plot["text"]>;

// ---- controls

/** What ties a control to the state: a name of it, or `get` and `set` for nested or derived values. */
export interface Bound<V, N extends string = string> {
  name?: N;
  label: string;
  get?: () => V;
  set?: (value: V) => void;
  /** Among the folded controls. */
  fold?: boolean;
}
export interface SliderOptions<N extends string = string> extends Bound<number, N> {
  symbol?: string;
  /** The family whose colour symbol and slider have. */
  look?: string;
  unit?: string;
  /** "near-one": even in log(1 - value), for a momentum. */
  type?: ScaleType;
  /** The slider's ends, where they move; by default the state's bounds. */
  range?: () => Pair;
  marks?: () => Mark[];
  /** The value in words, for a screen reader. */
  words?: (value: number) => string;
  /** Of the typed value, where there is no `name`. */
  bounds?: Pair;
  /** Whole numbers only. */
  whole?: boolean;
  /** Of the value shown. */
  digits?: number;
}
export interface ChoiceOptions<N extends string = string> extends Bound<string, N> {
  options: Option[];
}
export interface ToggleOptions<N extends string = string> extends Bound<boolean, N> {
  look?: string;
  parent?: HTMLElement;
}
export interface ButtonOptions {
  label: string;
  icon?: string;
  press: () => void;
  quiet?: boolean;
}
/** A labelled tick on a slider. */
export interface Mark {
  value: number;
  label: string;
  side?: Anchor;
  class?: string;
}
export interface Option {
  value: string;
  label: string;
  look?: string;
  /** Of a menu: the name over it and its neighbours of the same group. */
  group?: string;
}

// ---- figures

/** What createFigure returns, for a state of these kinds. */
export type Figure<S extends Specs = any> = ReturnType<typeof import("./figure.js").createFigure<S>>;
/** What a figure needs of anywidget's model; on a page host.js makes one over a plain object. */
export interface Model {
  /** On a page: `start` leaves here what host.js does step by step; elsewhere it does that at once. */
  steps?: (() => void)[];
  get: (name: string) => any;
  set: (name: string, value: any) => void;
  save_changes: () => void;
  on: (event: string, listener: () => void) => void;
  off: (event?: string | null, listener?: () => void) => void;
  link?: { key: string };
}
/** What `render` receives; what it returns takes the figure off the page. */
export interface Context {
  model: Model;
  el: HTMLElement;
}
export type Render = (context: Context) => () => void;
