"""A memory's weights, edge and noise against runs and spectra; steepest steps against others; Newton-Schulz on matrices."""

import numpy as np
import pytest

from momentum_lib import ops, rules, theory

ONE, TWO, NEAR = ((1.0,), (19.0,)), ((0.5, 0.5), (3.0, 35.0)), ((0.5, 0.5), (1.0, 17.0))
THREE = (0.2, 0.5, 0.3), (0.0, 4.0, 60.0)
MIXTURES = (ONE, TWO, NEAR, THREE, theory.nesterov_mixture(0.95), theory.lion_mixture())


def run_mixture(shares, ages, grads):
    """The step of a mixture after each gradient: its averages, one step after the other."""
    beta, m, out = np.array([a / (1 + a) for a in ages]), np.zeros(len(ages)), []
    for grad in grads:
        m = beta * m + (1 - beta) * grad
        out.append(shares @ m)
    return np.array(out)


# -- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("shares", "ages"), MIXTURES)
def test_the_weights_are_what_a_single_gradient_leaves(shares, ages):
    """A weight of another age, or a share that counts twice."""
    impulse = np.eye(1, 80)[0]
    np.testing.assert_allclose(theory.kernel_weights(shares, ages, 80), run_mixture(np.array(shares), ages, impulse), rtol=1e-12)


@pytest.mark.parametrize(("shares", "ages"), MIXTURES)
def test_age_noise_and_zigzag_are_sums_over_the_weights(shares, ages):
    weights = theory.kernel_weights(shares, ages, 8000)
    k = np.arange(8000)
    assert theory.mixture_age(shares, ages) == pytest.approx((k * weights).sum() / weights.sum(), rel=1e-9)
    assert theory.newest_weight(shares, ages) == pytest.approx(weights[0], rel=1e-12)
    assert theory.kept_noise(shares, ages) == pytest.approx((weights**2).sum(), rel=1e-9)
    assert theory.kept_zigzag(shares, ages) == pytest.approx((weights * (-1.0) ** k).sum(), rel=1e-9)


def test_the_printed_values():
    """Ages 3 and 35 mixed equally: mean age 19, a newest gradient of 13.9 % for 5 %, twice the noise, a third of the edge."""
    assert theory.mixture_age(*TWO) == theory.mixture_age(*ONE) == 19
    assert theory.newest_weight(*TWO) == pytest.approx(0.138889, abs=5e-7) and theory.newest_weight(*ONE) == 0.05
    assert theory.kept_noise(*ONE) == pytest.approx(1 / 39) and theory.kept_noise(*TWO) == pytest.approx(0.052056, abs=5e-7)
    assert theory.mixture_edge(*ONE) == 78 and theory.mixture_edge(*TWO) == pytest.approx(25.487179, abs=5e-7)
    assert theory.mixture_edge([1.0], [9.0]) == 38 and theory.mixture_edge(*NEAR) == pytest.approx(210 / 19)


def test_an_age_is_a_momentum():
    assert theory.mean_age(0.9) == pytest.approx(9) and theory.mean_age([0.0, 0.95]) == pytest.approx([0, 19])
    assert theory.beta_at_mean_age([0.0, 9.0, 19.0]) == pytest.approx([0, 0.9, 0.95])
    np.testing.assert_allclose(theory.kernel_weights([1.0], [9.0], 30), theory.weights(0.9, 30), rtol=1e-12)


def test_many_mixtures_at_once_are_each_of_them():
    """A memory whose old share falls during a run: time is the first axis."""
    shares, ages = np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]]), np.array([3.0, 35.0])
    for ask in (theory.mixture_age, theory.newest_weight, theory.kept_noise, theory.kept_zigzag, theory.mixture_edge):
        assert ask(shares, ages) == pytest.approx([ask(row, ages) for row in shares], rel=1e-14)
    assert theory.kernel_weights(shares, ages, 5).shape == (3, 5)
    assert theory.mixture_matrix(shares, ages, 1.5).shape == (3, 3, 3)
    np.testing.assert_array_equal(theory.mixture_matrix(shares, ages, 1.5)[1], theory.mixture_matrix(shares[1], ages, 1.5))


def test_one_average_that_ages():
    """Ages 0, 1, 2 ... are the plain mean; a constant age is the average after so many steps; any ages are the run."""
    np.testing.assert_allclose(theory.ageing_weights(np.arange(50.0)), np.full(50, 1 / 50), rtol=1e-12)
    np.testing.assert_allclose(theory.ageing_weights(np.full(40, 9.0)), theory.weights(0.9, 40), rtol=1e-12)
    ages, m = np.linspace(19, 3, 60), np.zeros(60)
    for t, age in enumerate(ages):
        m = age / (1 + age) * m + np.eye(60)[t] / (1 + age)  # each gradient in a place of its own
    np.testing.assert_allclose(theory.ageing_weights(ages), m[::-1], rtol=1e-12)


def test_two_memories_in_one_line_each():
    """The closed form that the live figure asks, and the one average that has one of its numbers in common."""
    for share, young, old in ((0.5, 3.0, 35.0), (0.0, 9.0, 50.0), (1.0, 9.0, 50.0), (0.05, 0.0, 19.0), (0.3, 40.0, 2.0)):
        mixture = [1 - share, share], [young, old]
        found = theory.two_memories(share, young, old)
        asked = (theory.mixture_age, theory.newest_weight, theory.mixture_edge, theory.kept_noise)
        assert found == pytest.approx([ask(*mixture) for ask in asked], rel=1e-14)
        weights = (1 - share) * theory.weight_at(np.arange(30), young) + share * theory.weight_at(np.arange(30), old)
        np.testing.assert_allclose(weights, theory.kernel_weights(*mixture, 30), rtol=1e-13)
        _, newest, edge, noise = found
        assert theory.newest_weight([1.0], theory.age_at_newest(newest)) == pytest.approx(newest)
        assert theory.kept_noise([1.0], theory.age_at_noise(noise)) == pytest.approx(noise)
        assert theory.mixture_edge([1.0], theory.age_at_edge(edge)) == pytest.approx(edge)


# -- the edge ----------------------------------------------------------------------------------


def bisected_edge(shares, ages):
    """Where the spectral radius of the iteration matrix passes 1."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        radius = abs(np.linalg.eigvals(theory.mixture_matrix(shares, ages, middle))).max()
        low, high = (middle, high) if radius <= 1 + 1e-12 else (low, middle)
    return low


@pytest.mark.parametrize(("shares", "ages"), MIXTURES)
def test_the_edge_is_where_the_spectral_radius_passes_one(shares, ages):
    assert theory.mixture_edge(shares, ages) == pytest.approx(bisected_edge(shares, ages), rel=1e-9)
    assert theory.mixture_edge(shares, ages, 4.0) == pytest.approx(theory.mixture_edge(shares, ages) / 4)


def test_the_edge_of_random_mixtures():
    """Up to five memories of ages up to 200, and shares that do not add up to 1 (AdEMAMix's do not)."""
    rng = np.random.default_rng(3)
    for n in (2, 3, 4, 5):
        shares, ages = rng.exponential(size=n), rng.exponential(40, size=n)
        assert theory.mixture_edge(shares, ages) == pytest.approx(bisected_edge(shares, ages), rel=1e-8)


def test_on_the_unit_circle_the_only_way_out_is_minus_one():
    """The proof's inequality: Im K(z)/(1 - z) > 0 between 0 and pi."""
    w = np.linspace(0, np.pi, 402)[1:-1]
    z = np.exp(1j * w)
    for shares, ages in MIXTURES:
        b = np.asarray(ages) / (1 + np.asarray(ages))
        each = (1 - b[:, None]) / (1 - b[:, None] / z) / (1 - z)
        formula = (1 - b[:, None]) ** 2 * np.sin(w)
        formula /= (1 + b[:, None]) ** 2 * (1 - np.cos(w)) ** 2 + (1 - b[:, None]) ** 2 * np.sin(w) ** 2
        np.testing.assert_allclose(each.imag, formula, rtol=1e-8, atol=1e-12)
        assert (np.asarray(shares) @ each).imag.min() > 0


def test_the_iteration_matrix_is_the_rules_own():
    """One average is averaged_momentum; Nesterov's blend has the matrix's eigenvalues and the edge of the course's own rule."""
    for product in (0.5, 3.0):
        mine = np.sort_complex(np.linalg.eigvals(theory.mixture_matrix([1.0], [9.0], product)))
        theirs = np.linalg.eigvals(theory.iteration_matrix(rules.averaged_momentum, 1.0, lr=product, beta=0.9))
        np.testing.assert_allclose(mine, np.sort_complex(theirs), rtol=1e-9)
    for beta in (0.3, 0.9, 0.95):
        edge = theory.mixture_edge(*theory.nesterov_mixture(beta))
        assert edge == pytest.approx(theory.stability_edge(rules.nesterov_lerp, 1.0, beta=beta), rel=1e-9)


def test_lions_direction_is_a_mixture():
    """Its weights give the blend from the rule's own memory, and the sign flips where the weighted sum is zero."""
    shares, ages = theory.lion_mixture(0.9, 0.99)
    weights = theory.kernel_weights(shares, ages, 40)
    grads = np.random.default_rng(0).standard_normal(40)
    m = 0.0
    for grad in grads[:-1]:
        _, m = rules.lion(np.zeros(1), np.array([grad]), np.array([m]), lr=1.0, beta1=0.9, beta2=0.99)
        m = float(m[0])
    blend = float(weights @ grads[::-1])
    assert blend == pytest.approx(0.9 * m + 0.1 * grads[-1], rel=1e-12)
    for push in (1e-9, -1e-9):  # a gradient that brings the blend just to this side of zero
        grad = grads[-1] - (blend - push) / weights[0]
        theta, _ = rules.lion(np.zeros(1), np.array([grad]), np.array([m]), lr=1.0, beta1=0.9, beta2=0.99)
        assert np.sign(theta[0]) == -np.sign(push)


def test_a_mixture_lies_below_the_line_of_single_averages():
    """Edge times noise is 2 for one average and less for every mixture; at equal mean age one average has least noise."""
    rng = np.random.default_rng(5)
    shares, ages = rng.dirichlet([1, 1, 1], size=200), rng.exponential(20, size=(200, 3))
    edge, noise, age = (ask(shares, ages) for ask in (theory.mixture_edge, theory.kept_noise, theory.mixture_age))
    assert (edge * noise < 2).all() and (noise > 1 / (1 + 2 * age)).all() and (edge < 2 * (1 + 2 * age)).all()
    alone = np.linspace(0, 90, 10)[:, None]
    np.testing.assert_allclose(theory.mixture_edge([1.0], alone) * theory.kept_noise([1.0], alone), 2, rtol=1e-12)


def test_a_mixture_says_what_is_wrong():
    for shares, ages, words in (
        ([1.0], [-1.0], "ages is"),
        ([0.5, 0.5], [1.0], "2 shares and 1 ages"),
        ([1.5, -0.5], [1.0, 9.0], "shares is"),
        ([0.0, 0.0], [1.0, 9.0], "not all of them 0"),
        ([1.0], [np.inf], "ages is"),
    ):
        with pytest.raises(ValueError, match=words):
            theory.mixture_edge(shares, ages)
    with pytest.raises(ValueError, match="curvature is"):
        theory.mixture_edge([1.0], [9.0], 0.0)
    for beta1, beta2 in ((0.99, 0.9), (0.0, 0.0), (0.5, 1.0)):
        with pytest.raises(ValueError, match="allowed: (0 <= beta1 <= beta2|a number in)"):
            theory.lion_mixture(beta1, beta2)


# -- steepest descent --------------------------------------------------------------------------


@pytest.mark.parametrize("norm", theory.NORMS)
@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (5, 2), (1, 4)])
def test_no_other_step_of_size_one_gains_more(norm, shape):
    rng = np.random.default_rng(1)
    grad = rng.standard_normal(shape)
    best = theory.steepest(grad, norm)
    assert theory.size(best, norm) == pytest.approx(1) and (grad * best).sum() == pytest.approx(theory.dual_size(grad, norm))
    others = rng.standard_normal((400, *shape))
    others = np.concatenate([others, best + 0.1 * others])
    others /= theory.size(others, norm)[:, None, None]
    assert (grad * others).sum((1, 2)).max() < (grad * best).sum()


def test_the_three_answers_are_gradient_sign_and_u_v():
    grad = np.random.default_rng(2).standard_normal((2, 5, 3))
    left, values, right = np.linalg.svd(grad, full_matrices=False)
    np.testing.assert_allclose(theory.steepest(grad, "spectral"), left @ right, atol=1e-13)
    np.testing.assert_array_equal(theory.steepest(grad, "maximum"), np.sign(grad))
    np.testing.assert_allclose(theory.steepest(grad, "euclid"), grad / np.sqrt((values**2).sum(-1))[:, None, None], rtol=1e-13)
    np.testing.assert_allclose(theory.dual_size(grad, "spectral"), values.sum(-1), rtol=1e-13)


def test_what_the_gradient_leaves_free_is_zero():
    row = np.outer([1.0, 2.0, 2.0], [0.6, 0.8])
    np.testing.assert_allclose(theory.steepest(row, "spectral"), row / 3, atol=1e-14)
    for norm in theory.NORMS:
        assert not theory.steepest(np.zeros((3, 2)), norm).any()
    with pytest.raises(ValueError, match="norm is 'euler'; allowed: euclid, maximum, spectral"):
        theory.steepest(row, "euler")
    with pytest.raises(ValueError, match="allowed: finite numbers of shape"):
        theory.size([1.0, 2.0], "euclid")


def test_the_spectral_step_turns_with_the_problem_and_the_sign_does_not():
    """U W V' in, U D V' out: for Euclid and the spectral norm; the maximum norm lies along the coordinates."""
    rng = np.random.default_rng(4)
    grad = rng.standard_normal((4, 4))
    u, v = (np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2))
    for norm in ("euclid", "spectral"):
        np.testing.assert_allclose(theory.steepest(u @ grad @ v, norm), u @ theory.steepest(grad, norm) @ v, atol=1e-13)
    assert abs(theory.steepest(u @ grad @ v, "maximum") - u @ theory.steepest(grad, "maximum") @ v).max() > 0.1


# -- Newton-Schulz -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["muon", "cubic", "best"])
def test_the_values_are_those_of_the_matrices(name):
    """The polynomial of the whole matrix, step by step, has the singular values that the scalar map gives."""
    polynomials = theory.best_quintics(1e-3, 6) if name == "best" else theory.POLYNOMIALS[name]
    x = np.random.default_rng(0).standard_normal((4, 7))
    path = theory.newton_schulz(np.linalg.svd(x, compute_uv=False), 6, polynomials)
    x = x / np.linalg.norm(x)
    for k, row in enumerate(path):
        np.testing.assert_allclose(np.linalg.svd(x, compute_uv=False), np.sort(row)[::-1], atol=1e-12)
        a, b, c = polynomials[min(k, len(polynomials) - 1)]
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x


def test_muons_five_steps_are_the_librarys():
    x = np.random.default_rng(1).standard_normal((6, 6))
    found = np.linalg.svd(ops.orthogonal(x), compute_uv=False)
    mine = theory.newton_schulz(np.linalg.svd(x, compute_uv=False), 5)[-1]
    np.testing.assert_allclose(found, np.sort(mine)[::-1], atol=1e-12)
    values = theory.newton_schulz(np.geomspace(1e-2, 1, 500)[:, None] * [1.0, 0.0], 0)[0]  # each alone: of norm 1
    assert values.tolist() == [[1.0, 0.0]] * 500


def test_muon_lands_near_one_and_the_cubic_at_one():
    x = np.geomspace(1e-2, 1, 2000)
    for _ in range(5):
        x = theory.odd_quintic(x, *ops.NEWTON_SCHULZ)
    assert 0.68 < x.min() and x.max() < 1.14
    path = theory.newton_schulz([0.5, 0.1, 1e-3], 40, theory.POLYNOMIALS["cubic"])
    np.testing.assert_allclose(path[-1], 1, atol=1e-12)
    assert path[1, 2] / path[0, 2] == pytest.approx(1.5, rel=1e-4)


def test_zeros_stay_and_the_last_row_goes_on():
    assert not theory.newton_schulz([0.0, 0.0], 3).any()
    rows = theory.best_quintics(0.01, 2)
    path = theory.newton_schulz([0.3, 0.4], 4, rows)
    np.testing.assert_allclose(path[4], theory.odd_quintic(path[3], *rows[1]))
    with pytest.raises(ValueError, match="values is -1"):
        theory.newton_schulz([1.0, -1.0], 1)
    with pytest.raises(ValueError, match=r"allowed: \(steps, 3\)"):
        theory.newton_schulz([1.0], 1, [1.5, -0.5])


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1.0), (0.1, 1.9), (0.9, 1.1)])
def test_the_best_quintic_touches_its_error_four_times(low, high):
    """Chebyshev's theorem: an error of one size with alternating signs at four places, and nowhere larger."""
    row, error = theory.best_quintic(low, high)
    x = np.linspace(low, high, 200_001)
    wrong = 1 - theory.odd_quintic(x, *row)
    assert abs(wrong).max() == pytest.approx(error, rel=1e-6, abs=1e-15)
    turns = np.sign(wrong[abs(wrong) > error * (1 - 1e-6)])
    assert turns[np.flatnonzero(np.diff(turns, prepend=0))].tolist() == [1, -1, 1, -1]


def test_the_best_polynomials_beat_the_others_and_end_in_the_quintic():
    x = np.geomspace(1e-3, 1, 4000)
    ends = {}
    for name, rows in (("best", theory.best_quintics(1e-3, 6)), ("muon", theory.POLYNOMIALS["muon"])):
        y = x
        for k in range(6):
            y = theory.odd_quintic(y, *rows[min(k, len(rows) - 1)])
        ends[name] = abs(1 - y).max()
    assert ends["best"] < 1e-3 < 0.2 < ends["muon"]
    np.testing.assert_allclose(theory.best_quintics(0.5, 6)[-1], [15 / 8, -10 / 8, 3 / 8], rtol=1e-6)
    assert theory.best_quintic(1.0, 1.0) == ((15 / 8, -10 / 8, 3 / 8), 0.0)
    np.testing.assert_allclose(theory.best_quintic(2.0, 2.0)[0], [15 / 16, -10 / 64, 3 / 256])
    assert theory.best_quintics(0.5, 0).shape == (0, 3)
    for ask in (
        lambda: theory.best_quintic(0.0, 1.0),
        lambda: theory.best_quintic(2.0, 1.0),
        lambda: theory.best_quintics(1.5, 1),
    ):
        with pytest.raises(ValueError, match="allowed: (0 < low|a (finite )?number)"):
            ask()
