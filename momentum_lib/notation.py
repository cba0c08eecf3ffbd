"""Symbol, unit, spoken name and range of every quantity; colour, dash and marker of every meaning.

Axes, sliders, equations, alt texts and error messages all read these two tables, so that a
quantity has one name and a meaning has one colour everywhere in the course.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One quantity of the course.

    ``name`` is what you say aloud, ``latex`` what an equation prints, ``symbol`` the same in
    Unicode for labels and sliders, ``unit`` in words (theta and f stand for the unit of the
    point and of the loss), ``low`` and ``high`` the range that a rule accepts.
    ``high_open`` says that the upper end itself is excluded.  ``look`` is the meaning whose
    colour the symbol wears.
    """

    name: str
    latex: str
    symbol: str
    unit: str = "a pure number"
    low: float | None = None
    high: float | None = None
    high_open: bool = True
    look: str | None = None

    @property
    def allowed(self):
        """The accepted range in words, for error messages."""
        if self.low is None:
            return "any finite number"
        if self.high is None:
            return f"a finite number >= {self.low:g}"
        return f"a number in [{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"

    def accepts(self, value):
        """Whether one finite number lies in the range."""
        if self.low is None:
            return True
        if value < self.low:
            return False
        if self.high is None:
            return True
        return value < self.high if self.high_open else value <= self.high


QUANTITIES = {
    "theta": Quantity("point", r"\theta", "θ", "theta"),
    "grad": Quantity("gradient", "g", "g", "f / theta", look="gradient"),
    "v": Quantity("velocity", "v", "v", "f / theta, or theta with the rate inside", look="momentum"),
    "m": Quantity("average of gradients", "m", "m", "f / theta", look="averaged"),
    "s": Quantity("average or sum of squared gradients", "s", "s", "(f / theta)^2", look="adaptive"),
    "left": Quantity("average of the gradient's squares, row by row", "L", "L", "(f / theta)^2", look="adaptive"),
    "right": Quantity("average of the gradient's squares, column by column", "R", "R", "(f / theta)^2", look="adaptive"),
    "slow": Quantity("slow average of gradients", r"m_{\text{slow}}", "m slow", "f / theta", look="averaged"),
    "gathered": Quantity("average of ones", "c", "c"),
    "z": Quantity("point that steps", "z", "z", "theta"),
    "previous": Quantity("previous point", r"\theta_{\text{old}}", "θ old", "theta"),
    "t": Quantity("step number", "t", "t", "steps, from 1"),
    "m_hat": Quantity("average without its start-up bias", r"\hat m", "m̂", "f / theta", look="averaged"),
    "s_hat": Quantity("average of squares without its start-up bias", r"\hat s", "ŝ", "(f / theta)^2", look="adaptive"),
    "left_hat": Quantity("row squares without their start-up bias", r"\hat L", "L̂", "(f / theta)^2", look="adaptive"),
    "right_hat": Quantity("column squares without their start-up bias", r"\hat R", "R̂", "(f / theta)^2", look="adaptive"),
    "q_left": Quantity("eigenvectors of the row squares", r"Q_L", "Q_L", look="adaptive"),
    "q_right": Quantity("eigenvectors of the column squares", r"Q_R", "Q_R", look="adaptive"),
    "lr": Quantity("learning rate", r"\eta", "η", "theta^2 / f", low=0),
    "beta": Quantity("momentum", r"\beta", "β", low=0, high=1, look="momentum"),
    "beta1": Quantity("momentum of the average", r"\beta_1", "β₁", low=0, high=1, look="momentum"),
    "beta2": Quantity("long memory", r"\beta_2", "β₂", low=0, high=1, look="adaptive"),
    "beta3": Quantity("momentum of the slow average", r"\beta_3", "β₃", low=0, high=1, look="averaged"),
    "beta_now": Quantity("momentum of this step", r"\beta_t", "βₜ", look="momentum"),
    "beta_next": Quantity("momentum of the next step", r"\beta_{t+1}", "βₜ₊₁", look="momentum"),
    "momentum_decay": Quantity("pace of the momentum's warm-up", r"\psi", "ψ", "1 / steps", low=0),
    "nu": Quantity("share of the memory", r"\nu", "ν", low=0, high=1, high_open=False, look="momentum"),
    "alpha": Quantity("weight of the slow average", r"\alpha", "α", low=0, look="averaged"),
    "mu_x": Quantity("share that the mean keeps", r"\mu_x", "μx", low=0, high=1, look="averaged"),
    "mu_y": Quantity("share of the mean in the look", r"\mu_y", "μy", low=0, high=1, high_open=False),
    "eps": Quantity("floor of the denominator", r"\epsilon", "ε", "f / theta", low=0),
    "weight_decay": Quantity("weight decay", r"\omega", "ω", "1 / unit of lr", low=0),
    "rms": Quantity("root mean square to match", "r", "r", low=0),
    "dampening": Quantity("dampening", r"\tau", "τ", low=0, high=1, high_open=False),
    "f": Quantity("loss", "f", "f", "f"),
    "kappa": Quantity("condition number", r"\kappa", "κ", low=1),
    "mu": Quantity("smallest curvature", r"\mu", "μ", "f / theta^2"),
    "L": Quantity("largest curvature", "L", "L", "f / theta^2"),
    "curvature": Quantity("curvature", r"\lambda", "λ", "f / theta^2"),
    "angle": Quantity("rotation", r"\varphi", "φ", "radians"),
    "x": Quantity("first coordinate", "x", "x", "theta"),
    "y": Quantity("second coordinate", "y", "y", "theta"),
}


def named(name, whose):
    """The row of a quantity that something of the course uses.

    Raises LookupError that says which row is missing, and where it belongs.
    """
    if name not in QUANTITIES:
        raise LookupError(
            f"{whose} names {name!r}, and QUANTITIES in momentum_lib/notation.py has no row of that name, so no equation and "
            "no slider could show it. Add the row (what is said aloud, LaTeX, Unicode, and the range where there is one), such "
            "as\n"
            f'    "{name}": Quantity("friction", r"\\gamma", "γ", low=0, high=1),'
        )
    return QUANTITIES[name]


@dataclass(frozen=True)
class Look:
    """How one meaning looks: two colours, and a second cue for readers who do not see them.

    ``light`` and ``dark`` are the colours on the white and on the dark page, ``dash`` an SVG
    dash pattern ("" is solid), ``marker`` a shape, ``width`` the stroke in pixels.
    Rules of one family share all of it but the dash: its lead wears ``dash``, the others
    ``members`` in turn, in units of the width.
    """

    light: str
    dark: str
    dash: str
    marker: str
    width: float
    meaning: str
    members: tuple = ("5 2", "1 1.6", "7 2 1.4 2", "3 1.4")
    lead: str | None = None

    def member_dash(self, rank):
        """The SVG dash pattern, in pixels, of the family's rule of that rank; the lead has rank 0. "" is solid."""
        rank %= 1 + len(self.members)
        if rank == 0:
            return self.dash
        return " ".join(f"{round(float(part) * self.width, 2):g}" for part in self.members[rank - 1].split())


LOOKS = {
    "gradient": Look("#C2410C", "#FB8A5B", "", "dot", 1.6, "gradient, and rules that know only the gradient"),
    "momentum": Look("#1D5FBF", "#6FA8FF", "", "disc", 2.6, "velocity, heavy ball", lead="heavy_ball"),
    "nesterov": Look("#0E7490", "#4CC3DC", "7 4", "triangle", 2.2, "Nesterov, look-ahead"),
    "averaged": Look(
        "#4F6BD8",
        "#9DB2FF",
        "2 4",
        "ring",
        2.4,
        "averaged momentum, averaged points",
        ("5 2", "", "7 2 1.4 2", "3 1.4", "9 1.6 1.4 1.6 1.4 1.6"),
        "averaged_momentum",
    ),
    "adaptive": Look(
        "#7E3AAF",
        "#C79BF2",
        "9 4 2 4",
        "square",
        2.2,
        "adaptive rules: AdaGrad, RMSProp, Adam and its kin",
        ("5 2", "1 1.6", "", "3 1.4", "9 1.6 1.4 1.6 1.4 1.6"),
        "adam",
    ),
    "sign": Look("#A16207", "#E0B040", "14 5", "diamond", 2.2, "sign rules", ("", "1 1.6", "7 2 1.4 2", "3 1.4"), "signum"),
    "matrix": Look("#15803D", "#5FD08A", "12 3 3 3", "cross", 2.2, "matrix rules"),
    "ink": Look("#1F2933", "#E6EAF0", "", "none", 1.2, "ink"),
    "quiet": Look("#5B6672", "#9AA6B2", "", "none", 1.0, "secondary text, contours, grids"),
}


def linestyle(dash, width):
    """Matplotlib's line style, whose unit is the line's width, from an SVG dash pattern in pixels."""
    return (0, tuple(float(part) / width for part in dash.split())) if dash else "-"


GREY, PALE = "#7B8794", "#9AA5B1"  # frames, words and contours of figures whose page may be light or dark

# What the prose colours beside the quantities above: LaTeX -> look.
COLOURED = {
    r"\nabla f": "gradient",
    r"\xi": "gradient",  # the gradient's noise
    r"\eta\lambda d": "gradient",
    "w": "momentum",  # the ball's velocity
    "d": "momentum",  # the last displacement
    "y": "nesterov",  # the point ahead
}


def colour_of(latex):
    """The hex that a symbol wears in an equation of the text, an index aside; raises LookupError for one that has no colour."""
    looks = {row.latex: row.look for row in QUANTITIES.values() if row.look} | COLOURED
    for symbol in (latex, latex.partition("_")[0]):
        if symbol in looks:
            return LOOKS[looks[symbol]].light
    raise LookupError(
        f"{latex!r} has no colour of its own. Colour it through its row of QUANTITIES in momentum_lib/notation.py (look=...), "
        "or with a row of COLOURED there if it is a symbol of the text alone; else leave it in ink."
    )
