"""A complex number and its powers: each multiplication shrinks and turns; seen from the side, a fading swing."""

import numpy as np

from ..theory.linear import steps_at_rate
from ._base import INK, QUIET, LiveFigure, Number, canvas, stroke

STEPS = 40
FRAME = 1.3


class ComplexPair(LiveFigure):
    """The powers 1, z, z^2, ... of z = size (cos angle + i sin angle).

    ``size``   the modulus, 0.3 to 1.1: what each step multiplies the length by
    ``angle``  0 to pi, in radians: what each step turns by

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "complex_pair"
    title = "Drag z: each multiplication by it turns, and shrinks while z lies inside the circle"
    caption = (
        "One picture is the plane: the number z and its powers, from the number one on. The other draws their real parts "
        "against the step, between plus and minus the modulus to that power."
    )

    size = Number(0.92, 0.3, 1.1)
    angle = Number(0.45, 0, float(np.pi))

    def powers(self):
        """1, z, ..., z^40, complex, shape (41,)."""
        t = np.arange(STEPS + 1)
        return self.size**t * np.exp(1j * self.angle * t)

    def numbers(self):
        """What the figure shows, as plain data: real and imaginary part of each power, the steps of a full turn and those
        to a hundredth of the length (None where there are none)."""
        powers = self.powers()
        return {
            "real": powers.real.tolist(),
            "imaginary": powers.imag.tolist(),
            "turn": 2 * np.pi / self.angle if self.angle else None,
            "hundredth": float(steps_at_rate(self.size, 0.01)) if self.size < 1 else None,
        }

    def alt(self):
        """What the picture says, with its numbers."""
        ends = "spirals inwards" if self.size < 1 else "goes round for ever" if self.size == 1 else "spirals outwards"
        return (
            f"The powers of a complex number of modulus {self.size:.3g} and angle {self.angle:.3g}: the path {ends}; after "
            f"{STEPS} steps its length is {self.size**STEPS:.2g}. Its real part swings inside an envelope of that size."
        )

    def picture(self):
        """The spiral, and the swing that it casts."""
        look, powers, t = stroke("momentum"), self.powers(), np.arange(STEPS + 1)
        figure, (plane, swing) = canvas(width=8.6, height=3.9, columns=(1, 1.2))
        turn = np.linspace(0, 2 * np.pi, 181)
        plane.plot(np.cos(turn), np.sin(turn), color=QUIET, linewidth=1)
        plane.axhline(0, color=QUIET, linewidth=0.5)
        plane.axvline(0, color=QUIET, linewidth=0.5)
        plane.plot(powers.real, powers.imag, color=look["color"], linewidth=1, marker="o", markersize=4)
        ring = {"markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 1.6, "markersize": 9}
        plane.plot(powers[1].real, powers[1].imag, "o", **ring)
        plane.set(xlim=(-FRAME, FRAME), ylim=(-FRAME, FRAME), aspect="equal")
        plane.set_axis_off()
        for sign in (1, -1):
            swing.plot(t, sign * self.size**t, color=QUIET, linewidth=1.2, linestyle=(0, (5, 3)))
        swing.plot(t, powers.real, color=look["color"], linewidth=1, marker="o", markersize=4)
        swing.axhline(0, color=QUIET, linewidth=0.5)
        swing.set(xlim=(0, STEPS), ylim=(-FRAME, FRAME), xlabel="step", ylabel="real part")
        return figure
