"""Live figures: pictures that answer to the hand, in Jupyter, in Colab and on a page with no kernel.

>>> from momentum_lib.widgets import Ravine
>>> Ravine(lr=0.05).lr
0.05

Needs anywidget and, for the static pictures, matplotlib: ``pip install 'momentum_lib[live]'``.
"""

try:
    import anywidget  # noqa: F401
except ImportError as error:
    raise ImportError(
        "momentum_lib.widgets needs anywidget, which is not installed; install it with: pip install anywidget"
    ) from error

from ._base import FIGURES, LiveFigure
from .amounts import Amounts
from .basin import Basin
from .complex_pair import ComplexPair
from .crosswalk import Crosswalk
from .curves import Curves
from .dial import Dial
from .digits import Digits
from .disc import Disc
from .edge import Edge
from .euler import Euler
from .filter import Filter
from .ingredients import Ingredients
from .kernel import Kernel
from .linear_map import LinearMap
from .memory import Memory
from .noise_ball import NoiseBall
from .phase import Phase
from .playground import Playground
from .predict import Predict
from .race import Race
from .ravine import Ravine
from .ribbon import Ribbon
from .river import River
from .rods import Rods
from .roller import Roller
from .rotation import Rotation
from .scale import Scale
from .stage import Stage
from .velocity import Velocity
from .workers import Workers


def make(figure, **state):
    """The live figure of that name in that state: ``make("ravine", lr=0.05)``. Raises ValueError for an unknown name."""
    if figure not in FIGURES:
        from ._base import _nearest

        raise ValueError(f"no live figure is named {figure!r}; {_nearest(figure, sorted(FIGURES))}.")
    return FIGURES[figure](**state)


__all__ = ["FIGURES", "LiveFigure", "Playground", "Predict", "make", *(figure.__name__ for figure in FIGURES.values())]
