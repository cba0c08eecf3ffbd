"""The edge: the browser's small network against NumPy's, its training under every hand, and what the picture says."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import networks, rules
from momentum_lib.draws import draw_noise
from momentum_lib.networks import Network, Rows, sharpness
from momentum_lib.widgets import Edge
from momentum_lib.widgets.edge import AVERAGED, EVERY, EXPLODED, POINTS, SWING

MODULES = {"net": "network", "edge": "edge", "engine": "engine", "rules": "generated/rules"}
CURVE = networks.chebyshev(6)
CLASSES = Rows(draw_noise(7 * 5, 4).reshape(7, 5), np.array([0, 2, 1, 1, 0, 2, 2]))
NETS = {"curve": (Network((1, 5, 4, 1)), CURVE), "one layer": (Network((5, 3), "cross-entropy"), CLASSES),
        "classes": (Network((5, 4, 4, 3), "cross-entropy"), CLASSES)}  # fmt: skip


def in_js(net, data):
    """The same network and rows as JavaScript."""
    kind = "Uint8Array" if data.y.dtype.kind == "i" else "Float64Array"
    return (
        f"const n = net.network({list(net.sizes)}, '{net.loss_name}'), data = {{ rows: {len(data)}, "
        f"x: Float64Array.from({data.x.ravel().tolist()}), y: {kind}.from({data.y.ravel().tolist()}) }};"
    )


# -- the network ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_the_browsers_network_is_numpys(js, name):
    """Loss, gradient, Hessian product, start and sharpness: a transposed matrix, a class shifted, a slope forgotten."""
    net, data = NETS[name]
    theta, v = net.start(3) + 0.3 * draw_noise(net.count, 9), draw_noise(net.count, 2)
    which = [1, 4, 4]
    values, vectors = np.linalg.eigh(net.hessian(theta, data))
    found = js(
        f"""(() => {{ {in_js(net, data)}
        const theta = Float64Array.from({theta.tolist()}), v = Float64Array.from({v.tolist()});
        const grad = new Float64Array(n.count), some = new Float64Array(n.count), product = new Float64Array(n.count);
        const loss = n.lossAndGradient(theta, data, grad), batch = n.lossAndGradient(theta, data, some, {which});
        n.hessianProduct(theta, v, data, product);
        const top = n.sharpness(theta, data);
        return {{ loss, alone: n.loss(theta, data), batch, grad: [...grad], some: [...some],
          product: [...product], start: [...n.start(3)],
          value: top.value, vector: [...top.vector], answers: [...n.outputs(theta, data.x.slice(0, {net.sizes[0]}))] }}; }})()"""
    )
    loss, grad = net.loss_and_gradient(theta, data)
    batch, some = net.loss_and_gradient(theta, data.take(which))
    assert found["start"] == net.start(3).tolist()
    assert [found["loss"], found["alone"], found["batch"]] == pytest.approx([loss, loss, batch], rel=1e-13)
    np.testing.assert_allclose(found["grad"], grad, atol=1e-14)
    np.testing.assert_allclose(found["some"], some, atol=1e-14)
    np.testing.assert_allclose(found["product"], net.hessian_product(theta, v, data), atol=1e-13)
    np.testing.assert_allclose(found["answers"], net.outputs(theta, data.x[:1])[0], atol=1e-13)
    assert found["value"] == pytest.approx(values[-1], rel=1e-9)
    assert abs(np.dot(found["vector"], vectors[:, -1])) == pytest.approx(1, abs=1e-6)


def test_lanczos_is_the_same_in_the_browser(js):
    """The largest, not the largest in size; it points where the start did; one product where the start is the answer."""
    a, found = np.diag([-5.0, 0.5, 1.0, 2.0, 2.0 - 1e-3]), {}
    make = f"""(start) => {{ const a = {[float(v) for v in np.diag(a)]}; let n = 0;
        const {{ value, vector }} = net.largestEigenvalue((v, out) => {{ n++; a.forEach((k, i) => (out[i] = k * v[i])); }},
          Float64Array.from(start), 1e-9); return {{ value, vector: [...vector], n }}; }}"""
    for sign in (1, -1):
        found = js(f"({make})({[sign] * 5})")
        value, vector = sharpness.largest_eigenvalue(lambda v: a @ v, sign * np.ones(5), 1e-9)
        assert found["value"] == pytest.approx(2, rel=1e-12) == value
        np.testing.assert_allclose(found["vector"], vector, atol=1e-8)
        assert np.sign(found["vector"][3]) == sign
    assert js(f"({make})({found['vector']})")["n"] == 1
    for n in (2, 3, 4, 5):
        few = js(f"net.largestEigenvalue((v, out) => [3, 1, -4, 2, 0].slice(0, {n}).forEach((k, i) => (out[i] = k * v[i])),"
                 f"new Float64Array({n}).fill(-1)).vector[0]")  # fmt: skip
        assert few == pytest.approx(-1)
    assert js(f"({make})([1, NaN, 0, 0, 0])")["value"] is None  # JSON's word for NaN
    assert js(f"({make})([0, 0, 1, 0, 0])")["value"] == pytest.approx(1)  # a start that is another eigenvector


@pytest.mark.parametrize("scale", [1e-7, 1, 1e7])
def test_lanczos_knows_no_units(js, scale):
    """A full matrix in any units: its largest eigenvalue, be it below nought, and the eigenvector."""
    rng = np.random.default_rng(5)
    a = rng.normal(size=(9, 9))
    a = scale * (a + a.T)
    values, vectors = np.linalg.eigh(a)
    for matrix, top in ((a, -1), (a - 2 * values[-1] * np.eye(9), -1), (-a, 0)):
        found = js(
            f"""(() => {{ const a = {matrix.tolist()}; const {{ value, vector }} = net.largestEigenvalue((v, out) =>
            a.forEach((row, i) => (out[i] = row.reduce((sum, x, j) => sum + x * v[j], 0))), new Float64Array(9).fill(1), 1e-10);
            return [value, [...vector]]; }})()"""
        )
        assert found[0] == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-9)
        assert abs(np.dot(found[1], vectors[:, top])) == pytest.approx(1, abs=1e-9)


def test_a_vectors_step_is_the_rules(js):
    """Every rule that looks where it is, compiled and plain, three steps of three coordinates."""
    for rule in (rules.heavy_ball, rules.nesterov_torch, rules.adam, rules.gradient_descent, rules.lion):
        theta, state = np.array([1.0, -2.0, 0.5]), rule.init(np.zeros(3))
        hyper = {name: 0.1 if value is None else value for name, value in rule.hyper.items()}
        for t in (1, 2, 3):
            theta, state = rule.step(theta, np.cos(theta), state, hyper, t)
        for forbid in ("false", "true"):
            found = js(
                f"""(() => {{ engine.forbidCompiling({forbid}); const theta = Float64Array.from([1, -2, 0.5]);
                const slots = {len(rule.slots)} ? Array.from({{ length: {len(rule.slots)} }}, () => new Float64Array(3)) : [];
                for (const t of [1, 2, 3])
                  engine.stepVector(rules.RULES.{rule.name}, theta, theta.map(Math.cos), slots, t, {json.dumps(hyper)});
                return [...theta]; }})()"""
            )
            np.testing.assert_allclose(found, theta, rtol=1e-13)


# -- the training -----------------------------------------------------------------------------


def test_fifty_steps_are_numpys_whatever_the_hand_does(js):
    """The same start, then 50 steps with the rate, the momentum and the look ahead changed on the way: to 1e-9."""
    parts = [(False, 0.1, 0.9, 20), (False, 0.25, 0.5, 17), (True, 0.25, 0.5, 13)]
    calls = "".join(
        f"edge.advance(run, {{ lr: {lr}, beta: {beta}, nesterov: {str(nesterov).lower()} }}, {steps});"
        for nesterov, lr, beta, steps in parts
    )
    found = js(
        f"""(() => {{ const run = edge.begin(12, 7); {calls}
        return {{ theta: [...run.theta], losses: run.losses, sharp: run.sharp, edges: run.edges, parts: run.parts,
          t: run.t, swing: [...edge.swing(run)], exploded: run.exploded }}; }})()"""
    )
    net, data, run, losses, points = Network((1, 12, 12, 1)), networks.chebyshev(POINTS), None, [], []
    run = start = net.start(7)
    for nesterov, lr, beta, steps in parts:
        for _ in range(steps):
            rule = rules.nesterov_torch if nesterov else rules.heavy_ball
            run = networks.train(net, data, rule, run, 1, lr=lr, beta=beta)
            losses.append(run.losses[0])
            points.append(run.theta)
    assert found["t"] == 50 and found["exploded"] == 0
    np.testing.assert_allclose(found["theta"], run.theta, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-9)
    where = [start, *(points[t - 1] for t in range(EVERY, 51, EVERY))]
    np.testing.assert_allclose(found["sharp"], [net.sharpness(theta, data)[0] for theta in where], rtol=1e-7)
    edges = [networks.edge("nesterov_torch" if n else "heavy_ball", lr=lr, beta=b) for n, lr, b, _ in parts]
    np.testing.assert_allclose(found["edges"], [edges[0]] * 3 + [edges[1]] + [edges[2]] * 2)
    assert [part["steps"] for part in found["parts"]] == [20, 17, 13]
    axis = net.sharpness(points[-1], data)[1]
    places = np.array(points[-SWING - 1 :]) @ axis
    np.testing.assert_allclose(np.abs(found["swing"]), np.abs(places - places.mean()), rtol=1e-3, atol=1e-5)
    assert abs(np.corrcoef(found["swing"], places)[0, 1]) == pytest.approx(1)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_edge_and_its_rate(js, nesterov):
    for lr, beta in ((0.1, 0.9), (0.02, 0.0), (0.5, 0.99)):
        setting = json.dumps({"lr": lr, "beta": beta, "nesterov": nesterov})
        edge = Edge(lr=lr, beta=beta, nesterov=nesterov).edge
        assert edge == pytest.approx(2 * (1 + beta) / lr / (1 + 2 * beta if nesterov else 1))
        assert js(f"[edge.edgeOf({setting}), edge.rateOf({edge}, {setting})]") == pytest.approx([edge, lr])


def test_constants_and_data_are_the_same(js):
    found = js("({ data: { ...net.chebyshev() }, EVERY: edge.EVERY, AVERAGED: edge.AVERAGED, SWING: edge.SWING, "
               "EXPLODED: edge.EXPLODED, POINTS: edge.POINTS })")  # fmt: skip
    assert [found[name] for name in ("EVERY", "AVERAGED", "SWING", "EXPLODED", "POINTS")] == [
        EVERY, AVERAGED, SWING, EXPLODED, POINTS,
    ]  # fmt: skip
    data = networks.chebyshev(POINTS)
    assert list(found["data"]["x"].values()) == pytest.approx(data.x.ravel(), abs=1e-15)
    assert list(found["data"]["y"].values()) == pytest.approx(data.y.ravel(), abs=1e-14)


def test_a_training_explodes_and_says_so_on_both_sides(js):
    figure = Edge(lr=0.5, steps=400)
    exploded = figure.numbers()["exploded"]
    assert 50 < exploded < 400 and "explodes before step 400" in figure.alt() and "edge is 7.6" in figure.alt()
    found = js(
        "(() => { const run = edge.begin(12, 1), s = { lr: 0.5, beta: 0.9, nesterov: false }; edge.advance(run, s, 400);"
        "return { at: run.exploded, t: run.t, n: run.losses.length, top: Math.max(...run.losses),"
        "words: edge.sentence(run, { ...s, width: 12, seed: 1, steps: 400 }, false) }; })()"
    )
    assert abs(found["at"] - exploded) <= 10 and found["t"] == found["n"] == found["at"] and found["top"] <= EXPLODED
    assert found["words"].startswith(f"Exploded at step {found['at']}") and "Start again" in found["words"]


def test_the_sharpness_settles_at_the_edge_in_the_browser_too(js):
    """Two trainings whose last bits differ part once the edge is touched; what they do there is the same."""
    for lr, beta, steps in ((0.1, 0.9, 1600), (0.3, 0.0, 1200)):
        figure = Edge(lr=lr, beta=beta, steps=steps)
        found = js(
            f"(() => {{ const run = edge.begin(12, 1), s = {{ lr: {lr}, beta: {beta}, nesterov: false }};"
            f"edge.advance(run, s, {steps}); return {{ ...edge.summary(run, s), sharp: run.sharp,"
            f"words: edge.sentence(run, {{ ...s, width: 12, seed: 1, steps: {steps} }}, false) }}; }})()"
        )
        mine = figure.numbers()
        assert found["ratio"] == pytest.approx(1, abs=0.06) and mine["ratio"] == pytest.approx(1, abs=0.06)
        before = next(k for k, value in enumerate(mine["sharpness"]) if value > 0.8 * mine["edge"])
        np.testing.assert_allclose(found["sharp"][:before], mine["sharpness"][:before], rtol=1e-6)
        assert "stays at the edge" in found["words"] and f"ratio {found['ratio']:.2f}" in found["words"]


def test_words_tell_where_the_sharpness_is(js):
    """Below the edge, at it, above it and playing: one sentence each, none of another."""
    told = {}
    for name, ratio, live in (("below", 0.5, False), ("at", 1.0, True), ("above", 1.3, False), ("thrown", 2.0, True)):
        run = f"{{ t: 20, exploded: 0, losses: [0.5], sharp: [{38 * ratio}, {38 * ratio}] }}"
        state = "{ lr: 0.1, beta: 0.9, nesterov: false, width: 12, seed: 1, steps: 20 }"
        told[name] = js(f"edge.sentence({run}, {state}, {str(live).lower()})")
    assert "50 % of the edge, 38" in told["below"] and "ratio 1.00" in told["at"] and "49.4" in told["above"]
    assert "flatter, or explode" in told["thrown"] and all("Step 20, loss 0.5" in words for words in told.values())


# -- on paper ---------------------------------------------------------------------------------


def test_the_picture_is_drawn_where_its_numbers_say():
    figure = Edge(lr=0.2, steps=300)
    found = figure.numbers()
    sharp, fit, loss, swing = figure.picture().axes
    np.testing.assert_allclose(sharp.lines[0].get_ydata(), 19.0)
    np.testing.assert_allclose(sharp.lines[1].get_data(), [EVERY * np.arange(31), found["sharpness"]])
    np.testing.assert_allclose(loss.lines[0].get_ydata(), found["losses"])
    np.testing.assert_allclose(swing.lines[1].get_data(), [np.arange(-SWING, 1), found["swing"]])
    net, data = Network((1, 12, 12, 1)), networks.chebyshev(POINTS)
    run = networks.train(net, data, rules.heavy_ball, net.start(1), 300, lr=0.2, beta=0.9)
    x, y = fit.lines[1].get_data()
    np.testing.assert_allclose(y, net.outputs(run.theta, x[:, None])[:, 0], atol=1e-12)
    np.testing.assert_allclose(np.reshape(fit.lines[2].get_data(), (2, -1)), [data.x.ravel(), data.y.ravel()])
    assert found["ratio"] == pytest.approx(found["sharpness"][-30:].mean() / 19) and found["ratio"] < 0.6
    assert f"{10 * round(10 * found['ratio'])} % of the edge, 19" in figure.alt() and "of 300 steps" in figure.alt()
    assert "within a tenth of the edge, 38: it stays there" in Edge().alt()
    assert found["swing"].mean() == pytest.approx(0, abs=1e-12) and np.ptp(found["swing"]) > 0


@pytest.mark.parametrize("state", [{"steps": 0}, {"steps": 7, "nesterov": True}, {"beta": 0.0, "steps": 30}, {"lr": 0.5}])
def test_every_state_has_a_picture_and_words(state):
    figure = Edge(**{"steps": 200, **state})
    assert len(figure.picture().axes) == 4 and any(c.isdigit() for c in figure.alt()) and len(figure.alt()) > 60
