"""The digits: the table they rest on, the browser's networks against NumPy's, the ink on the pad, and what the picture says."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import networks, rules
from momentum_lib.widgets import Digits, digits_table
from momentum_lib.widgets import digits as figure
from momentum_lib.widgets.digits_table import BATCHES, LEARNT, MOMENTA, SHOWN, SIZES, STEPS, falling, load, picture, pixels

MODULES = {"net": "network", "digits": "digits", "ink": "digits/ink"}
PEN = """const arc = (x, y, w, h, a, b) => Array.from({ length: 25 }, (_, k) => {
  const t = ((a + ((b - a) * k) / 24) * Math.PI) / 180; return [x + w * Math.cos(t), y + h * Math.sin(t)]; });
const HANDS = [
  [arc(4, 4, 2, 3, -90, 270)], [[[3, 2], [4.2, 1], [4.2, 7]]],
  [[...arc(4, 2.6, 1.8, 1.7, -170, 40), [2.3, 6.8], [6, 6.8]]],
  [[...arc(3.9, 2.4, 1.6, 1.5, -150, 80), ...arc(3.9, 5.3, 1.8, 1.6, -80, 150)]],
  [[[4.6, 1], [2, 4.8], [6, 4.8]], [[5, 3], [5, 7]]],
  [[[5.6, 1], [2.8, 1], [2.6, 3.6], ...arc(3.9, 5, 1.8, 1.8, -110, 140)]],
  [[[4.8, 1], [3, 3.4], ...arc(4, 5.2, 1.6, 1.7, -160, 200)]],
  [[[2.2, 1], [5.8, 1], [3.6, 7]], [[3, 4], [5.4, 4]]],
  [[...arc(4, 2.5, 1.3, 1.4, 90, 450), ...arc(4, 5.5, 1.6, 1.6, -90, 270)]],
  [[...arc(4, 2.8, 1.6, 1.7, 0, 360), [5.6, 2.8], [5.2, 7]]]];"""


def state(**changes):
    return json.dumps({"batch": "32", "momentum": "0.9", "sample": 0, "drawing": "", "seed": 1, **changes})


# -- the table --------------------------------------------------------------------------------


def stored(batch, momentum):
    side = load()[1][batch][momentum]
    return side, np.array([[np.inf if loss is None else loss for loss in row] for row in side["losses"]])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("momentum", MOMENTA)
def test_each_sides_rate_is_its_best_and_stands_inside_its_grid(batch, momentum):
    side, losses = stored(batch, momentum)
    best = int(losses.mean(axis=1).argmin())
    assert side["best"] == side["rates"][best] and 2 <= best <= len(side["rates"]) - 3
    assert side["rates"] == digits_table.grid(MOMENTA[momentum])
    k = (len(batch) + len(momentum)) % 3  # one seed at the best rate, anew
    again = digits_table.held_out_losses(batch, MOMENTA[momentum], [side["best"]], digits_table.SEEDS[k : k + 1])
    assert again[0, 0] == pytest.approx(losses[best, k], rel=1e-4)


def test_a_whole_side_is_searched_anew():
    side, losses = stored("32", "0.9")
    again = digits_table.held_out_losses("32", 0.9, side["rates"])
    np.testing.assert_allclose(again.mean(axis=1)[4:12], losses.mean(axis=1)[4:12], rtol=1e-4)
    assert side["rates"][int(again.mean(axis=1).argmin())] == side["best"]


def test_the_digits_are_scikit_learns_and_the_held_out_ones_are_not_among_them():
    parts, data = load()[0], networks.digits(LEARNT, digits_table.HELD_OUT)
    learnt, shown, mean = figure._data()
    np.testing.assert_allclose(learnt.x, data.train.x, atol=1e-15)
    np.testing.assert_allclose(shown.x, data.test.x[:SHOWN], atol=1e-15)
    assert np.array_equal(learnt.y, data.train.y) and np.array_equal(shown.y, data.test.y[:SHOWN])
    np.testing.assert_allclose(mean, data.mean, atol=1e-15)
    held = {picture(np.rint((x + data.mean) * 16)) for x in data.held_out.x}
    assert digits_table.rows() == parts
    assert len(parts["learnt"]["x"]) == LEARNT and not held & {*parts["learnt"]["x"], *parts["shown"]["x"]}


def test_the_table_knows_when_it_is_stale(monkeypatch, tmp_path, capsys):
    assert digits_table.main(["--check"]) == 0 and digits_table.main(["twice"]) == 2
    text, now = digits_table.TABLE.read_text("utf-8"), digits_table.digest()
    assert digits_table.write(digits_table.rows(), load()[1]) == text
    stale = tmp_path / "digits.js"
    stale.write_text(text.replace(digits_table.written(), "0" * 16), "utf-8")
    monkeypatch.setattr(digits_table, "TABLE", stale)
    assert digits_table.main(["--check"]) == 1 and "run make generate" in capsys.readouterr().err
    monkeypatch.setattr(digits_table, "digest", lambda: now)
    monkeypatch.setattr(digits_table, "sides", load()[1].copy)  # a minute
    assert digits_table.main([]) == 0 and stale.read_text("utf-8") == text


def test_letters_are_grey_values():
    assert pixels(picture(range(17)) + "0" * 47).tolist() == [*range(17), *[0] * 47]
    for wrong in ("0" * 63, "h" * 64, ""):
        with pytest.raises(ValueError, match="64 of the letters"):
            pixels(wrong)


# -- the browser's networks -------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "size", "steps", "seed"), [(300, 32, 40, 3), (10, 3, 8, 5), (7, 7, 3, 0)])
def test_batches_are_the_same_in_the_browser(js, rows, size, steps, seed):
    assert js(f"[...net.batches({rows}, {size}, {steps}, {seed})]") == networks.batches(rows, size, steps, seed).ravel().tolist()


@pytest.mark.parametrize(("batch", "steps"), [("4", 50), ("32", 50), ("all", 12)])
def test_fifty_steps_are_numpys(js, batch, steps):
    """Both networks from the same start on the same digits, each at its own falling rate: to 1e-9."""
    found = js(
        f"""(() => {{ const out = {{}}; for (const which of ["plain", "momentum"]) {{
        const one = digits.begin(which, {state(batch=batch, seed=4)}); for (let k = 0; k < {steps}; k++) digits.step(one);
        out[which] = {{ theta: [...one.theta], judged: one.judged, points: one.points.length, lr: one.lr }}; }}
        return out; }})()"""
    )
    net, (learnt, shown, _) = networks.Network(SIZES, "cross-entropy"), figure._data()
    for which, momentum in (("plain", "0"), ("momentum", "0.9")):
        lr = load()[1][batch][momentum]["best"]
        run = networks.train(
            net, learnt, rules.heavy_ball, net.start(4), steps,
            batch=BATCHES[batch], seed=4, lr=lr * falling()[:steps], beta=MOMENTA[momentum],
        )  # fmt: skip
        np.testing.assert_allclose(found[which]["theta"], run.theta, rtol=1e-9, atol=1e-10)
        assert found[which]["lr"] == lr and found[which]["points"] == steps + 1
        last = found[which]["judged"][steps // figure.EVERY]
        if steps % figure.EVERY == 0:
            assert last["loss"] == pytest.approx(net.loss(run.theta, shown), rel=1e-9)
            assert last["right"] == net.accuracy(run.theta, shown)


def test_what_is_learnt_is_one_training_of_all_steps():
    """Thirty trainings of four steps, each going on where the last ended, on the batches of one."""
    net, (learnt, _, _) = networks.Network(SIZES, "cross-entropy"), figure._data()
    lr = load()[1]["32"]["0.9"]["best"] * falling()
    run = networks.train(net, learnt, rules.heavy_ball, net.start(2), STEPS, batch=32, seed=2, lr=lr, beta=0.9)
    points = figure.trained.__wrapped__("32", "0.9", 2)
    assert points.shape == (STEPS // figure.EVERY + 1, net.count) and np.array_equal(points[-1], run.theta)
    assert lr[0] == load()[1]["32"]["0.9"]["best"] and lr[-1] == pytest.approx(lr[0] / STEPS)


def test_both_networks_learn_to_read():
    found = Digits().numbers()
    for which in ("plain", "momentum"):
        assert found["right"][which][0] < 0.3 and found["right"][which][-1] > 0.88
        assert found["losses"][which][-1] < 0.25 and found["shares"][which].sum() == pytest.approx(1)
        assert found["shares"][which].argmax() == int(load()[0]["shown"]["y"][0]) and found["shares"][which].max() > 0.9
    assert abs(found["right"]["plain"][-1] - found["right"]["momentum"][-1]) < 0.06
    assert Digits(momentum="0.99").numbers()["losses"]["momentum"][-1] > found["losses"]["momentum"][-1]


# -- the ink ----------------------------------------------------------------------------------


def test_ten_hands_are_read_right_wherever_and_however_large_they_write(js):
    found = js(
        f"""(() => {{ {PEN} const two = ["plain", "momentum"].map((which) => {{ const one = digits.begin(which, {state()});
          for (let k = 0; k < 120; k++) digits.step(one); return one; }});
        const best = (z) => z.indexOf(Math.max(...z));
        const placed = (strokes, size, x, y) => strokes.map((s) => s.map((p) => [x + size * p[0], y + size * p[1]]));
        return [[1, 0, 0], [0.4, 4, 4.5], [0.6, 0, 1]].map((where) => two.map(({{ theta }}) =>
          HANDS.map((strokes) => best(digits.read(theta, ink.ink(ink.fit(placed(strokes, ...where)))))))); }})()"""
    )
    for place in found:
        for reads in place:
            assert sum(digit == read for digit, read in enumerate(reads)) >= 9, reads


def test_ink_counts_what_lies_under_the_pen(js):
    found = js("""({ none: ink.ink([]), line: ink.ink([[[4, 0], [4, 8]]]), dot: ink.ink([[[2.5, 5.5]]]),
        out: ink.ink([[[-3, -3], [-2, -3]]]), wide: ink.fit([[[0, 0], [8, 1]]])[0], dotted: ink.fit([[[1, 1]]])[0][0],
        tall: ink.fit([[[1, 2], [1.5, 4]]])[0], pen: ink.PEN, empty: ink.fit([]) })""")
    assert found["none"] == found["out"] == "0" * 64 and found["empty"] == []
    line = pixels(found["line"]).reshape(8, 8)
    assert (line[:, [3, 4]] == line[0, 3]).all() and line[:, [0, 1, 2, 5, 6, 7]].sum() == 0
    assert line[0, 3] == 12  # three of the four columns of fine pixels whose middles lie within the pen's half width
    dot = pixels(found["dot"]).reshape(8, 8)
    assert dot[5, 2] == 16 and dot.argmax() == 8 * 5 + 2
    (x0, _), (x1, _) = found["wide"]
    assert x1 - x0 == pytest.approx(5.4 - 2 * found["pen"]) and (x0 + x1) / 2 == pytest.approx(4.1)
    (_, y0), (_, y1) = found["tall"]
    assert [y0, y1] == pytest.approx([found["pen"], 8 - found["pen"]])
    assert found["dotted"] == pytest.approx([4.1, 4])


def inked(strokes, pen=0.7):
    """How many of a pixel's sixteen parts have their middle under the pen."""
    y, x = (np.mgrid[:32, :32] + 0.5) / 4
    under = np.zeros((32, 32), bool)
    for stroke in strokes:
        for (ax, ay), (bx, by) in zip([stroke[0], *stroke], stroke):
            long = (bx - ax) ** 2 + (by - ay) ** 2
            part = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (long or 1), 0, 1)
            under |= (x - ax - part * (bx - ax)) ** 2 + (y - ay - part * (by - ay)) ** 2 <= pen**2
    return under.reshape(8, 4, 8, 4).sum((1, 3))


def test_ink_is_every_part_under_the_pen_wherever_strokes_go(js):
    """Strokes of several pieces, across the pad's edges, points, and pieces of no length."""
    draws = np.random.default_rng(2).uniform(-2, 10, (30, 5, 2)).round(3).tolist()
    some = [[stroke[: 1 + k % 5]] for k, stroke in enumerate(draws)] + [draws[:3], [[[0, 0], [8, 8]], [[4, 4], [4, 4]]]]
    found = js(f"{json.dumps(some)}.map(ink.ink)")
    for letters, strokes in zip(found, some, strict=True):
        np.testing.assert_array_equal(pixels(letters).reshape(8, 8), inked(strokes))


def test_a_small_drawing_is_enlarged_six_times_at_most(js):
    (small,), (wide,) = js("[[[[1, 1], [1.5, 1.2]]], [[[1, 1], [3, 1.2]]]].map(ink.fit)")
    np.testing.assert_allclose(small, [[4.1 - 1.5, 4 - 0.6], [4.1 + 1.5, 4 + 0.6]])
    np.testing.assert_allclose(wide, [[4.1 - 2, 4 - 0.2], [4.1 + 2, 4 + 0.2]])


def test_what_is_on_the_pad(js):
    """A drawing that is none leaves the sample there, on both sides; so says the sentence."""
    mine = picture([16, *[0] * 63])
    for drawing, own in ((mine, True), ("", False), ("h" * 64, False), ("0" * 65, False)):
        figure_ = Digits(sample=3, drawing=drawing)
        assert js(f"digits.padOf({state(sample=3, drawing=drawing)})") == (mine if own else load()[0]["shown"]["x"][3])
        assert figure_._pad() == ((mine, False) if own else (load()[0]["shown"]["x"][3], True))
        assert ("The digit on the pad is read" in figure_.alt()) == own
    words = js(
        f"""(() => {{ const s = {state(sample=3)};
        const pair = {{ plain: digits.begin("plain", s), momentum: digits.begin("momentum", s) }};
        const shares = {{ plain: [0, 0.75, 0.25], momentum: [0.4, 0, 0.6] }};
        return [digits.sentence(pair, 0, s, shares), digits.sentence(pair, 0, {{ ...s, drawing: "{mine}" }}, shares)]; }})()"""
    )
    label = load()[0]["shown"]["y"][3]
    assert f"This test digit, a {label}, is read as 1 (75 %) without and as 2 (60 %) with it." in words[0]
    assert "What is on the pad is read as 1 (75 %)" in words[1] and "After 0 steps of 32 digits" in words[1]
    assert "rate 2.98" in words[0] and "0.174" in words[0]


# -- on paper ---------------------------------------------------------------------------------


def test_the_picture_is_drawn_where_its_numbers_say():
    found, drawn = Digits(sample=5).numbers(), Digits(sample=5).picture()
    pad, bars, loss = drawn.axes
    np.testing.assert_allclose(pad.images[0].get_array()[..., 3] * 16, pixels(load()[0]["shown"]["x"][5]).reshape(8, 8))
    assert pad.images[0].origin == "upper"
    widths = [bar.get_width() for bar in bars.patches]
    np.testing.assert_allclose(widths, [*found["shares"]["plain"], *found["shares"]["momentum"]])
    for line, which in zip(loss.lines, ("plain", "momentum"), strict=True):
        np.testing.assert_allclose(line.get_data(), [np.arange(0, STEPS + 1, 4), found["losses"][which]])
    alt = Digits(sample=5).alt()
    assert f"{round(100 * found['right']['plain'][-1])} of 100" in alt and f"a {load()[0]['shown']['y'][5]}" in alt


def test_every_digit_shown_can_be_chosen():
    assert len(load()[0]["shown"]["y"]) == Digits.spec()["sample"]["max"] + 1 == SHOWN
