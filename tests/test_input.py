"""What is no number, or a number that answers no question: every function that computes says so, in words that help."""

import inspect
from fractions import Fraction

import numpy as np
import pytest

from momentum_lib import convert, descend, ranges, rules, scale, surfaces, sweep, theory

HB = rules.heavy_ball
INF = float("inf")
SET = {"lr": 0.1, "beta": 0.5}
RUN = descend(HB, surfaces.bowl, steps=5, **SET)

VALID = {  # a call of each function with every number that it takes; the rest by position
    "asynchronous_matrix": ((), {"workers": 3, "product": 0.1, "beta": 0.2}),
    "asynchronous_mean": ((), {"workers": 3, "product": 0.1, "steps": 3, "beta": 0.2}),
    "asynchronous_rate": ((), {"workers": 3, "product": 0.1, "beta": 0.2}),
    "asynchronous_square": ((), {"workers": 3, "product": 0.1, "steps": 3, "beta": 0.2}),
    "asynchronous_spread": (
        (),
        dict.fromkeys(("xx", "xv", "vv", "xw", "vw", "ww", "wu"), 1.0) | {"workers": 3, "product": 0.1, "beta": 0.2},
    ),
    "asynchronous_step": ((), {"x": 1.0, "w": 1.0, "v": 0.0, "workers": 3, "product": 0.1, "beta": 0.2}),
    "asynchrony_beta": ((), {"workers": 3}),
    "asynchrony_setting": ((), {"workers": 3, "lr": 0.1}),
    "fit_momentum": ((), {"path": [1.0, 0.9, 0.7, 0.4, 0.1]}),
    "simulate_workers": ((), {"workers": 2, "product": 0.1, "steps": 2, "who": [[0], [1]], "beta": 0.2}),
    "spread_matrix": ((), {"workers": 3, "product": 0.1, "beta": 0.2}),
    "turn_matrix": ((), {"workers": 3, "product": 0.1, "beta": 0.2}),
    "beta_at_half_life": ((), {"steps": 5}),
    "frequency_response": ((), {"beta": 0.5, "omega": 1.0}),
    "half_life": ((), {"beta": 0.5}),
    "sample_size": ((), {"beta": 0.5}),
    "total_weight": ((), {"beta": 0.5}),
    "wave_delay": ((), {"beta": 0.5, "omega": 1.0}),
    "wave_gain": ((), {"beta": 0.5, "omega": 1.0}),
    "weights": ((), {"beta": 0.5, "n": 3}),
    "best_at_batch": ((HB,), {"batch": 8, "target": 0.1, "beta": 0.5, "curvatures": [1.0], "cells": 3, "zooms": 1}),
    "noisy_quadratic": ((), {"d": 3}),
    "steps_to_loss": ((HB,), {"batch": 8, "target": 0.1, "curvatures": [1.0], **SET}),
    "best_gradient_descent": ((), {"mu": 1, "L": 9}),
    "best_heavy_ball": ((), {"mu": 1, "L": 9}),
    "best_nesterov": ((), {"mu": 1, "L": 9}),
    "best_setting": ((HB,), {"mu": 1, "L": 9, "beta": 0.5}),
    "standard_nesterov": ((), {"mu": 1, "L": 9}),
    "cycling_function": ((), {"lr": 3.9 / 80, "beta": 0.64, "mu": 1, "L": 80, "longest": 20}),
    "exact_run": ((HB, lambda x: x, "1"), {"steps": 3, "lr": "1/10", "beta": "1/2"}),
    "lessard_cycle": ((), {"start": "33/10", "lr": "1/9", "beta": "4/9", "period": 3, "steps": 300}),
    "lessard_gradient": ((), {"x": 1.5}),
    "chebyshev_floor": ((), {"mu": 1, "L": 9, "steps": 3}),
    "chebyshev_schedule": ((), {"mu": 1, "L": 9, "steps": 3}),
    "conjugate_gradients": ((surfaces.bowl,), {"start": [1.0, 1.0], "steps": 2}),
    "distance_floor": ((), {"curvatures": [1.0, 9.0], "steps": 2}),
    "lower_bound": ((), {"L": 1.0, "distance": 1.0, "k": 3}),
    "lower_bound_strongly_convex": ((), {"mu": 1.0, "L": 9.0, "distance": 1.0, "k": 3}),
    "nesterov_bound": ((), {"L": 1.0, "distance": 1.0, "k": 3}),
    "nesterov_schedule": ((), {"steps": 3}),
    "worst_function": ((), {"k": 3, "L": 1.0}),
    "ball_with_friction": ((), {"curvature": 1.0, "friction": 0.1, "t": [0.0, 1.0], "start": 1.0, "velocity": 0.0}),
    "bessel_j1": ((), {"x": 1.0}),
    "critical_friction": ((), {"curvature": 1.0}),
    "energy": ((RUN,), {}),
    "energy_edge": ((), {"L": 1.0, "beta": 0.5}),
    "friction": ((), {"lr": 0.1, "beta": 0.5}),
    "friction_share": ((), {"beta": 0.5}),
    "kinetic_energy": ((), {"step": 0.1, "lr": 0.1}),
    "longest_step": ((), {"curvature": 1.0, "friction": 0.2}),
    "nesterov_flow": ((), {"curvature": 1.0, "t": [0.0, 1.0], "start": 1.0}),
    "roll": ((surfaces.bowl,), {"start": [1.0, 1.0], "friction": 0.1, "time": 1.0, "steps": 10, "velocity": [0.0, 1.0]}),
    "roll_energy": ((surfaces.bowl, theory.roll(surfaces.bowl, [1.0, 1.0], friction=0.1, time=1.0, steps=5)), {}),
    "setting_of_ball": ((), {"friction": 0.2, "h": 0.5}),
    "circle_of_pairs": ((), {"beta": 0.5}),
    "critical_beta": ((), {"lr": 0.1, "curvature": 1.0}),
    "critical_rate": ((), {"curvature": 1.0, "beta": 0.5}),
    "eigenvalues": ((HB,), {"curvature": 1.0, **SET}),
    "flipping_rate": ((), {"curvature": 1.0, "beta": 0.5}),
    "iteration_matrix": ((HB,), {"curvature": 1.0, **SET}),
    "linear_form": ((HB,), SET),
    "momentum_edge": ((), {"curvature": 1.0, "beta": 0.5}),
    "rate": ((HB,), {"curvature": 1.0, **SET}),
    "rate_of_eigenvalue": ((), {"curvature": 1.0, "x": 0.3, "beta": 0.5}),
    "regime": ((HB,), {"curvature": 1.0, **SET}),
    "setting_of_pair": ((), {"curvature": 1.0, "x": 0.5, "y": 0.3}),
    "stability_edge": ((HB,), {"curvature": 1.0, "beta": 0.5}),
    "steps_at_rate": ((), {"rate": 0.9, "tol": 1e-3}),
    "trajectory": ((HB,), {"curvature": 1.0, "steps": 3, "start": 1.0, **SET}),
    "age_at_edge": ((), {"edge": 4.0}),
    "age_at_newest": ((), {"newest": 0.1}),
    "age_at_noise": ((), {"noise": 0.1}),
    "ageing_weights": ((), {"ages": [1.0, 2.0]}),
    "beta_at_mean_age": ((), {"age": 9.0}),
    "kept_noise": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0]}),
    "kept_zigzag": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0]}),
    "kernel_weights": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0], "n": 3}),
    "lion_mixture": ((), {"beta1": 0.9, "beta2": 0.99}),
    "mean_age": ((), {"beta": 0.5}),
    "mixture_age": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0]}),
    "mixture_edge": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0], "curvature": 1.0}),
    "mixture_matrix": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0], "product": 0.1}),
    "nesterov_mixture": ((), {"beta": 0.5}),
    "newest_weight": ((), {"shares": [0.5, 0.5], "ages": [1.0, 2.0]}),
    "two_memories": ((), {"share": 0.5, "young": 1.0, "old": 10.0}),
    "weight_at": ((), {"k": 3, "age": 9.0}),
    "effective_rate": ((), {"lr": 0.1, "beta": 0.5}),
    "expected_loss": ((HB,), {"curvature": 1.0, "steps": 3, "sigma": 1.0, "start": 1.0, **SET}),
    "lr_at_effective_rate": ((), {"effective": 0.1, "beta": 0.5}),
    "mean_square": ((HB,), {"curvature": 1.0, "steps": 3, "sigma": 1.0, "start": 1.0, **SET}),
    "noise_ball": ((), {"lr": 0.1, "beta": 0.5, "curvature": 1.0, "sigma": 1.0}),
    "second_moments": ((HB,), {"curvature": 1.0, "steps": 3, "sigma": 1.0, "start": 1.0, **SET}),
    "small_rate_gap": (
        (HB, rules.gradient_descent),
        {"effective": 0.1, "beta": 0.5, "curvature": 1.0, "sigma": 1.0, "start": 1.0, "span": 1.0},
    ),
    "stationary_covariance": ((HB,), {"curvature": 1.0, "sigma": 1.0, **SET}),
    "best_quintic": ((), {"low": 0.1, "high": 1.0}),
    "best_quintics": ((), {"low": 0.1, "steps": 2}),
    "newton_schulz": ((), {"values": [0.5, 1.0], "steps": 2, "polynomials": [(3.4445, -4.775, 2.0315)]}),
    "odd_quintic": ((), {"x": 0.5, "a": 3.0, "b": -4.0, "c": 2.0}),
    "escape_steps": ((HB,), {"curvature": -1.0, "start": 1e-3, "goal": 1.0, "limit": 1000, **SET}),
    "restarted_nesterov": ((surfaces.bowl,), {"start": [1.0, 1.0], "steps": 3, "lr": 0.1}),
    "lr_at_hill_loss": ((), {"loss": 0.1, "beta": 0.5, "curvature": 1.0, "sigma": 1.0}),
    "noise_over_hill": ((), {"part": 0.5, "beta": 0.5}),
    "river_gain": ((), {"beta": 0.5, "noise": 1.0}),
    "steepest": (([[1.0, 2.0]], "maximum"), {}),
    "dual_size": (([[1.0, 2.0]], "maximum"), {}),
    "size": (([[1.0, 2.0]], "maximum"), {}),
    "best_streaming": ((HB,), {"probabilities": [0.5], "zooms": 1}),
    "steps_per_efold": ((), {"rate": 0.5}),
    "streaming_operator": ((HB,), {"probability": 0.5, **SET}),
    "streaming_rate": ((HB,), {"probability": 0.5, **SET}),
    "norm_peak": ((HB,), {"curvature": 1.0, **SET}),
    "power_norms": ((HB,), {"curvature": 1.0, "steps": 3, **SET}),
    "transient_peak": ((HB,), {"curvature": 1.0, "start": 1.0, **SET}),
}
NO_NUMBERS = {"text": "x", "several words": ["a", "b"], "mixed": [1.0, "a"], "complex": 1j, "an object": object(), "none": None}
NO_NUMBERS |= {"ragged": [[1.0], [1.0, 2.0]], "a set": {1.0}, "NaN": float("nan")}
MAY_BE_NONE = {("best_at_batch", "beta"), ("best_at_batch", "curvatures"), ("steps_to_loss", "curvatures"), ("roll", "velocity")}
MAY_BE_NONE |= {("conjugate_gradients", "start"), ("restarted_nesterov", "start")}  # left out: the default


def functions():
    return {name for name, thing in vars(theory).items() if inspect.isfunction(thing)}


def test_every_function_of_the_theory_is_asked():
    assert set(VALID) == functions()
    for name, (before, numbers) in VALID.items():
        getattr(theory, name)(*before, **numbers)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("what", NO_NUMBERS)
def test_what_is_no_number_is_refused_in_words(name, what):
    """Python's or NumPy's own words, about a conversion that the reader did not ask for; or an answer."""
    before, numbers = VALID[name]
    for key in numbers:
        if what == "none" and (name, key) in MAY_BE_NONE:
            continue
        with pytest.raises((TypeError, ValueError)) as error:
            print(name, key, what, getattr(theory, name)(*before, **{**numbers, key: NO_NUMBERS[what]}))
        assert "allowed: " in str(error.value), (name, key, str(error.value))


EDGES = {  # parameter -> numbers just outside, numbers at the ends that belong
    "beta": ([-0.1, 1.0, INF], [0.0]),
    "beta1": ([-0.1, 1.0], [0.0]),
    "beta2": ([-0.1, 0.0, 1.0], [0.9]),
    **dict.fromkeys(("lr", "effective", "friction", "noise", "distance", "sigma"), ([-0.1, INF], [0.0])),
    "k": ([-1, INF], [0]),
    **dict.fromkeys(("mu", "L", "loss", "time", "batch", "target", "span"), ([0.0, -1.0, INF], [1.0])),
    **dict.fromkeys(("cells", "zooms", "limit", "d"), ([0, -3, 2.5, True], [1])),
    "workers": ([0, -3, 2.5, True], [1, 4.0]),
    "n": ([-1, 2.5, True, INF], [0, 3.0]),
    "steps": ([-1, 2.5, True, INF], []),
    **dict.fromkeys(("age", "young", "old"), ([-1.0, INF], [0.0])),
    "ages": ([[1.0, -1.0], [INF, 1.0]], [[0.0, 0.0]]),
    "shares": ([[1.0, -0.1], [INF, 1.0], [0.0, 0.0]], [[1.0, 0.0]]),
    "share": ([-0.1, 1.1], [0.0, 1.0]),
    **dict.fromkeys(("part", "newest", "probability", "low"), ([0.0, 1.1], [1.0])),
    "probabilities": ([[0.5, 0.0], [1.1]], [[1.0]]),
    "rate": ([0.0, 1.0, -0.5], []),
    "tol": ([0.0, 1.1, -0.5], [1.0]),
    "h": ([-0.1, INF], [0.0]),
    "edge": ([1.9, INF], [2.0]),
    "curvatures": ([[1.0, 0.0], [INF], []], [[1.0]]),
    "values": ([[-0.1], [INF]], [[0.0, 0.0]]),
    **dict.fromkeys(("longest", "period"), ([2, 3.5], [])),
    **dict.fromkeys(("product", "omega", "start", "velocity", "step", "t", "x", "y", "w", "v", "a", "b", "c"), ([INF], [])),
    "curvature": ([INF, -INF], []),
}
OWN_EDGES = {  # where a function's question has another range
    **dict.fromkeys(
        [("beta_at_half_life", "steps"), ("friction", "lr"), ("kinetic_energy", "lr"), ("cycling_function", "lr")],
        ([0.0, -1.0, INF], []),
    ),
    **dict.fromkeys(
        [
            (name, "curvature")
            for name in VALID
            if name
            in (
                "critical_friction",
                "longest_step",
                "nesterov_flow",
                "critical_beta",
                "critical_rate",
                "flipping_rate",
                "momentum_edge",
                "rate_of_eigenvalue",
                "setting_of_pair",
                "stability_edge",
                "mixture_edge",
                "stationary_covariance",
                "lr_at_hill_loss",
                "noise_ball",
            )
        ],
        ([0.0, -1.0, INF], [1.0]),
    ),
    **dict.fromkeys(
        [
            (name, "beta")
            for name in (
                "momentum_edge",
                "critical_rate",
                "flipping_rate",
                "circle_of_pairs",
                "friction_share",
                "rate_of_eigenvalue",
            )
        ],
        ([-0.1, 1.1], [0.0, 1.0]),
    ),
    **dict.fromkeys(
        [(name, "beta") for name in VALID if name.startswith(("asynchronous_", "spread", "turn", "simulate"))],
        ([INF], [-1.0, 1.5]),
    ),
    **dict.fromkeys(
        [(name, "workers") for name in ("asynchrony_beta", "asynchronous_step", "asynchronous_spread")], ([0, -3, 0.5], [1, 2.5])
    ),
    **dict.fromkeys(
        [
            (name, key)
            for name, (before, numbers) in VALID.items()
            for key in ("lr", "beta")
            if HB in before
            and key in numbers
            and name not in ("stability_edge", "best_setting", "best_at_batch", "steps_to_loss")
        ],
        ([INF], []),  # a rule's own hyper-parameters, which may be unstable
    ),
    ("simulate_workers", "workers"): ([0, -3, 2.5, True], [2, 3]),
    ("worst_function", "k"): ([0, 2.5, True], [1]),
    **dict.fromkeys([("cycling_function", "mu"), ("cycling_function", "L")], ([0.0, -1.0, INF], [])),
    ("age_at_noise", "noise"): ([0.0, 1.1], [1.0]),
    ("small_rate_gap", "effective"): ([0.0, -1.0, INF], []),
    ("critical_beta", "lr"): ([0.0, -1.0, INF], [1.0]),
    ("noise_ball", "lr"): ([0.0, -1.0, INF], []),
    ("nesterov_flow", "t"): ([-0.1], [0.0]),
    ("escape_steps", "curvature"): ([0.0, 1.0, -INF], []),
    ("escape_steps", "start"): ([0.0, -1.0, 1.0], []),
    ("escape_steps", "goal"): ([0.0, 1e-3, INF], []),
    ("escape_steps", "limit"): ([0, -3, 2.5], []),
    ("best_quintic", "low"): ([0.0, 1.1], [1.0]),
    ("bessel_j1", "x"): ([1e5, -1e5], [1e4, -1e4]),
    ("transient_peak", "start"): ([0.0, INF], []),
    ("roll", "friction"): ([-0.1, INF], [0.0]),
    ("exact_run", "lr"): ([-1, INF], [0]),
    ("exact_run", "beta"): ([-1, 1, INF], [0]),
    **{("lessard_cycle", name): ([INF], []) for name in ("start", "lr", "beta")},
    ("conjugate_gradients", "start"): ([[INF, 1.0]], []),
    ("restarted_nesterov", "start"): ([[INF, 1.0]], []),
    ("lion_mixture", "beta1"): ([-0.1, 0.995], [0.0, 0.99]),
}


@pytest.mark.parametrize("name", VALID)
def test_a_number_that_answers_no_question_is_refused_and_the_last_that_does_is_not(name):
    """Momentum of -3 for no workers, 1.2 for a rate that shrinks: an answer to a question that has none."""
    before, numbers = VALID[name]
    for key in numbers:
        outside, ends = OWN_EDGES.get((name, key)) or EDGES.get(key, ([], []))
        for number in outside:
            with pytest.raises((TypeError, ValueError)) as error:
                print(name, key, number, getattr(theory, name)(*before, **{**numbers, key: number}))
            assert "allowed: " in str(error.value), (name, key, str(error.value))
        for number in ends:
            getattr(theory, name)(*before, **{**numbers, key: number})


# what a range is made of -> what a message calls it, numbers inside, numbers outside
ENDS = [
    ({}, "a finite number", [-1e300, 0, 2.5], [INF, -INF]),
    ({"low": 0}, "a finite number >= 0", [0, 0.0, 1e300], [-1e-300, INF]),
    ({"low": 0, "above": True}, "a finite number > 0", [1e-300], [0, -1, INF]),
    ({"high": 0, "below": True}, "a finite number < 0", [-1e-300], [0, 1, -INF]),
    ({"low": 0, "high": 1}, "a number in [0, 1]", [0, 1, 0.5], [-1e-9, 1.1]),
    ({"low": 0, "high": 1, "below": True}, "a number in [0, 1)", [0, 0.999], [1, -1e-9]),
    ({"low": 0, "high": 1, "above": True}, "a number in (0, 1]", [1, 1e-300], [0, 1.1]),
    ({"high": 2}, "a finite number <= 2", [2, -1e300], [2.1, -INF]),
    ({"low": 1, "whole": True}, "a whole number >= 1", [1, 7], [0, 1.0, True]),
    ({"low": 2, "why": ", in steps"}, "a finite number >= 2, in steps", [2], [1.9]),
]


@pytest.mark.parametrize("k", range(len(ENDS)))
def test_a_range_says_and_holds_its_ends(k):
    """An end that belongs and does not, or the other way round; the second of two numbers not looked at."""
    made, words, inside, outside = ENDS[k]
    kind = ranges.Range(**made)
    assert kind.words == words
    for number in inside:
        kind.check("it", number)
        kind.check("it", [inside[0], number])
    for number in outside:
        for asked in (number, [inside[0], number], [[number]]):
            if number is True and asked is not True:
                continue  # a list of a number and a truth is a list of numbers
            with pytest.raises((TypeError, ValueError), match="it is ") as error:
                kind.check("it", asked)
            assert f"; allowed: {words}" in str(error.value)
    with pytest.raises((TypeError, ValueError), match="it is .*allowed"):
        ranges.Range(**made, one=True).check("it", [inside[0], inside[0]])


ONES = np.ones(2)
MATRIX = {"matrix": (4, 4)}
OTHERS = {  # the same of all else that computes: the function, what is given before, its numbers, names and switches
    "steepest": (theory.steepest, (), {"grad": [[1.0, 2.0]], "norm": "maximum"}),
    "dual_size": (theory.dual_size, (), {"grad": [[1.0, 2.0]], "norm": "maximum"}),
    "size": (theory.size, (), {"x": [[1.0, 2.0]], "norm": "maximum"}),
    "energy": (theory.energy, (), {"path": RUN}),
    "roll_energy": (theory.roll_energy, (surfaces.bowl,), {"motion": VALID["roll_energy"][0][1]}),
    "bf16": (scale.bf16, (), {"x": 1.0}),
    "bf16_gap": (scale.bf16_gap, (), {"x": 1.0}),
    "bf16_stochastic": (lambda x: scale.bf16_stochastic(x, np.random.default_rng(0)), (), {"x": 1.0}),
    "sutskever": (scale.sutskever, (), {"t": 3, "limit": 0.9, "every": 250}),
    "memory": (
        scale.memory, (), {"parameters": 1e9, "name": "adam", "precision": "mixed", "stage": 0, "gpus": 1, **MATRIX},
    ),
    "state_bytes": (scale.state_bytes, (), {"name": "adam", "precision": "fp32", **MATRIX}),
    "optimiser": (scale.optimiser, (), {"name": "adam", **MATRIX}),
    "beta_for": (scale.beta_for, (), {"half_life_tokens": 1e6, "tokens": 1e5}),
    "half_life": (scale.half_life, (), {"beta": 0.9, "tokens": 1e5}),
    "same_memory": (scale.same_memory, (), {"beta": 0.9, "tokens": 1e5, "new_tokens": 2e5}),
    "runs": (scale.runs, (), {"family": "adam"}),
    "convert": (convert, (HB, rules.averaged_momentum), {**SET, "constant_rate": True}),
    "descend": (descend, (HB, surfaces.bowl), {"start": [1.0, 1.0], "steps": 3, "limit": 1e9, "unstable": False, **SET}),
    "sweep": (
        sweep,
        (HB, surfaces.bowl),
        {"start": [1.0, 1.0], "steps": 3, "tol": 1e-3, "limit": 1e9, "unstable": False, "engine": "numpy", "dtype": "float64",
         "progress": False, **SET},
    ),
    "ravine": (surfaces.ravine, (), {"kappa": 10.0, "angle": 0.1}),
    "quadratic": (surfaces.quadratic, (), {"eigenvalues": [1.0, 2.0]}),
    "noisy": (surfaces.noisy, (surfaces.bowl,), {"sigma": 1.0, "seed": 0}),
    "a step": (HB, (ONES, ONES, ONES), {**SET, "t": 1, "unstable": False}),
    "a value": (surfaces.bowl.value, (), {"theta": ONES}),
    "a gradient": (surfaces.rosenbrock.gradient, (), {"theta": ONES}),
    "a rule": (rules.get, (), {"name": "adam"}),
    "a surface": (surfaces.get, (), {"name": "bowl"}),
    "steps_to": (RUN.steps_to, (), {"tol": 0.1}),
}  # fmt: skip
LEFT_OUT = {("descend", "start"), ("sweep", "start"), ("sweep", "dtype"), ("sweep", "progress"), ("runs", "family")}  # None: none
NUMBERS_TOO = {"bf16", "bf16_gap", "bf16_stochastic"}  # NaN is one of the values that bfloat16 has


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("what", NO_NUMBERS)
def test_what_is_no_answer_is_refused_in_words_everywhere(name, what):
    """A list where a name belongs that ends as "unhashable type", a word where a switch belongs that counts as True."""
    ask, before, given = OTHERS[name]
    ask(*before, **given)
    for key in given:
        if what == "none" and (name, key) in LEFT_OUT or what == "NaN" and name in NUMBERS_TOO:
            continue
        with pytest.raises((TypeError, ValueError, LookupError)) as error:
            print(name, key, what, ask(*before, **{**given, key: NO_NUMBERS[what]}))
        assert any(word in str(error.value) for word in ("allowed: ", "nown: ", "expected a ", " takes points of ")), (key, error)


ONE_NUMBER = [  # a function, one of its numbers that is no array
    ("standard_nesterov", "mu"), ("standard_nesterov", "L"), ("chebyshev_schedule", "mu"), ("chebyshev_floor", "L"),
    ("lower_bound_strongly_convex", "mu"), ("best_setting", "L"), ("best_setting", "beta"), ("weights", "beta"),
    ("lion_mixture", "beta1"), ("nesterov_mixture", "beta"), ("cycling_function", "mu"), ("cycling_function", "beta"),
    ("small_rate_gap", "beta"), ("small_rate_gap", "sigma"), ("small_rate_gap", "start"), ("simulate_workers", "beta"),
    ("best_at_batch", "beta"), ("asynchrony_setting", "lr"), ("critical_beta", "lr"),
    ("escape_steps", "curvature"), ("escape_steps", "start"),
]  # fmt: skip


@pytest.mark.parametrize("name, key", ONE_NUMBER)
def test_where_one_number_is_asked_for_several_are_refused_in_words(name, key):
    """ "allowed: ..., or an array of such numbers", and then NumPy's own words about the array."""
    before, numbers = VALID[name]
    several = [numbers.get(key, 0.5)] * 2
    for given in (several, np.array(several)):
        with pytest.raises((TypeError, ValueError), match=f"{key} is .*; allowed: ") as error:
            getattr(theory, name)(*before, **{**numbers, key: given})
        assert "or an array" not in str(error.value)


def test_no_numbers_at_all_have_no_answers_and_no_error():
    """A mask that matched nothing; a search without a run."""
    assert theory.rate(HB, [], lr=0.1).shape == theory.bessel_j1([]).shape == theory.half_life([]).shape == (0,)
    assert theory.simulate_workers(2, 0.1, 0, np.empty((0, 4), int)).shape == (1, 4)
    assert theory.simulate_workers(2, 0.1, 3, np.empty((3, 0), int)).shape == (4, 0)
    assert theory.newton_schulz(np.empty((0, 3)), 2).shape == (3, 0, 3)


def test_numbers_come_in_every_type():
    """Whole numbers from 2 to the 64th on, fractions, small whole types that would wrap round, arrays without axes."""
    assert theory.age_at_edge(10**20) == pytest.approx(2.5e19) and theory.half_life(Fraction(1, 2)) == 1
    assert scale.half_life(0.5, 2 * 10**19) == 2e19 and scale.half_life(0.5, np.float16(60000)) == 60000
    assert scale.sutskever(np.array([255], np.uint8), every=1) == scale.sutskever(255, every=1)
    assert scale.state_bytes("adafactor", matrix=np.array([100, 100], "i1")) == scale.state_bytes("adafactor", matrix=(100, 100))
    assert theory.noisy_quadratic(np.uint8(255)).shape == (255,)
    form = theory.linear_form(HB, t=np.array(2), **SET)
    assert (form.carry == theory.linear_form(HB, t=2, **SET).carry).all()
    assert (theory.momentum_edge(1.0, 0.5, ahead=np.array([True, False])) == [1.5, 3.0]).all()
    assert len(descend(HB, surfaces.bowl, steps=1, lr=10**20)) == 0


def test_a_wrong_call_is_told_with_the_functions_name():
    """signature.bind's words, which name no function and hide a misspelt argument."""
    with pytest.raises(TypeError, match=r"friction\(\) missing 1 required positional argument: 'beta'"):
        theory.friction(0.1)
    with pytest.raises(TypeError, match=r"friction\(\) got an unexpected keyword argument 'bta'"):
        theory.friction(0.1, bta=0.9)


def test_what_may_be_left_out_may_be_none():
    for name, key in MAY_BE_NONE:
        before, numbers = VALID[name]
        getattr(theory, name)(*before, **{**numbers, key: None} if key != "curvatures" else {**numbers, key: None, "batch": 1e6})


@pytest.mark.parametrize("ask", [
    lambda n: scale.half_life(0.9, n), lambda n: scale.beta_for(n, 1e5), lambda n: scale.beta_for(1e6, n),
    lambda n: scale.same_memory(0.9, n, 1e5), lambda n: scale.same_memory(0.9, 1e5, n), scale.memory,
])  # fmt: skip
def test_a_count_of_tokens_or_parameters_is_one_number_above_nothing(ask):
    for number in (0, -1, INF, [1e5, 1e5], np.array([1e5])):
        with pytest.raises((TypeError, ValueError), match="is .*; allowed: a finite number > 0"):
            ask(number)


@pytest.mark.parametrize("who", [[[0.5], [1]], [[0], [2]], [[-1], [0]], [0, 1]])
def test_workers_are_named_by_whole_numbers(who):
    with pytest.raises((TypeError, ValueError), match="who .*allowed: "):
        theory.simulate_workers(2, 0.1, 2, who)


LONG = ["a"] * 10_000


@pytest.mark.parametrize(
    "call",
    [
        lambda: descend(HB, surfaces.bowl, LONG, **SET),
        lambda: descend(HB, surfaces.quadratic(np.ones(10_000)), [INF] * 10_000, **SET),
        lambda: descend(HB, surfaces.bowl, lr=LONG),
        lambda: descend(HB, surfaces.bowl, lr="x" * 10_000),
        lambda: descend(HB, surfaces.bowl, steps=LONG, **SET),
        lambda: descend(HB, surfaces.bowl, limit=LONG, **SET),
        lambda: descend(LONG, surfaces.bowl, **SET),
        lambda: descend("x" * 10_000, surfaces.bowl, **SET),
        lambda: descend(HB, LONG, **SET),
        lambda: rules.get("x" * 10_000),
        lambda: surfaces.get("x" * 10_000),
        lambda: surfaces.ravine(kappa=LONG),
        lambda: surfaces.noisy(surfaces.bowl, sigma=LONG),
        lambda: sweep(HB, surfaces.bowl, lr=LONG, beta=0.5),
        lambda: sweep(HB, surfaces.bowl, engine="x" * 10_000, **SET),
        lambda: sweep(HB, surfaces.bowl, dtype="x" * 10_000, **SET),
        lambda: theory.half_life(LONG),
        lambda: theory.roll(surfaces.bowl, start=LONG, friction=1.0, time=1.0),
        lambda: theory.dual_size([[1.0]], "x" * 10_000),
        lambda: theory.asynchronous_rate(2, 0.1, 0.2, order="x" * 10_000),
        lambda: theory.lessard_gradient("x" * 10_000),
        lambda: HB(np.ones(2), np.ones(2), np.ones(2), t="x" * 10_000, **SET),
    ],
)
def test_a_message_does_not_repeat_all_of_what_it_was_given(call):
    with pytest.raises((TypeError, ValueError, LookupError)) as told:
        call()
    assert len(str(told.value)) < 900, len(str(told.value))


def test_the_wrong_number_among_many_is_named():
    start = np.zeros(10_000)
    start[5_000] = np.nan
    with pytest.raises(ValueError, match="with nan in it"):
        descend(HB, surfaces.quadratic(np.ones(10_000)), start, **SET)


def test_what_is_masked_is_not_computed_with():
    hidden = np.ma.array([0.5, 0.6], mask=[False, True])
    for ask in (lambda: theory.half_life(hidden), lambda: descend(HB, surfaces.bowl, hidden, **SET)):
        with pytest.raises(TypeError, match="allowed"):
            ask()
    shown = np.ma.array([0.5, 0.6])
    assert (theory.half_life(shown) == theory.half_life(np.array([0.5, 0.6]))).all()
    points = descend(HB, surfaces.bowl, shown, **SET).points
    assert type(points) is np.ndarray and (points == descend(HB, surfaces.bowl, [0.5, 0.6], **SET).points).all()


def test_digits_in_text_are_no_start():
    for start in (["1", "2"], [1, "2"], [1, None]):
        with pytest.raises(TypeError, match="one number per coordinate"):
            descend(HB, surfaces.bowl, start, **SET)
    exact = descend(HB, surfaces.bowl, [Fraction(1, 2), 2], **SET)
    assert (exact.points == descend(HB, surfaces.bowl, [0.5, 2.0], **SET).points).all()


@pytest.mark.parametrize("ask", ["value", "gradient"])
def test_a_quadratic_takes_points_of_its_own_size_alone(ask):
    bowl = surfaces.quadratic([1.0, 2.0, 3.0])
    for wrong in (np.ones(1), np.ones(2), np.ones((1, 3)), np.float64(1.0)):
        with pytest.raises(ValueError, match=r"quadratic takes points of shape \(3, ...\)"):
            getattr(bowl, ask)(wrong)
    with pytest.raises(TypeError, match="theta"):
        getattr(bowl, ask)(np.ones(3, dtype=int))
    many = np.arange(6.0).reshape(3, 2)
    single = np.stack([getattr(bowl, ask)(column) for column in many.T], axis=-1)
    assert (getattr(bowl, ask)(many) == single).all()
    assert (getattr(bowl, ask)([1, 1, 1]) == {"value": 3.0, "gradient": [1.0, 2.0, 3.0]}[ask]).all()


def test_a_quadratic_takes_tensors():
    torch = pytest.importorskip("torch", reason="torch is an extra")
    bowl, theta = surfaces.quadratic([1.0, 2.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert bowl.gradient(theta).tolist() == [[1.0, 2.0], [6.0, 8.0]] and bowl.value(theta).tolist() == [9.5, 18.0]
    assert bowl.gradient(theta).dtype is torch.float32
    assert surfaces.quadratic(np.arange(1.0, 8)).value(torch.ones(7, 2)).tolist() == [14.0, 14.0]


def test_norms_of_powers_beyond_every_float_are_infinite():
    norms = theory.power_norms(rules.polyak, 1e200, 3, lr=1.0, beta=0.5)
    assert norms[0] == 1 and np.isfinite(norms[1]) and (norms[2:] == np.inf).all()


@pytest.mark.parametrize("setting", [{"lr": "0"}, {"period": 4}])
def test_what_is_no_cycle_of_lessards_function_is_told(setting):
    with pytest.raises(ValueError, match="neither converges nor ends in a cycle"):
        theory.lessard_cycle(**setting)


def test_lessards_gradient_takes_fractions_in_text():
    assert theory.lessard_gradient("3/2") == Fraction(51, 2) and theory.lessard_gradient("1/9") == Fraction(25, 9)


def test_critical_rates_end_where_the_momentum_does():
    """At beta = 1 there is nothing that creeps: the rate is 0 in every convention, not 0 over 0."""
    for ahead in (False, True):
        for averaged in (False, True):
            assert theory.critical_rate(2.0, 1.0, ahead=ahead, averaged=averaged) == 0
            near = theory.critical_rate(2.0, 0.99, ahead=ahead, averaged=averaged)
            unit = 0.01 if averaged else 1.0
            known = ((0.01 / 1.99) ** 2 if ahead else (1 - np.sqrt(0.99)) ** 2) / (2 * unit)
            assert near == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("name", ["n", "workers", "gpus", "cells", "zooms", "limit", "d", "longest", "period", "who"])
def test_what_is_counted_is_told_as_whole(name):
    assert ranges.RANGES[name].words.startswith("a whole number")
    with pytest.raises(ValueError, match=f"{name} is .*; allowed: a whole number"):
        ranges.RANGES[name].check(name, 3.5)
