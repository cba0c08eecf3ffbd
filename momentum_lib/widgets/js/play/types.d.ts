// The types that the playground's modules share; see ../kit/types.d.ts.
import type { Box, Hyper, Params, Rule, Run, Surface } from "../kit/types.js";

/** A hill (height above 0) or a hollow that a finger pulled: where, how high, how wide. */
export type Bump = [number, number, number, number];
/** What is descended, as the state holds it. */
export type Ground =
  | { kind: "library"; name: string; params: Params }
  | { kind: "formula"; text: string; params: Params }
  | { kind: "drawn"; bumps: Bump[] }
  | { kind: "net"; name: string };
/** A rule that runs: one of the library, or one typed; `hyper` holds what the reader set. */
export interface Runner {
  rule?: string;
  text?: string;
  hyper: Hyper;
}
export type View = "map" | "settings" | "flow" | "curves" | "land" | "steps" | "predict";
/** All that the playground is, as a link keeps it. */
export interface PlayState {
  view: View;
  surface: Ground;
  rules: Runner[];
  /** Which rule the dial turns. */
  picked: number;
  /** Each rule at its own best setting, or one rate for all. */
  fair: "best" | "same";
  starts: [number, number][];
  steps: number;
  /** The spread of the noise that every gradient carries. */
  noise: number;
  seed: number;
}

/** A rule as it runs now. */
export interface Lane {
  index: number;
  rule: Rule;
  title: string;
  /** Tells its line from those of its family. */
  dash: string;
  hyper: Hyper;
  /** Whether the reader set one of its numbers. */
  own: boolean;
  /** One run a start. */
  runs: Run[];
  /** How the run from the first start ends within the budget. */
  end: Ending;
}
export interface Ending {
  /** Steps to the goal; null where it is not reached. */
  steps: number | null;
  /** The step that left the finite world; 0 where none did. */
  divergedAt: number;
  /** The loss at the last step that is drawn. */
  loss: number;
}
export interface NetScene {
  name: string;
  trainings: import("./net.js").Training[][];
  share: number;
  done: boolean;
}
/** What all views show. */
export interface Scene {
  state: PlayState;
  surface: Surface;
  /** Of a network: which, its trainings, how much of the picked one's way the picture holds, and whether all is done. */
  net: NetScene | null;
  params: Params;
  box: Box;
  /** Says which picture of a surface this is: it is kept as long as this stays. */
  key: string;
  /** Says which surface this is, for what was searched on it. */
  place: string;
  lanes: Lane[];
  picked: Lane;
  /** What is wrong with the typed surface, and with the picked rule's text, in a sentence; "" where nothing is. */
  wrong: { surface: string; rule: string };
}
