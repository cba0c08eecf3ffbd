"""A matrix as a map of the plane: what it does to a circle, its own directions, its area and its two eigenvalues."""

import numpy as np

from ._base import INK, QUIET, LiveFigure, Number, canvas, stroke

REACH = 1.6
"""Every entry of the matrix lies in [-REACH, REACH]."""
FRAME = 2.0
"""Half the width of both pictures."""
SPOKES = 48
"""So many points of the unit circle are shown with the points that they go to."""


class LinearMap(LiveFigure):
    """A 2 x 2 matrix [[a, b], [c, d]], each entry -1.6 to 1.6, as a map of the plane.

    The first arrow ends where (1, 0) goes, at (a, c); the second where (0, 1) goes, at (b, d).
    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "linear_map"
    title = "Drag the two arrows: what a matrix does to a circle, and which directions it keeps"
    caption = (
        "Each thin line leads from a point of the unit circle to the point to which the matrix sends it; along the thick lines, "
        "if there are any, it only stretches. The other picture has the eigenvalues in the complex plane, with the unit circle."
    )

    a = Number(1.4, -REACH, REACH)
    b = Number(0.4, -REACH, REACH)
    c = Number(0.4, -REACH, REACH)
    d = Number(0.8, -REACH, REACH)

    @property
    def matrix(self):
        """The matrix, shape (2, 2), without unit."""
        return np.array([[self.a, self.b], [self.c, self.d]])

    def numbers(self):
        """What the figure shows, as plain data: ``values`` are real and imaginary part of the first eigenvalue, then of the
        second; ``directions`` are unit vectors that the matrix only stretches, x then y of each: none, one or two."""
        values = eigenvalue_pair(self.matrix)
        return {
            "determinant": float(self.a * self.d - self.b * self.c),
            "trace": float(self.a + self.d),
            "values": [part for value in values for part in (float(value.real), float(value.imag))],
            "directions": [float(x) for pair in directions(self.matrix) for x in pair],
        }

    # -- on paper --------------------------------------------------------------------------------

    @property
    def _told(self):
        first, second = eigenvalue_pair(self.matrix)
        if first.imag:
            return (
                f"no direction is kept: the eigenvalues are the pair {first.real:.3g} ± {first.imag:.3g}i, of modulus "
                f"{abs(first):.3g}"
            )
        return f"the eigenvalues are {first.real:.3g} and {second.real:.3g}"

    def alt(self):
        """What the picture says, with its numbers."""
        return (
            f"The matrix with rows ({self.a:.3g}, {self.b:.3g}) and ({self.c:.3g}, {self.d:.3g}) turns the unit circle into an "
            f"ellipse of {abs(self.numbers()['determinant']):.3g} times its area; {self._told}."
        )

    def picture(self):
        """The plane with circle, ellipse and kept directions; the complex plane."""
        figure, (plane, disc) = canvas(width=8.6, height=4.2, columns=(1, 1))
        turn = np.linspace(0, 2 * np.pi, 181)
        circle = np.stack([np.cos(turn), np.sin(turn)])
        spokes = circle[:, :: 180 // SPOKES + 1]
        for start, end in zip(spokes.T, (self.matrix @ spokes).T, strict=True):
            plane.plot(*np.stack([start, end]).T, color=QUIET, linewidth=0.8)
        look = stroke("momentum")
        for x, y in directions(self.matrix):
            plane.plot([-4 * x, 4 * x], [-4 * y, 4 * y], **look)
        plane.plot(*circle, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
        plane.plot(*(self.matrix @ circle), color=INK, linewidth=1.6)
        for x, y in self.matrix.T:
            plane.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.6})
        values = eigenvalue_pair(self.matrix)
        disc.plot(*circle, color=QUIET, linewidth=1)
        disc.axhline(0, color=QUIET, linewidth=0.5)
        disc.axvline(0, color=QUIET, linewidth=0.5)
        disc.plot(values.real, values.imag, "o", color=look["color"], markersize=8)
        for ax in (plane, disc):
            ax.set(xlim=(-FRAME, FRAME), ylim=(-FRAME, FRAME), aspect="equal")
            ax.set_axis_off()
        return figure


def eigenvalue_pair(matrix):
    """The two eigenvalues of a matrix of shape (2, 2), complex, the larger modulus first; of a pair the upper one first.

    In closed form, so that a shear has two equal real ones and not a pair within rounding.
    """
    (a, b), (c, d) = np.asarray(matrix, float).tolist()
    half, gap = (a + d) / 2, ((a - d) / 2) ** 2 + b * c
    root = abs(gap) ** 0.5
    if gap < 0:
        return np.array([complex(half, root), complex(half, -root)])
    far = half - root if half < 0 else half + root
    return np.array([far, 2 * half - far], dtype=complex)


def directions(matrix):
    """The unit vectors that a matrix of shape (2, 2) only stretches, largest eigenvalue's first, as a list of pairs (x, y).

    None if its eigenvalues are a complex pair, one for a shear.  A multiple of the identity keeps every direction; then
    the two axes stand for all.
    """
    (a, b), (c, d) = np.asarray(matrix, float).tolist()
    if b == c == 0 and a == d:
        return [(1.0, 0.0), (0.0, 1.0)]
    found = []
    for value in dict.fromkeys(eigenvalue_pair(matrix).tolist()):
        if value.imag:
            return []
        # a row of (matrix - value) is at a right angle to the direction; take the longer one
        rows = (value.real - d, c), (b, value.real - a)
        x, y = max(rows, key=lambda row: row[0] ** 2 + row[1] ** 2)
        size = float(np.hypot(x, y))
        found.append((x / size, y / size))
    return found
