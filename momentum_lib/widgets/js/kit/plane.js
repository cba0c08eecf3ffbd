// Pictures that are a plane: square cells, no axes written; and the complex plane with its unit circle.

import { ellipse } from "./curve.js";

/**
 * A plot with the same scale to the right and upwards, from -edge to edge, and nothing written at its axes.
 * @template {import("./types.js").Specs} S
 * @param {import("./types.js").Figure<S>} fig @param {string} label @param {number} edge
 */
export function squarePlane(fig, label, edge) {
  return fig.plot({
    label,
    x: { domain: [-edge, edge], hidden: true },
    y: { domain: [-edge, edge], hidden: true },
    equal: true,
    margin: { top: 4, right: 4, bottom: 4, left: 4 },
  });
}

/**
 * The complex plane: both axes and the unit circle, inside which powers shrink. Arguments as in `squarePlane`.
 * @template {import("./types.js").Specs} S
 * @param {import("./types.js").Figure<S>} fig @param {string} label @param {number} edge
 */
export function complexPlane(fig, label, edge) {
  const plot = squarePlane(fig, label, edge),
    real = plot.line({ class: "lf-guide", layer: "back" }),
    imaginary = plot.line({ class: "lf-guide", layer: "back" }),
    unit = plot.line({ class: "lf-truth", layer: "back" }),
    name = plot.text({ anchor: "end" });
  plot.onLayout(() => {
    real.update([-edge, 0, edge, 0]);
    imaginary.update([0, -edge, 0, edge]);
    unit.update(ellipse(1, 1, 0, 0, 180));
    name.update(Math.cos(2.3), Math.sin(2.3), "unit circle", -5, -5);
  });
  return plot;
}
