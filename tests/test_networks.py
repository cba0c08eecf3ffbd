"""The small networks: gradient and Hessian against torch, sharpness against the whole Hessian, training against single runs."""

import sys

import numpy as np
import pytest
import torch

from momentum_lib import descend, networks, rules, sweep, theory
from momentum_lib.draws import draw_noise
from momentum_lib.networks import Network, Rows, sharpness

CURVE = networks.chebyshev(7)
CLASSES = Rows(draw_noise(6 * 5, 4).reshape(6, 5), np.array([0, 2, 1, 1, 0, 2]))
NETS = {
    "curve": ((1, 4, 3, 1), "squared", CURVE),
    "one layer": ((5, 3), "squared", Rows(CLASSES.x, draw_noise(18, 5).reshape(6, 3))),
    "classes": ((5, 4, 3), "cross-entropy", CLASSES),
    "squared classes": ((5, 4, 4, 3), "squared", CLASSES),
}


def case(name):
    """The network and the rows of that name."""
    sizes, loss, data = NETS[name]
    return Network(sizes, loss), data


def torch_loss(net, theta, data):
    """The same loss in torch's own words."""
    x, at, y = torch.tensor(data.x), 0, torch.tensor(data.y)
    for k, (inputs, outputs) in enumerate(zip(net.sizes, net.sizes[1:]), 1):
        w = theta[at : at + inputs * outputs].reshape(outputs, inputs)
        at += inputs * outputs
        x = torch.nn.functional.linear(x, w, theta[at : at + outputs])
        at += outputs
        x = torch.tanh(x) if k < len(net.sizes) - 1 else x
    if net.loss_name == "cross-entropy":
        return torch.nn.functional.cross_entropy(x, y)
    y = torch.nn.functional.one_hot(y, net.sizes[-1]) if y.ndim == 1 else y
    return torch.nn.functional.mse_loss(x, y.double(), reduction="sum") / (2 * len(x))


@pytest.mark.parametrize("name", NETS)
def test_loss_gradient_and_hessian_are_torchs(name):
    """A transposed matrix, a slope of tanh forgotten, a factor 2: all to 1e-12."""
    net, data = case(name)
    theta = net.start(3) + 0.3 * draw_noise(net.count, 9)
    point = torch.tensor(theta, requires_grad=True)
    loss = torch_loss(net, point, data)
    (grad,) = torch.autograd.grad(loss, point)
    hessian = torch.autograd.functional.hessian(lambda p: torch_loss(net, p, data), point)
    ours, slope = net.loss_and_gradient(theta, data)
    assert ours == pytest.approx(loss.item(), rel=1e-13) == net.loss(theta, data)
    assert np.abs(slope - grad.numpy()).max() < 1e-12
    assert np.abs(net.gradient(theta, data) - slope).max() == 0
    assert np.abs(net.hessian(theta, data) - hessian.numpy()).max() < 1e-12
    v = draw_noise(net.count, 2)
    assert np.abs(net.hessian_product(theta, v, data) - hessian.numpy() @ v).max() < 1e-12


@pytest.mark.parametrize("name", NETS)
def test_many_networks_are_each_what_one_is(name):
    """An axis that sums over networks; rows of one network's given to another."""
    net, data = case(name)
    thetas = net.starts(range(6)).reshape(2, 3, net.count)
    own = data.take(np.array([[0, 1], [2, 3], [4, 5], [1, 1], [5, 0], [3, 2]]).reshape(2, 3, 2))
    for rows in (data, own):
        loss, grad = net.loss_and_gradient(thetas, rows)
        product = net.hessian_product(thetas, thetas[::-1], rows)
        assert loss.shape == (2, 3) and grad.shape == product.shape == thetas.shape
        for k in np.ndindex(2, 3):
            alone = rows if rows is data else Rows(rows.x[k], rows.y[k])
            one, slope = net.loss_and_gradient(thetas[k], alone)
            assert loss[k] == pytest.approx(one, rel=1e-13)
            assert grad[k] == pytest.approx(slope, abs=1e-14)
            assert product[k] == pytest.approx(net.hessian_product(thetas[k], thetas[::-1][k], alone), abs=1e-13)


def test_a_pass_over_some_networks_at_a_time_is_the_pass_over_all(monkeypatch):
    """What a processor's cache has no room for goes in parts, a last short one among them, bit for bit."""
    net, data = case("classes")
    thetas = net.starts(range(10)).reshape(2, 5, net.count)
    whole, passes, one = net.loss_and_gradient(thetas, data), [], Network._pass
    monkeypatch.setattr(Network, "_pass", lambda self, theta, data: passes.append(len(theta)) or one(self, theta, data))
    monkeypatch.setattr("momentum_lib.networks.net.ROOM", 4 * 6 * 5)  # four networks of six rows and five inputs
    parts = net.loss_and_gradient(thetas, data)
    assert passes == [4, 4, 2]
    assert all(map(np.array_equal, whole, parts))


def test_the_parameters_are_one_vector_and_its_layers_are_views():
    net = Network((64, 32, 10))
    assert net.count == 2410 and net.shapes == [(32, 64), (32,), (10, 32), (10,)]
    theta = net.start(1)
    layers = net.split(theta)
    assert all(np.shares_memory(part, theta) for layer in layers for part in layer)
    assert np.array_equal(net.join(layers), theta)
    assert np.array_equal(net.join(net.split(net.starts([1, 2]))), net.starts([1, 2]))
    (w, b), (u, c) = layers
    assert w.std() == pytest.approx(1 / 8, rel=0.05) and u.std() == pytest.approx(32**-0.5, rel=0.1)
    assert not b.any() and not c.any()
    assert np.array_equal(w.ravel(), draw_noise(2048, 1) / 8)


def test_probabilities_and_accuracy():
    net, data = case("classes")
    p = net.probabilities(net.starts([1, 2]), data.x)
    z = torch.tensor(net.outputs(net.starts([1, 2]), data.x))
    assert p == pytest.approx(torch.softmax(z, -1).numpy(), rel=1e-12)
    assert net.accuracy(net.starts([1, 2]), data) == pytest.approx((p.argmax(-1) == data.y).mean(-1))
    assert net.probabilities(1e4 * net.start(1), data.x).sum(-1) == pytest.approx(1)  # no overflow


# -- sharpness ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_the_sharpness_is_the_whole_hessians(name):
    net, data = case(name)
    for theta in (net.start(1), net.start(2) + 0.5 * draw_noise(net.count, 3)):
        values, vectors = np.linalg.eigh(net.hessian(theta, data))
        value, vector = net.sharpness(theta, data)
        assert value == pytest.approx(values[-1], rel=1e-9)
        assert np.linalg.norm(vector) == pytest.approx(1)
        gap = values[-1] - values[-2]
        assert 1 - abs(vector @ vectors[:, -1]) < 1e-9 / min(1, gap) ** 2


def test_many_networks_are_as_sharp_as_each_alone():
    """Some need more products than others; each has its own Hessian to the end, bit for bit."""
    net, data = case("curve")
    thetas = np.array([(1 + k) * net.start(k) for k in range(5)])
    values, vectors = net._sharpnesses(thetas, data)
    for theta, value, vector in zip(thetas, values, vectors, strict=True):
        alone, axis = net.sharpness(theta, data)
        assert value == alone and np.array_equal(vector, axis)
        assert net.hessian_product(theta, vector, data) @ vector == pytest.approx(value, rel=1e-9)


def test_the_largest_eigenvalue_is_not_the_largest_in_size():
    """Power iteration without a shift answers -5 here; a basis that lost its angles answers twice the same."""
    a = np.diag([-5.0, 0.5, 1.0, 2.0, 2.0 - 1e-3])
    value, vector = sharpness.largest_eigenvalue(lambda v: a @ v, np.ones(5), 1e-9)
    assert value == pytest.approx(2, rel=1e-12) and abs(vector[3]) == pytest.approx(1)
    assert sharpness.largest_eigenvalue(lambda v: 3 * v, np.ones(4)) == (3, pytest.approx(np.full(4, 0.5)))
    single = sharpness.largest_eigenvalue(lambda v: a @ v, np.full(5, 0.3, dtype=np.float32), 1e-9)
    assert single[0] == pytest.approx(2, rel=1e-12) and abs(np.linalg.norm(single[1]) - 1) < 1e-14
    counted = []
    sharpness.largest_eigenvalue(lambda v: counted.append(1) or a @ v, vector, 1e-6)
    assert len(counted) == 1  # from the answer itself
    with pytest.raises(ValueError, match="finite vector that is not zero"):
        sharpness.largest_eigenvalue(lambda v: v, np.zeros(3))
    with pytest.raises(ValueError, match="left the finite world"):
        sharpness.largest_eigenvalue(lambda v: v * np.inf, np.ones(3))


def test_an_eigenvalue_that_overtakes_is_seen():
    """Steps 20 and 30 of this training: two eigenvalues cross, and what was the sharpest direction is an eigenvector still."""
    net, data = Network((1, 12, 12, 1)), networks.chebyshev()
    parts = [(20, 0.1, 0.9), (10, 0.25, 0.5)]
    run = net.start(7)
    for steps, lr, beta in parts:
        run = networks.train(net, data, rules.heavy_ball, run, steps, every=10, lr=lr, beta=beta)
        assert run.sharpness[-1] == pytest.approx(np.linalg.eigvalsh(net.hessian(run.theta, data))[-1], rel=1e-9)


@pytest.mark.parametrize("rule", ["gradient_descent", "heavy_ball", "averaged_momentum", "nesterov", "nesterov_torch"])
def test_the_edge_is_the_iteration_matrixs(rule):
    """A curvature a little beyond the edge grows, a little below it fades."""
    beta = {} if rule == "gradient_descent" else {"beta": 0.8}
    edge = networks.edge(rule, lr=0.07, **beta)
    assert theory.rate(rules.get(rule), edge * 1.001, lr=0.07, **beta) > 1
    assert theory.rate(rules.get(rule), edge * 0.999, lr=0.07, **beta) < 1
    assert networks.edge("heavy_ball", lr=0.1, beta=0.9) == pytest.approx(38)
    assert networks.edge("nesterov", lr=0.1, beta=0.9) == pytest.approx(38 / 2.8)


# -- training ----------------------------------------------------------------------------------


SETTINGS = [
    ("heavy_ball", {"lr": 0.1, "beta": 0.9}),
    ("heavy_ball", {"lr": np.linspace(0.1, 0.01, 40)}),
    ("nesterov", {"lr": 0.05}),
    ("adam", {"lr": 0.01}),
]


@pytest.mark.parametrize("rule, hyper", SETTINGS, ids=["heavy ball", "a schedule", "nesterov", "adam"])
def test_training_is_descend_on_the_loss(rule, hyper):
    """A second loop that looks, steps or reads otherwise than the library's first."""
    net, data = case("curve")
    run = networks.train(net, data, rules.get(rule), net.start(1), 40, **hyper)
    path = descend(rules.get(rule), net.on(data), start=net.start(1), steps=40, **hyper)
    assert run.theta == pytest.approx(path.points[-1], abs=1e-13)
    assert run.losses == pytest.approx([net.loss(look, data) for look in path.looks], abs=1e-14)


def test_a_sweep_runs_on_the_loss():
    net, data = case("curve")
    grid = sweep(rules.heavy_ball, net.on(data), steps=40, start=net.start(1), lr=np.array([0.1, 0.02]))
    for k, lr in enumerate((0.1, 0.02)):
        assert grid.values[k] == pytest.approx(
            descend(rules.heavy_ball, net.on(data), start=net.start(1), steps=40, lr=lr).values[-1], rel=1e-11
        )
    assert len(net.on(data).start) == net.count


def test_training_in_batches_is_torchs():
    net, data = case("classes")
    run = networks.train(net, data, rules.heavy_ball, net.start(1), 9, batch=4, seed=3, lr=0.3, beta=0.7)
    theta = torch.tensor(net.start(1), requires_grad=True)
    sgd = torch.optim.SGD([theta], lr=0.3, momentum=0.7)
    for which in networks.batches(6, 4, 9, 3):
        sgd.zero_grad()
        torch_loss(net, theta, data.take(which)).backward()
        sgd.step()
    assert run.theta == pytest.approx(theta.detach().numpy(), abs=1e-13)


def test_a_grid_of_rates_and_seeds_is_its_single_runs():
    """A rate given to another network, an order of rows shared by accident, a schedule read along the wrong axis."""
    net, data = case("classes")
    rates, seeds = np.array([[0.1], [0.4]]), np.array([5, 6, 7])
    starts = np.broadcast_to(net.starts(seeds), (2, 3, net.count))
    fall = np.linspace(1, 0, 8, endpoint=False)
    grid = networks.train(
        net, data, rules.heavy_ball, starts, 8, batch=2, seed=seeds, every=4, lr=fall[:, None, None] * rates, beta=[0.5, 0.6, 0.7]
    )
    assert grid.losses.shape == (8, 2, 3) and grid.at.tolist() == [0, 4, 8] and grid.sharpness.shape == (3, 2, 3)
    for i, j in np.ndindex(2, 3):
        one = networks.train(
            net, data, rules.heavy_ball, net.start(seeds[j]), 8,
            batch=2, seed=int(seeds[j]), every=4, lr=fall * rates[i, 0], beta=[0.5, 0.6, 0.7][j],
        )  # fmt: skip
        assert grid.theta[i, j] == pytest.approx(one.theta, abs=1e-13)
        assert grid.losses[:, i, j] == pytest.approx(one.losses, rel=1e-12)
        assert grid.sharpness[:, i, j] == pytest.approx(one.sharpness, rel=1e-8)
    assert one.sharpness[-1] == pytest.approx(np.linalg.eigvalsh(net.hessian(one.theta, data))[-1], rel=1e-9)
    first = networks.train(net, data, rules.heavy_ball, starts, 1, lr=0.1, beta=0.0)
    assert first.losses[0] == pytest.approx(net.loss(starts, data))


def test_a_matrix_rule_moves_each_layer_by_itself():
    net, data = case("classes")
    starts = net.starts([1, 2])
    run = networks.train(net, data, rules.muon, starts, 2, lr=0.1)
    for k in range(2):
        theta, states = starts[k], {}
        for t in (1, 2):
            parts = []
            for i, (pair, slopes) in enumerate(zip(net.split(theta), net.split(net.gradient(theta, data)))):
                for j, (part, slope) in enumerate(zip(pair, slopes)):
                    matrix, pull = (a.reshape(len(a), -1) for a in (part, slope))
                    moved, *states[i, j] = rules.muon(matrix, pull, *states.get((i, j), rules.muon.init(matrix)), t=t, lr=0.1)
                    parts.append(moved.ravel())
            theta = np.concatenate(parts)
        assert run.theta[k] == pytest.approx(theta, abs=1e-12)


@pytest.mark.parametrize("rule", [rules.adam, rules.muon])
def test_a_training_goes_on_where_another_ended(rule):
    """A memory that starts at zero again, a count of steps that does, batches seen twice."""
    net, data = case("classes")
    whole = networks.train(net, data, rule, net.starts([1, 2]), 9, batch=2, every=3, lr=0.02)
    first = networks.train(net, data, rule, net.starts([1, 2]), 4, batch=2, lr=0.02)
    then = networks.train(net, data, rule, first, 5, batch=2, every=5, lr=0.02)
    assert np.array_equal(then.theta, whole.theta) and np.array_equal(then.losses, whole.losses[4:])
    assert then.at.tolist() == [4, 9] and then.memory[2] == 9
    other = networks.train(net, data, rules.heavy_ball, net.start(1), 4, lr=0.1)
    ahead = networks.train(net, data, rules.nesterov_torch, other, 1, lr=0.1, beta=0.8)
    v = 0.8 * other.memory[1][0][0] + net.gradient(other.theta, data)
    assert ahead.theta == pytest.approx(other.theta - 0.1 * (net.gradient(other.theta, data) + 0.8 * v), abs=1e-14)
    with pytest.raises(ValueError, match="cannot go on with the memory of heavy_ball"):
        networks.train(net, data, rules.adam, other, 1, lr=0.1)


def test_a_network_that_explodes_says_so_and_the_others_go_on():
    net, data = Network((1, 4, 1)), CURVE
    run = networks.train(net, data, rules.heavy_ball, net.starts([1, 1]), 300, every=150, lr=[0.1, 1e6], beta=0.9)
    assert np.isfinite(run.losses[:, 0]).all() and np.isfinite(run.sharpness[:, 0]).all()
    assert run.losses[-1, 1] == np.inf and np.isnan(run.sharpness[-1, 1]) and np.isfinite(run.sharpness[0, 1])


def test_single_precision_stays_single():
    net, data = case("classes")
    run = networks.train(net, data.astype(np.float32), rules.heavy_ball, net.start(1).astype(np.float32), 3, batch=2, lr=0.1)
    assert run.theta.dtype == np.float32
    both = networks.train(net, data.astype(np.float32), rules.heavy_ball, net.starts([1, 2]).astype("f4"), 3, lr=[0.1, 0.2])
    assert both.theta.dtype == np.float32 and data.astype(np.float32).y.dtype.kind == "i"


def test_the_sharpness_settles_at_the_edge():
    """The chapter's claim at its smallest: without momentum below 20, with it at 38."""
    net, data = Network((1, 12, 12, 1)), networks.chebyshev()
    run = networks.train(net, data, rules.heavy_ball, net.start(1), 1600, every=40, lr=0.1, beta=0.9)
    settled = run.sharpness[-20:].mean()
    assert settled == pytest.approx(networks.edge("heavy_ball", lr=0.1, beta=0.9), rel=0.05)
    assert run.sharpness[0] < 5 and run.losses[-1] < 0.005


# -- data --------------------------------------------------------------------------------------


def test_rows_in_another_precision_are_the_same_rows():
    """Inputs for targets; classes made to floats."""
    curve, classes = networks.chebyshev(5), CLASSES.astype(np.float32)
    single = curve.astype(np.float32)
    assert single.x.dtype == single.y.dtype == np.float32 and np.array_equal(classes.y, CLASSES.y)
    assert np.array_equal(single.x, curve.x.astype("f4")) and np.array_equal(single.y, curve.y.astype("f4"))
    some = curve.take(np.array([[0, 4], [3, 3]]))
    assert some.x.shape == some.y.shape == (2, 2, 1) and some.y[1, 0] == curve.y[3] and len(some) == 2


def test_what_is_not_said_is_what_the_reference_says():
    """Seed 0 for starts, orders and trainings, twenty points, a thousand digits to learn from."""
    net, data = case("classes")
    assert np.array_equal(net.start(), net.start(0)) and len(networks.chebyshev()) == 20
    assert np.array_equal(networks.batches(6, 2, 9), networks.batches(6, 2, 9, 0))
    assert not np.array_equal(networks.batches(6, 2, 9), networks.batches(6, 2, 9, 1))
    runs = [networks.train(net, data, rules.heavy_ball, net.start(1), 3, batch=2, lr=0.1, **seed) for seed in ({}, {"seed": 0})]
    assert np.array_equal(runs[0].theta, runs[1].theta) and runs[0].at.shape == (0,) == runs[0].sharpness.shape
    assert [len(part) for part in networks.digits()[:3]] == [1000, 297, 500]
    assert Network((5, 3)).loss_name == "squared" and networks.edge("gradient_descent", lr=0.1) == 20
    assert np.array_equal(net.on(data).start, net.start(0))


def test_the_curve_is_chebyshevs():
    data = networks.chebyshev(20)
    assert data.x.shape == data.y.shape == (20, 1) and len(data) == 20
    assert data.y == pytest.approx(np.cos(5 * np.arccos(data.x)), abs=1e-12)
    with pytest.raises(ValueError, match="rows is 1"):
        networks.chebyshev(1)


def test_the_digits_are_divided_once():
    parts = networks.digits(1000, 297)
    assert [len(part) for part in parts[:3]] == [1000, 297, 500]
    assert np.abs(parts.train.x.mean(axis=0)).max() < 1e-15 and set(parts.test.y) == set(range(10))
    whole = np.concatenate([part.x for part in parts[:3]])
    grey = (whole + parts.mean) * 16
    assert grey == pytest.approx(np.round(grey), abs=1e-12) and grey.max() == pytest.approx(16)
    fewer = networks.digits(400, 200)
    assert np.array_equal(fewer.train.y, parts.train.y[:400]) and len(fewer.test) == 1197
    assert [len(part) for part in networks.digits(1, 1)[:3]] == [1, 1, 1795] and len(networks.digits(1500, 296).test) == 1
    with pytest.raises(ValueError, match="leave a test row of 1797"):
        networks.digits(1500, 297)


def test_without_scikit_learn_the_digits_say_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        networks.digits()


def test_every_epoch_has_each_row_once_in_an_order_of_its_own():
    order = networks.batches(10, 3, 8, 5)
    assert order.shape == (8, 3)
    for first in (0, 3):
        assert len(set(order[first : first + 3].ravel())) == 9  # one row waits for the next epoch
    assert not np.array_equal(order[:3], order[3:6])
    assert not np.array_equal(order, networks.batches(10, 3, 8, 6))
    assert sorted(networks.batches(4, 4, 1)[0]) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="from 1 to 10"):
        networks.batches(10, 11, 1)


# -- what does not fit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Network((3,)), "two or more whole numbers"),
        (lambda: Network((3, 0)), "two or more whole numbers"),
        (lambda: Network((3, 1), "square"), "Did you mean 'squared'"),
        (lambda: case("curve")[0].loss(np.zeros(5), CURVE), "one number for each parameter"),
        (lambda: case("classes")[0].loss(case("classes")[0].start(), CURVE), "one column for each input"),
        (lambda: case("classes")[0].loss(case("classes")[0].start(), Rows(CLASSES.x, CLASSES.x[:, :3])), "needs classes"),
        (lambda: case("classes")[0].loss(case("classes")[0].start(), Rows(CLASSES.x, CLASSES.y + 1)), "0 to 2, the outputs"),
        (lambda: case("classes")[0].loss(case("classes")[0].start(), Rows(CLASSES.x, CLASSES.y - 1)), "from -1 to 1; allowed"),
        (lambda: case("curve")[0].sharpness(case("curve")[0].starts([1, 2]), CURVE), "one network at a time"),
        (lambda: networks.train(*case("curve"), rules.heavy_ball, case("curve")[0].start(), 5, lr=[0.1, 0.2]), "a schedule"),
        (lambda: networks.train(*case("curve"), rules.heavy_ball, case("curve")[0].start(), -1, lr=0.1), "steps"),
        (lambda: networks.edge("adam", lr=0.1), "no closed form"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_way_out(make, words):
    with pytest.raises(ValueError, match=words):
        make()
