"""Conversion between conventions: exact where it is given, and refused only where the runs really differ."""

import doctest
import functools
import itertools

import numpy as np
import pytest

from momentum_lib import conventions, convert, descend, rules, surfaces, theory

NAMES = ["gradient_descent", *conventions.CONVENTIONS]
PAIRS = list(itertools.permutations(NAMES, 2))
STEPS, DROP = 120, 60
SURFACES = [surfaces.ravine(kappa=20, angle=0.4), surfaces.rosenbrock(b=4), surfaces.noisy(surfaces.bowl, sigma=0.5, seed=3)]


def setting(name, seed):
    """A random setting under which every form of the run contracts; every fifth has no momentum."""
    rng = np.random.default_rng(seed)
    beta = 0.0 if seed % 5 == 0 else float(rng.uniform(0.05, 0.9))
    lr = float(rng.uniform(0.003, 0.01))
    hyper = {"lr": lr, "beta": beta, "dampening": 0.0}
    if name == "gradient_descent":
        hyper["beta"] = 0.0
    if name in ("averaged_momentum", "nesterov_lerp"):
        hyper["lr"] /= 1 - hyper["beta"]
    return {key: hyper[key] for key in rules.get(name).hyper}


@functools.cache
def run(name, hyper, surface, constant_rate):
    """One run on ``SURFACES[surface]``; ``hyper`` as pairs, so that equal runs are made once."""
    hyper = dict(hyper)
    if not constant_rate:
        hyper["lr"] = np.where(np.arange(STEPS) < DROP, hyper["lr"], hyper["lr"] / 10)
    path = descend(rules.get(name), SURFACES[surface], start=[0.4, 0.3], steps=STEPS, **hyper)
    assert path.diverged_at is None
    return path


def gap(source, target, hyper, converted, constant_rate=True):
    """The largest distance between the two runs, over three surfaces.

    Where one of the pair looks ahead, the points compared are those at which the gradient is
    measured, because these are what the two forms share.
    """
    what = "looks" if "nesterov" in (source, target) else "points"
    out = 0.0
    for k in range(len(SURFACES)):
        a, b = (run(name, tuple(h.items()), k, constant_rate) for name, h in ((source, hyper), (target, converted)))
        out = max(out, np.abs(getattr(a, what) - getattr(b, what)).max())
    return out


@pytest.mark.parametrize("source, target", PAIRS)
@pytest.mark.parametrize("constant_rate", [True, False])
def test_a_conversion_makes_the_same_run(source, target, constant_rate):
    """A factor 1 - beta the wrong way round; with a tenfold rate drop in mid-run where that is promised, too."""
    converted = 0
    for seed in range(3):
        hyper = setting(source, seed)
        try:
            answer = convert(source, target, constant_rate=constant_rate, **hyper)
        except ValueError:
            continue
        converted += 1
        assert list(answer) == list(rules.get(target).hyper)
        assert gap(source, target, hyper, answer, constant_rate) < 1e-12
    assert converted >= 1, "without momentum every form is gradient descent, so every pair converts then"


def roots(name, hyper, curvature):
    """Sum and product of the two roots that govern a run at this curvature (a rule without memory has one root, and 0)."""
    matrix = theory.iteration_matrix(rules.get(name), curvature, **hyper)
    return np.array([np.trace(matrix), np.linalg.det(matrix) if len(matrix) == 2 else 0.0])


@pytest.mark.parametrize("source, target", PAIRS)
def test_a_refusal_is_right(source, target):
    """A pair refused although some setting makes the runs equal.

    Equal runs have equal roots at every curvature.  At curvature 0 the product of the roots is
    the momentum, so the momentum must be kept; the sum of the roots falls linearly with the
    rate, so one rate is left; with it the products must differ.
    """
    hyper = setting(source, 3)
    try:
        convert(source, target, **hyper)
    except ValueError as error:
        assert "no learning rate and momentum make their runs equal" in str(error) or "has no memory" in str(error)
    else:
        return
    trial = {key: {**hyper, "dampening": 0.0}[key] for key in rules.get(target).hyper}
    (sum_0, product_0), (sum_1, _) = roots(source, hyper, 0.0), roots(source, hyper, 1.0)
    assert product_0 == pytest.approx(hyper["beta"])
    trial_0, trial_1 = roots(target, trial, 0.0), roots(target, trial, 1.0)
    trial["lr"] *= (sum_0 - sum_1) / (trial_0[0] - trial_1[0])
    if target != "gradient_descent":
        assert roots(target, trial, 1.0)[0] == pytest.approx(sum_1, abs=1e-12), "the one rate that is left"
    assert abs(roots(target, trial, 1.0)[1] - roots(source, hyper, 1.0)[1]) > 1e-4


@pytest.mark.parametrize("source, target", PAIRS)
def test_a_refusal_for_changing_rates_is_right(source, target):
    """A pair refused for ``constant_rate=False`` that stays equal through a rate drop."""
    hyper = setting(source, 3)
    try:
        answer = convert(source, target, **hyper)
    except ValueError:
        return
    try:
        convert(source, target, constant_rate=False, **hyper)
    except ValueError as error:
        assert "part when the rate changes" in str(error)
        assert gap(source, target, hyper, answer) < 1e-12 < 1e-5 < gap(source, target, hyper, answer, constant_rate=False)


def test_converting_there_and_back_changes_nothing():
    """A conversion that is not the inverse of its inverse."""
    for source, target in PAIRS:
        hyper = setting(source, 7)
        try:
            back = convert(target, source, **convert(source, target, **hyper))
        except ValueError:
            continue
        assert back == pytest.approx(hyper, rel=1e-14)


def test_the_step_after_a_drop():
    """Result 17: after a tenfold drop the next step is .10 of the last with the rate outside, about .91 inside."""
    lr = np.full(400, 0.01)
    lr[200:] /= 10
    slope = surfaces.quadratic([1e-9])  # so flat that the gradient is constant and the velocity settled
    for name, expected in (("heavy_ball", 0.10), ("classical_momentum", 0.91)):
        step = np.diff(descend(rules.get(name), slope, start=[1.0], steps=400, lr=lr, beta=0.9).points[:, 0])
        assert step[200] / step[199] == pytest.approx(expected, abs=1e-6)


REFUSED = {
    "another family": (("heavy_ball", "adam", {"lr": 0.1}), "adam is not a momentum convention"),
    "from another family": (("rmsprop", "heavy_ball", {"lr": 0.1}), "rmsprop is not a momentum convention"),
    "look-ahead": (("heavy_ball", "nesterov", {"lr": 0.1}), "measure the gradient at different points"),
    "no memory": (("heavy_ball", "gradient_descent", {"lr": 0.1}), "gradient_descent has no memory; momentum 0.9 has"),
    "dampening": (("dampened_momentum", "heavy_ball", {"lr": 0.1, "dampening": 0.5}), "dampening 0.5 has no exact equal"),
    "rate change": (("heavy_ball", "classical_momentum", {"lr": 0.1, "constant_rate": False}), "part when the rate changes"),
    "bad momentum": (("heavy_ball", "polyak", {"lr": 0.1, "beta": 1.5}), r"beta is 1.5; allowed: a number in \[0, 1\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_why(case):
    """A refusal without a reason."""
    (source, target, hyper), message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        convert(source, target, **hyper)


def test_an_unknown_name_gets_its_nearest_match():
    """A name that fails without a hint."""
    with pytest.raises(LookupError, match="unknown rule 'heavyball'. Did you mean 'heavy_ball'"):
        convert("heavyball", "polyak", lr=0.1)


def matrix(rule, curvature, lr):
    """The linear step of a rule of momentum .8; None for a rule that has none."""
    try:
        return theory.iteration_matrix(rule, curvature, **{**rule.hyper, "lr": lr, "beta": 0.8})
    except (TypeError, ValueError):
        return None


def test_every_rule_that_converts_stands_in_the_table():
    """A new momentum rule whose settings convert, and that the crosswalk forgets: at some rate it has heavy ball's roots."""
    families, curvatures = {"momentum", "averaged", "nesterov"}, (1.0, 3.0, 10.0)
    for rule in rules.RULES.values():
        if rule.family not in families or rule.name in conventions.CONVENTIONS or matrix(rule, 1.0, 0.1) is None:
            continue
        for known in conventions.CONVENTIONS:
            for factor in (1, 0.2, 5):
                pairs = [(matrix(rule, c, 0.01), matrix(rules.get(known), c, 0.01 * factor)) for c in curvatures]
                roots = [[np.poly(m) for m in pair] for pair in pairs if pair[1] is not None]
                assert not roots or not all(len(a) == len(b) and np.allclose(a, b) for a, b in roots), (
                    f"{rule.name} makes {known}'s run at another rate: add its row to momentum_lib/conventions.py"
                )
    assert {"heavy_ball", "averaged_momentum", "nesterov_torch"} <= set(conventions.CONVENTIONS)
    assert all(rules.get(name).family in families for name in conventions.CONVENTIONS)


def test_the_examples_of_the_docstrings_run():
    """An example in a docstring that no longer tells the truth."""
    import momentum_lib

    for module in (conventions, momentum_lib):
        result = doctest.testmod(module)
        assert result.attempted > 0 and result.failed == 0
