"""Rules that contain other rules: QHM, two memories, AdEMAMix, NAdam and primal averaging, against what they become."""

import numpy as np
import pytest
import pytorch_optimizer
import schedulefree
import torch

from momentum_lib import descend, rules, surfaces
from momentum_lib.optim import Optimizer

STEPS = 200
STEP = np.arange(1.0, STEPS + 1)
SURFACE = surfaces.noisy(surfaces.ravine(kappa=50, angle=0.4), sigma=0.5, seed=3)  # one stream of noise for all runs
RATES = np.where(STEP <= 120, 0.02, 0.005)


def paths_agree(one, other, rates=RATES, tol=1e-12, at="points"):
    """Two runs of 200 steps on the noisy ravine, each ``(rule, factor of the rate, hyper)``."""
    runs = []
    for name, factor, hyper in (one, other):
        path = descend(rules.get(name), SURFACE, steps=STEPS, lr=factor * rates, **hyper)
        assert path.diverged_at is None and np.ptp(path.points, axis=0).min() > 0.1
        runs.append(path)
    np.testing.assert_allclose(getattr(runs[0], at), getattr(runs[1], at), rtol=0, atol=tol)


def follow(step, start, gradient):
    """The points of 200 steps, the start first: ``step`` takes a gradient and answers the next point to look from."""
    path = [start]
    for t in range(1, STEPS + 1):
        path.append(step(gradient(path[-1], t), t))
    return np.array(path)


def gradient(x, t):
    """A quadratic's, with noise that is the same in every run, now and then exactly zero."""
    noise = np.random.default_rng(t).standard_normal(x.shape)
    return np.geomspace(0.1, 1.0, x.size) * x * (noise > -1) + 0.3 * noise * (noise > 0)


def by_rule(name, hyper, start):
    """A rule of the library as ``step`` of :func:`follow`; each hyper-parameter is a number or a function of t."""
    rule, theta = rules.get(name), start
    state = rule.init(start)

    def at(t):
        return {**rule.hyper, **{key: value(t) if callable(value) else value for key, value in hyper.items()}}

    def step(grad, t):
        nonlocal theta, state
        theta, state = rule.step(theta, grad, state, at(t), t)
        return rule.look(theta, *state, **at(t + 1))

    return step


def by_torch(build, start, before=lambda optimiser, t: None):
    """A torch optimiser, made by ``build([parameter])``, as ``step`` of :func:`follow`."""
    point = torch.nn.Parameter(torch.tensor(start))
    optimiser = build([point])

    def step(grad, t):
        before(optimiser, t)
        point.grad = torch.tensor(grad)
        optimiser.step()
        return point.detach().numpy().copy()

    return step


START = np.array([1.0, -2.0, 3.0, 0.5])


# -- QHM and two memories -------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.3, 0.9])
def test_qhm_is_each_of_its_special_cases(beta):
    """Ma and Yarats' table: nu = 0 plain, nu = 1 the average, nu = beta Nesterov's; through a rate drop."""
    paths_agree(("qhm", 1, {"beta": beta, "nu": 0.0}), ("gradient_descent", 1, {}))
    paths_agree(("qhm", 1, {"beta": beta, "nu": 1.0}), ("averaged_momentum", 1, {"beta": beta}))
    paths_agree(("qhm", 1, {"beta": beta, "nu": beta}), ("nesterov_lerp", 1, {"beta": beta}))
    paths_agree(("qhm", 1, {"beta": beta, "nu": beta}), ("nesterov_torch", 1 - beta, {"beta": beta}))


def test_two_memories_become_one():
    """A memory of no age is the gradient, a share of 0 or 1 leaves one memory, and two alike are one."""
    paths_agree(("two_memory_momentum", 1, {"beta1": 0.0, "beta2": 0.9, "nu": 0.7}), ("qhm", 1, {"beta": 0.9, "nu": 0.7}))
    for nu, beta in ((0.0, 0.5), (1.0, 0.9)):
        paths_agree(("two_memory_momentum", 1, {"beta1": 0.5, "beta2": 0.9, "nu": nu}), ("averaged_momentum", 1, {"beta": beta}))
    paths_agree(("two_memory_momentum", 1, {"beta1": 0.8, "beta2": 0.8, "nu": 0.4}), ("averaged_momentum", 1, {"beta": 0.8}))


def test_the_ages_of_the_two_memories_are_those_that_the_card_names():
    """3, 35 and 19 steps, and .139 for the newest gradient: from what the rule keeps of one gradient of 1."""
    rule, theta = rules.two_memory_momentum, np.zeros(1)
    state, weights, kept = rule.init(theta), [], []
    for t in range(1, 2001):
        moved, state = rule.step(theta, np.full(1, float(t == 1)), state, {**rule.hyper, "lr": 1.0}, t)
        weights.append(-moved[0])
        kept.append([part[0] for part in state])
    age = np.arange(2000)
    ages = age @ np.array(kept) / np.sum(kept, axis=0)
    np.testing.assert_allclose([*ages, age @ weights / np.sum(weights)], [3, 35, 19], rtol=0, atol=0.1)
    assert np.sum(weights) == pytest.approx(1, abs=1e-9) and weights[0] == pytest.approx(0.139, abs=5e-4)
    assert 1 - 0.95 == pytest.approx(1 / (19 + 1)) and all(word in rule.doc for word in ("0.139", "0.05", "3 and 35", "19 in"))


# -- primal averaging -----------------------------------------------------------------------------------


def test_primal_averaging_contains_the_momenta_and_schedule_free():
    """mu_y = 1 is momentum, mu_y = mu_x Nesterov's, mu_x = t / (t + 1) Schedule-Free; what it sees is what QHM sees."""
    constant = np.full(STEPS, 0.02)
    gpa = "generalised_primal_averaging"
    for mu in (0.3, 0.9):
        paths_agree((gpa, 1, {"mu_x": mu, "mu_y": 1.0}), ("classical_momentum", 1 - mu, {"beta": mu}))
        paths_agree((gpa, 1, {"mu_x": mu, "mu_y": 1.0}), ("averaged_momentum", 1, {"beta": mu}), constant)
        paths_agree((gpa, 1, {"mu_x": mu, "mu_y": mu}), ("nesterov", 1 - mu, {"beta": mu}), constant)
        paths_agree((gpa, 1, {"mu_x": mu, "mu_y": mu}), ("nesterov", 1 - mu, {"beta": mu}), constant, at="looks")
        paths_agree((gpa, 1, {"mu_x": 0.8, "mu_y": mu}), ("qhm", 1, {"beta": 0.8, "nu": mu}), constant, at="looks")
        paths_agree((gpa, 1, {"mu_x": 0.0, "mu_y": mu}), ("gradient_descent", 1, {}))
        paths_agree((gpa, 1, {"mu_x": STEP / (STEP + 1), "mu_y": mu}), ("schedule_free", 1, {"beta": mu}))


@pytest.mark.parametrize("cls", [schedulefree.SGDScheduleFree, schedulefree.SGDScheduleFreeReference])
def test_primal_averaging_is_the_released_schedule_free(cls):
    """The package leaves the start out of its mean, so mu_x is (t - 1) / t: the points that are measured agree to 1e-12."""

    def build(params):
        optimiser = cls(params, lr=0.1, momentum=0.8, foreach=False)
        optimiser.train()
        return optimiser

    hyper = {"lr": 0.1, "mu_x": lambda t: (t - 1) / t if t <= STEPS else 0.5, "mu_y": 0.8}
    ours = follow(by_rule("generalised_primal_averaging", hyper, START), START, gradient)
    theirs = follow(by_torch(build, START), START, gradient)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def rounds(build, start, k):
    """What a round of ``k`` steps of a fresh parameter moves, its optimiser's state kept: a function ``(point, round)``."""
    point = torch.nn.Parameter(torch.tensor(start))
    inner = build([point])

    def moved(x, t):
        point.data.copy_(torch.tensor(x))
        for i in range(k):
            point.grad = torch.tensor(gradient(point.detach().numpy(), k * t + i))
            inner.step()
        return x - point.detach().numpy()

    return moved


@pytest.mark.parametrize("mu", [0.0, 0.6])
def test_primal_averaging_of_rounds_is_diloco_with_one_worker(mu):
    """Rounds of five AdamW steps, an outer SGD with Nesterov's momentum: the usual two loops, the points after each round."""

    def inner():
        return rounds(lambda params: torch.optim.AdamW(params, lr=0.02), START, 5)

    outer = by_torch(lambda params: torch.optim.SGD(params, lr=0.7, momentum=mu, nesterov=mu > 0), START)
    ours = by_rule("generalised_primal_averaging", {"lr": 0.7 / (1 - mu), "mu_x": mu, "mu_y": mu}, START)
    np.testing.assert_allclose(follow(ours, START, inner()), follow(outer, START, inner()), rtol=0, atol=1e-12)


def test_primal_averaging_of_rounds_is_lookahead():
    """mu_x = 0 on rounds of five SGD steps: Zhang et al.'s wrapper in its library, where it has just synchronised."""
    point = torch.nn.Parameter(torch.tensor(START))
    wrapped = pytorch_optimizer.Lookahead(torch.optim.SGD([point], lr=0.3), k=5, alpha=0.4)
    theirs = [START]
    for t in range(1, STEPS + 1):
        for i in range(5):
            point.grad = torch.tensor(gradient(point.detach().numpy(), 5 * t + i))
            wrapped.step()
        theirs.append(point.detach().numpy().copy())
    ours = by_rule("generalised_primal_averaging", {"lr": 0.4, "mu_x": 0.0}, START)
    sgd = rounds(lambda params: torch.optim.SGD(params, lr=0.3), START, 5)
    np.testing.assert_allclose(follow(ours, START, sgd), np.array(theirs), rtol=0, atol=1e-12)


# -- AdEMAMix and NAdam ---------------------------------------------------------------------------------


def test_ademamix_without_its_slow_average_is_adamw():
    hyper = {"beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1}
    paths_agree(("ademamix", 1, {**hyper, "alpha": 0.0}), ("adamw", 1, hyper))


WARM = 150.0  # steps


def alpha_at(t):
    return 5.0 * min(t / WARM, 1.0)


def beta3_at(t):
    share = min(t / WARM, 1.0)
    return np.exp(1 / ((1 - share) / np.log(0.9) + share / np.log(0.999)))


@pytest.mark.parametrize("engine", ["rule", "optimiser"])
def test_ademamix_takes_its_warm_up_from_the_caller(engine):
    """The schedules as the card writes them, against the library that computes them itself, past their end."""
    given = {"alpha": alpha_at, "beta3": beta3_at}

    def schedule(optimiser, t):
        optimiser.param_groups[0].update({name: value(t) for name, value in given.items()})

    if engine == "rule":
        ours = by_rule("ademamix", {"lr": 0.01, "weight_decay": 0.1, **given}, START)
    else:
        ours = by_torch(lambda params: Optimizer(params, "ademamix", lr=0.01, weight_decay=0.1), START, schedule)
    options = {"betas": (0.9, 0.999, 0.999), "alpha": 5.0, "t_alpha_beta3": WARM, "weight_decay": 0.1, "weight_decouple": True}
    theirs = by_torch(lambda params: pytorch_optimizer.AdEMAMix(params, lr=0.01, **options), START)
    np.testing.assert_allclose(follow(ours, START, gradient), follow(theirs, START, gradient), rtol=0, atol=1e-12)


def test_nadam_that_has_warmed_up_is_adam_with_one_more_blend():
    """At a pace that ends the warm-up at once the momentum is beta1 and the correction the usual one: chapter 11's exercise."""
    m = s = np.zeros(4)
    theta, moving = START, by_rule("nadam", {"lr": 0.05, "beta1": 0.8, "momentum_decay": 1e6}, START)

    def step(grad, t):
        nonlocal theta, m, s
        m, s = 0.8 * m + 0.2 * grad, 0.999 * s + 0.001 * grad**2
        ahead = 0.8 * m / (1 - 0.8 ** (t + 1)) + 0.2 * grad / (1 - 0.8**t)
        theta = theta - 0.05 * ahead / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        return theta

    np.testing.assert_allclose(follow(moving, START, gradient), follow(step, START, gradient), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["nadam", "ademamix"])
def test_a_gradient_whose_square_is_no_float32_moves_as_far_as_a_smaller_one(name):
    """An infinity among the squares: torch's NAdam stands still after 3e20, since it divides them before it takes the root."""
    ends = []
    for huge in (1e17, 1e19, 3e20):
        p = torch.nn.Parameter(torch.tensor([0.5, -1.0]))
        optimiser = Optimizer([p], name, lr=0.1)
        for t in range(40):
            p.grad = torch.tensor([huge if t == 3 else 1.0, -1.0])
            optimiser.step()
        ends.append(p.detach())
    assert ends[0][0] < 0.2 and all(torch.allclose(ends[0], end, rtol=1e-5) for end in ends[1:])
