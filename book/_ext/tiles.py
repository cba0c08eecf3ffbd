"""The picture of each chapter, surface and rule in 220 x 140 units; every number in it is computed by the library.

``chapter(stem)`` gives the shapes of a chapter's tile, ``surface(name)`` and ``rule(name)`` those of a gallery. A new chapter
adds one function to CHAPTERS; a page that has none wears the tile of the whole course.
"""

import numpy as np
from scene import HEIGHT, WIDTH, Area, Dots, Line, View, country


def _way(run, view, **more):
    from momentum_lib.looks import dash

    look = {"look": run.rule.family, "width": 2.4, "dash": dash(run.rule), "runs": True, **more}
    return Line(view(*run.points.T), **look)


def _curve(x, y, view, family, **more):
    return Line(view(x, y), look=family, **{"width": 2.4, **more})


# --- the chapters ---------------------------------------------------------------------------------------------------
def ravine():
    """Gradient descent, a step short of diverging, crosses the ravine again and again."""
    from momentum_lib import descend, rules, surfaces

    land, view = surfaces.ravine(kappa=25), View.square((-0.1, 0), 3.6)
    run = descend(rules.gradient_descent, land, (-2.4, 1.2), steps=40, lr=0.0755)
    return [*country(land, view), _way(run, view)]


def averages():
    """Readings that shake, and the exponential average that runs through them."""
    t = np.arange(56)
    readings = np.sin(t / 9) + 0.55 * np.random.default_rng(2).standard_normal(t.size)
    mean, means = 0.0, []
    for k, reading in enumerate(readings, 1):
        mean = 0.8 * mean + 0.2 * reading
        means.append(mean / (1 - 0.8**k))
    view = View(-2, 57, -2.1, 2.1)
    shaking = Line(view(t, readings), width=0.9, opacity=0.5)
    return [shaking, Dots(view(t, readings), radius=1.8, opacity=0.8), _curve(t, means, view, "averaged", runs=True)]


def race():
    """One rate, two rules: with a memory the same ball runs along the floor."""
    from momentum_lib import descend, rules, surfaces

    land, view = surfaces.ravine(kappa=25), View.square((-0.1, 0), 3.6)
    start, lr = (-2.4, 1.2), 1 / 13
    runs = (
        descend(rules.gradient_descent, land, start, steps=24, lr=lr),
        descend(rules.heavy_ball, land, start, steps=24, lr=lr, beta=0.52),
    )
    return [*country(land, view), *(_way(run, view) for run in runs)]


def choosing():
    """Steps to converge against the momentum: too little, right, too much."""
    from momentum_lib import rules, surfaces, sweep

    beta = np.linspace(0, 0.98, 60)
    shapes = []
    view = View(-0.06, 1.04, np.log10(15), np.log10(900))
    for lr, opacity in ((0.01, 0.35), (0.03, 0.6), (0.07, 1.0)):
        steps = sweep(rules.heavy_ball, surfaces.ravine(kappa=25), steps=2000, tol=1e-3, lr=lr, beta=beta).steps
        there = np.isfinite(steps)
        shapes.append(_curve(beta[there], np.log10(steps[there]), view, "momentum", opacity=opacity, runs=opacity == 1.0))
    return shapes


def circle():
    """The eigenvalues of heavy ball for one curvature after another: off the line, onto the circle."""
    from momentum_lib import rules, theory

    view = View.square((0, 0), 2.5)
    best = theory.best_heavy_ball(1, 100)
    turn = np.linspace(0, 2 * np.pi, 121)
    z = theory.eigenvalues(rules.heavy_ball, np.geomspace(1, 100, 17), lr=best.lr, beta=best.beta)
    axes = Line(view([-1.6, 1.6], [0, 0]), width=0.8, opacity=0.5)
    unit = Line(view(np.cos(turn), np.sin(turn)), width=1.2, opacity=0.7)
    inner = Line(view(best.rate * np.cos(turn), best.rate * np.sin(turn)), look="momentum", width=1.2, dash="4 3")
    return [axes, unit, inner, Dots(view(z.real.ravel(), z.imag.ravel()), look="momentum", radius=3.4, runs=True)]


def ball():
    """Position and velocity of a ball with friction: a spiral."""
    from momentum_lib import theory

    t = np.linspace(0, 26, 260)
    x, v = theory.ball_with_friction(1.0, 0.22, t)
    view = View.square((0.08, -0.05), 2.3)
    axes = [Line(view([-2, 2], [0, 0]), width=0.8, opacity=0.5), Line(view([0, 0], [-2, 2]), width=0.8, opacity=0.5)]
    return [*axes, _curve(x, v, view, "momentum", runs=True)]


def ahead():
    """Heavy ball at its best setting for quadratics, on Lessard's function: round three points for ever."""
    from momentum_lib import descend, rules, surfaces, theory

    land = surfaces.lessard
    best = theory.best_heavy_ball(1, 25)
    run = descend(rules.heavy_ball, land, [3.3], steps=24, lr=best.lr, beta=best.beta)
    calm = descend(rules.nesterov, land, [2.8], steps=24, lr=1 / 25, beta=2 / 3)
    x = np.linspace(-2.35, 3.0, 90)
    view = View(-2.5, 3.2, -9, np.max(land.value(x[None])) * 1.04)
    paths = [
        Line(view(each.points[first:, 0], each.values[first:]), look=each.rule.family, width=2, runs=True)
        for each, first in ((calm, 0), (run, 2))
    ]
    stops = Dots(view(run.points[-3:, 0], run.values[-3:]), look="momentum", radius=4.5)
    return [Line(view(x, land.value(x[None])), width=1.4), *paths, stops]


def noise():
    """Heavy ball with noisy gradients, once it has arrived: a cloud round the minimum."""
    from momentum_lib import descend, rules, surfaces

    land, view = surfaces.bowl, View.square((-0.55, 0.15), 2.9)
    run = descend(rules.heavy_ball, surfaces.noisy(land, sigma=1.0, seed=3), (-2.4, 1.3), steps=160, lr=0.05, beta=0.7)
    way = Line(view(*run.points[:26].T), look="momentum", width=2, runs=True)
    return [*country(land, view), way, Dots(view(*run.points[26:].T), look="momentum", radius=1.9, runs=True, opacity=0.75)]


def rough():
    """A ball that rolls out of a small valley, which gradient descent does not leave."""
    from momentum_lib import descend, rules, surfaces

    land = surfaces.crevice
    x = np.linspace(-2.4, 4.4, 140)
    height = land.value(x[None])
    view = View(x[0], x[-1], height.min() - 0.12 * np.ptp(height), height.max() * 1.04)
    hill = Area((view(np.r_[x, x[-1], x[0]], np.r_[height, view.low, view.low]),), opacity=0.12)
    stays = descend(rules.gradient_descent, land, [-2.1], steps=300, lr=0.004)
    rolls = descend(rules.heavy_ball, land, [-2.1], steps=150, lr=0.004, beta=0.97)
    lift = np.array([0, -5])
    paths = [
        Line(view(run.points[::every, 0], run.values[::every]) + lift, look=run.rule.family, width=2, runs=True)
        for run, every in ((stays, 6), (rolls, 1))
    ]
    return [hill, Line(view(x, height), width=1.4), *paths]


def network():
    """The sharpness of a small network: it climbs to the edge that momentum sets, and stays there."""
    from momentum_lib import networks, rules

    net, data, hyper = networks.Network((1, 12, 12, 1)), networks.chebyshev(), {"lr": 0.1, "beta": 0.9}
    run = networks.train(net, data, rules.heavy_ball, net.start(1), 1600, every=16, **hyper)
    edge = networks.edge(rules.heavy_ball, **hyper)
    view = View(-60, 1660, np.log(2.2), np.log(1.9 * edge))
    limit = Line(view([-60, 1660], np.log([edge, edge])), width=1.2, dash="5 3", opacity=0.8)
    return [limit, _curve(run.at, np.log(run.sharpness), view, "momentum", runs=True)]


def adam():
    """Adam's ruler for every direction: the same step across and along."""
    from momentum_lib import descend, rules, surfaces

    land, view = surfaces.ravine(kappa=25), View.square((-0.1, 0), 3.6)
    start = (-2.4, 1.2)
    plain = descend(rules.gradient_descent, land, start, steps=40, lr=0.07)
    ours = descend(rules.adam, land, start, steps=60, lr=0.15, beta1=0.7, beta2=0.95)
    return [*country(land, view), _way(plain, view, width=1.6, opacity=0.7), _way(ours, view)]


def beyond():
    """The weights of past gradients: two memories mixed, a rod each, over one average of the same mean age."""
    from momentum_lib import theory

    two = theory.kernel_weights([0.5, 0.5], [3.0, 35.0], 26)
    one = theory.kernel_weights([1.0], [19.0], 26)
    view = View(-1.4, 26.4, -0.012, 0.15)
    ages = np.arange(26)
    rods = [Line(view([k, k], [0, weight]), "matrix", 5, grows=True, opacity=0.9) for k, weight in zip(ages, two, strict=True)]
    return [*rods, Line(view(ages, one), "averaged", 2.4, runs=True)]


def transformer():
    """Validation losses of the recorded trainings: with momentum and without."""
    from momentum_lib import records
    from momentum_lib.widgets.curves import excerpts

    (record,) = excerpts(records.load("momentum-cpu")).values()
    steps = np.array(record["steps"])
    sides = {side["name"]: np.mean(side["training"], axis=0) for side in record["sides"]}
    kept = {name: sides[name] for name in ("heavy_ball 0", "heavy_ball 0.9")}
    view = View(0, steps[-1] * 1.05, min(map(np.min, kept.values())) - 0.15, max(map(np.max, kept.values())) + 0.1)
    looks = {"heavy_ball 0": "gradient", "heavy_ball 0.9": "momentum"}
    return [Line(view(steps, loss), look=looks[name], width=2.4, runs=True) for name, loss in kept.items()]


def memory():
    """How many tokens the momentum of published trainings remembers: a rod each, on a logarithmic scale."""
    from momentum_lib import scale

    known = sorted(scale.half_life(run.momentum, tokens=run.tokens_per_step) for run in scale.runs("momentum", "tokens_per_step"))
    lengths = np.log10(known)
    step = (HEIGHT - 16) / len(known)
    ends = 14 + (WIDTH - 28) * (lengths - lengths[0] + 0.25) / (lengths[-1] - lengths[0] + 0.25)
    rods = []
    for k, end in enumerate(ends):
        y = 8 + step * (k + 0.5)
        rods.append(
            Line(np.array([[14, y], [end, y]]), "momentum", step * 0.55, opacity=0.45 + 0.55 * k / len(known), grows=True)
        )
    return rods


def clocks():
    """Eight workers in random order: the ages of their copies as rods, and the mean path that they make."""
    from momentum_lib import theory
    from momentum_lib.widgets import workers

    ages = workers.ages_of(workers.order_of(8, "random", 1), 8)[60]
    low = View(-0.7, 7.7, -1, 2.6 * ages.max())
    rods = [Line(low([k, k], [0, max(age, 0.3)]), "gradient", 9, grows=True, opacity=0.45) for k, age in enumerate(ages)]
    mean = theory.asynchronous_mean(8, 0.15, 90)
    view = View(0, 90, -0.62, 1.06)
    return [*rods, Line(view(np.arange(91), mean), "momentum", 2.6, runs=True)]


def faster():
    """What momentum is worth against the noise: three memories, the longest worth the most, and none of them much in the end."""
    from momentum_lib import theory

    noise = np.geomspace(1e-3, 1e1, 80)
    view = View(-3.2, 1.2, -0.12, 1.72)
    shapes = [Line(view([-3.2, 1.2], [0, 0]), width=1.0, opacity=0.5)]
    for beta, opacity in ((0.5, 0.4), (0.9, 0.7), (0.95, 1.0)):
        gain = np.log10(theory.river_gain(beta, noise))
        shapes.append(_curve(np.log10(noise), gain, view, "momentum", opacity=opacity, runs=opacity == 1.0))
    return shapes


CHAPTERS = {
    "01": ravine, "02": averages, "03": race, "04": choosing, "05": circle, "06": ball, "07": ahead, "08": noise, "09": rough,
    "10": network, "11": adam, "12": beyond, "13": transformer, "14": memory, "15": clocks,
    "16": faster,
}  # fmt: skip


def chapter(stem):
    """The shapes of a chapter's tile; ``stem``: the notebook's name, such as 03-momentum. Others wear the race."""
    return CHAPTERS.get(stem[:2], race)()


PARTS = {"rastrigin": View.square((-1.6, 1.1), 4.4)}  # all 121 hollows are too many for a tile


# --- the galleries --------------------------------------------------------------------------------------------------
def rule(name):
    """A rule at its own best setting on the ravine that all share, over gradient descent at its best; a matrix rule
    shows what its step does to singular values."""
    from momentum_lib import descend, rules, surfaces
    from momentum_lib.widgets import tuning

    ours = rules.RULES[name]
    if ours.matrix:
        return _rods(ours)
    land = surfaces.ravine
    view = View.square((-0.55, 0), 4.4)
    shapes = country(land, view)
    for each in dict.fromkeys((rules.gradient_descent, ours)):
        run = descend(each, land, steps=40, **tuning.best(land.name, each.name))
        shapes.append(_way(run, view, **({} if each is ours else {"width": 1.2, "opacity": 0.55, "runs": False})))
    return shapes


def _rods(ours):
    """Singular values of a gradient, in pairs with those of the step that the rule makes of it."""
    values = np.array([1.0, 0.6, 0.35, 0.2, 0.1, 0.05])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    grad = turn * values @ turn[::-1]
    hyper = {**{key: value for key, value in ours.hyper.items() if value is not None}, "lr": 1.0}
    points, state = [np.zeros_like(grad)], ours.init(grad)
    for t in (1, 2):  # the second step: a rule may only look at its first gradient
        point, state = ours.step(points[-1], grad, state, hyper, t)
        points.append(point)
    after = np.linalg.svd(points[2] - points[1], compute_uv=False)
    view = View(-0.6, 5.6, -0.08, 1.25)
    rods = []
    for k, (before, behind) in enumerate(zip(values, after / after.max(), strict=True)):
        for shift, height, look in ((-0.17, before, "gradient"), (0.17, behind, ours.family)):
            rods.append(Line(view([k + shift] * 2, [0, height]), look, 9, grows=True, opacity=0.9))
    return rods


def surface(name):
    """A surface in the part of the plane that its pictures show, or a curve in one dimension, with heavy ball's path from its
    start."""
    from momentum_lib import descend, rules, surfaces
    from momentum_lib.looks import dash
    from momentum_lib.widgets import tuning

    land = surfaces.SURFACES[name]
    run = descend(rules.heavy_ball, land, steps=60, **tuning.best(name, "heavy_ball"))
    if land.dim == 1:
        ((left, right),) = land.domain
        x = np.linspace(left, right, 160)
        height = land.value(x[None])
        view = View(left, right, height.min() - 0.12 * np.ptp(height), height.max() * 1.04)
        hill = Area((view(np.r_[x, right, left], np.r_[height, view.low, view.low]),), opacity=0.12)
        way = view(run.points[:, 0], land.value(run.points.T))
        jumps = Line(way, "momentum", 2.4, dash(run.rule), runs=True)
        moved = np.abs(np.diff(way, axis=0)).max(axis=1) > 0.5  # a dot where the last one can be told from it
        return [hill, Line(view(x, height), width=1.6), jumps, Dots(way[np.r_[True, moved]], "momentum", 3)]
    (left, right), (low, high) = land.domain
    tall = max(high - low, (right - left) * HEIGHT / WIDTH)
    view = PARTS.get(name, View.square(((left + right) / 2, (low + high) / 2), tall))
    minima = [Dots(view(*np.transpose(land.minima)), "ink", 3)] if land.minima else []
    return [*country(land, view, levels=4 if name in PARTS else 6, power=3.0), *minima, _way(run, view)]
