"""The words of a static picture say the numbers of its own state: each figure's, worked out here by hand, at several states."""

import math
import re

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib.widgets import make

LARGE = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
NUMBER = re.compile(rf"[-−]?\d[\d\u202f]*(?:\.\d+)?(?:e[-+]\d+)?(?: ({'|'.join(LARGE)})\b)?")


def told(figure):
    """The numbers that the words say, in their order, each with how far it may be from the true one: half of its last digit."""
    found = []
    for match in NUMBER.finditer(figure.alt()):
        said, scale = match[0].split(" ")[0].replace("−", "-").replace("\u202f", ""), LARGE.get(match[1], 1)
        digits, _, power = said.partition("e")
        last = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        found.append((float(said) * scale, 0.51 * last * scale))
    return found


def says(name, numbers, **state):
    """These numbers and no others, in this order."""
    figure = make(name, **state)
    seen = told(figure)
    assert len(seen) == len(numbers), figure.alt()
    for (value, within), wanted in zip(seen, numbers, strict=True):
        assert abs(value - wanted) <= within, (wanted, figure.alt())


def swung(start, angle, kappa, lr, beta, steps):
    """How far heavy ball is from the minimum of a ravine, from its start on: two directions, curvatures 1 and kappa."""
    x = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) @ start
    v, far = np.zeros(2), [np.hypot(*x)]
    for _ in range(steps):
        v = beta * v + np.array([1, kappa]) * x
        x = x - lr * v
        far.append(np.hypot(*x))
    return np.array(far)


@pytest.mark.parametrize("momenta", [{}, {"little": 0.0, "right": 0.3, "much": 0.8}, {"little": 0.2, "right": 0.6, "much": 0.99}])
def test_three_momenta_leave_so_much(momenta):
    given = {"little": 0.1, "right": 0.522, "much": 0.95} | momenta
    left = {name: swung((-2.7, 0.5), 0.3, 25, 2 / 26, beta, 30) for name, beta in given.items()}
    numbers = [n for name in ("little", "right", "much") for n in (given[name], left[name][-1] / left[name][0])]
    says("amounts", [30, *numbers], **momenta)


@pytest.mark.parametrize("size, angle", [(0.92, 0.45), (1, 1.2), (1.05, 2)])
def test_powers_are_so_long(size, angle):
    says("complex_pair", [size, angle, 40, size**40], size=size, angle=angle)


@pytest.mark.parametrize("entries", [(1.4, 0.4, 0.4, 0.8), (0.6, -0.9, 0.9, 0.6), (1, 0.5, 0, -1.2), (-0.5, 1, 0.2, 0.3)])
def test_a_matrix_has_its_area_and_eigenvalues(entries):
    a, b, c, d = entries
    half, gap = (a + d) / 2, ((a - d) / 2) ** 2 + b * c
    root = math.sqrt(abs(gap))
    first = half + math.copysign(root, half)
    ends = [first, 2 * half - first] if gap >= 0 else [half, root, math.hypot(half, root)]
    says("linear_map", [a, b, c, d, abs(a * d - b * c), *ends], a=a, b=b, c=c, d=d)


@pytest.mark.parametrize("beta, tokens", [(0.95, 491520.0), (0.9, 1e4), (0.999, 3e7), (0.5, 1e3)])
def test_a_memory_is_so_many_tokens_long(beta, tokens):
    life = tokens * math.log(0.5) / math.log(beta)
    (*_, said_beta, said_tokens, said_life) = told(make("memory", beta=beta, tokens=tokens))
    for (value, within), wanted in ((said_beta, beta), (said_tokens, tokens), (said_life, life)):
        assert value == pytest.approx(wanted, abs=within, rel=0.006)
    (first, _), (second, _), (third, _), *_ = told(make("ribbon", beta=beta, tokens=tokens))
    assert (first, second, third) == pytest.approx((beta, tokens, life), rel=0.006)


@pytest.mark.parametrize("age", [3.0, 19.0, 60.0])
def test_one_average_has_its_numbers(age):
    """Of mean age a the momentum is a / (a + 1); the edge is 2 (1 + beta) / (1 - beta), of the noise 2 / edge is kept."""
    beta = age / (age + 1)
    numbers = [age, 1 - beta, 2 * (1 + beta) / (1 - beta), (1 - beta) / (1 + beta)]
    says("kernel", [age, beta, *numbers, *numbers], shape="one", age=age)


@pytest.mark.parametrize("beta, frequency", [(0.9, 0.08), (0.5, 0.3), (0.99, 0.02)])
@pytest.mark.parametrize("form", ["average", "sum"])
def test_a_filter_has_its_gain_its_delay_and_its_noise(beta, frequency, form):
    answer = (1 - beta if form == "average" else 1) / (1 - beta * np.exp(-1j * frequency))
    kept = (1 - beta) / (1 + beta) if form == "average" else 1 / (1 - beta**2)
    late, half = -np.angle(answer) / frequency, math.log(0.5) / math.log(beta)
    noise = 1 / kept if kept <= 1 else kept
    says("filter", [beta, 2 * math.pi / frequency, abs(answer), late, noise, half], beta=beta, frequency=frequency, form=form)


@pytest.mark.parametrize(
    "lr, kappa, start",
    [(0.07, 25.0, (-2.6, 0.6)), (0.02, 25.0, (-2.0, -0.5)), (0.035, 50.0, (1.0, 1.0)), (0.1, 18.0, (-2.6, 0.6))],
)
def test_gradient_descent_takes_so_many_steps(lr, kappa, start):
    far = swung(start, 0.3, kappa, lr, 0, 9000)
    needs = int(np.flatnonzero(far > 1e-6 * far[0])[-1]) + 1
    says("ravine", [*start, kappa, lr, needs, max(abs(1 - lr), abs(1 - lr * kappa))], lr=lr, kappa=kappa, start=start)


@pytest.mark.parametrize(
    "steps, values", [(5, {}), (2, {}), (1, {"s1": 1.0, "s2": 0.0, "s3": 0.002, "s4": 0.9, "s5": 0.4, "s6": 0.03})]
)
def test_rods_end_between_these_lengths(steps, values):
    given = {"s1": 0.8, "s2": 0.5, "s3": 0.28, "s4": 0.15, "s5": 0.07, "s6": 0.02} | values
    x = np.array([v for v in given.values() if v]) / math.hypot(*given.values())
    first = x.copy()
    for _ in range(steps):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    ends = [first.min(), first.max(), steps, x.min(), x.max()]
    says("rods", [len(x), *ends], steps=steps, **({"values": given} if values else {}))


@pytest.mark.parametrize("beta, lr", [(0.52, 0.0769), (0.8, 0.05), (0.3, 0.02)])
def test_with_memory_the_ball_is_so_many_times_nearer(beta, lr):
    plain, heavy = (swung((-2.7, 0.5), 0.3, 25, lr, b, 20)[-1] for b in (0, beta))
    assert plain > heavy
    says("stage", [-2.7, 0.5, lr, beta, beta, plain / heavy, 20], beta=beta, lr=lr)


@pytest.mark.parametrize("stage, gpus, parameters", [(1, 64, 7.5e9), (3, 8, 1e9), (0, 1, 1e9)])
def test_bytes_are_shared_out(stage, gpus, parameters):
    """In sixteen bits with Adam 2 for the weights, 2 for the gradients, 12 for the state: a stage after the other is shared."""
    totals = [parameters * b for b in (16, 4 + 12 / gpus, 2 + 14 / gpus, 16 / gpus)]
    seen = told(make("scale", stage=stage, gpus=gpus, parameters=parameters))
    where = [gpus] if gpus > 1 else []
    wanted = [parameters, 16, 32, *where, *(v for k, total in enumerate(totals) for v in (total, k)), stage]
    assert [value for value, _ in seen[: len(wanted)]] == pytest.approx(wanted, rel=0.006)
