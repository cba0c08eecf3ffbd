"""The shape of a memory: its weights and numbers against the theory, and the browser's against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import rules, theory
from momentum_lib.widgets import Kernel
from momentum_lib.widgets.kernel import SAME, SHOWN

MODULES = {"kernel": "kernel"}
STATES = {
    "first": {},
    "one": {"shape": "one", "age": 9},
    "none": {"shape": "one", "age": 0},
    "nesterov": {"young": 0, "old": 19, "share": 0.95, "same": "newest"},
    "lion": {"young": 0, "old": 99, "share": 10 / 11, "same": "edge"},
    "ageing": {"shape": "ageing", "young": 3, "old": 19, "share": 1, "end": 0.2, "progress": 0.25, "same": "noise"},
}


@pytest.mark.parametrize("name", STATES)
def test_weights_and_numbers_are_the_theorys(name):
    figure = Kernel(**STATES[name])
    share, young, old = figure.memory
    mixture, found = ([1 - share, share], [young, old]), figure.numbers()
    np.testing.assert_allclose(found["weights"], theory.kernel_weights(*mixture, SHOWN + 1), rtol=1e-12)
    np.testing.assert_allclose(found["aged"], share * theory.kernel_weights([1.0], [old], SHOWN + 1), rtol=1e-12)
    np.testing.assert_allclose(found["dashed"], theory.kernel_weights([1.0], [found["one"]], SHOWN + 1), rtol=1e-12)
    for key, ask in (
        ("age", theory.mixture_age),
        ("newest", theory.newest_weight),
        ("edge", theory.mixture_edge),
        ("noise", theory.kept_noise),
    ):
        assert found[key] == pytest.approx(ask(*mixture), rel=1e-12)
        assert found["beside"][key] == pytest.approx(ask([1.0], [found["one"]]), rel=1e-12)


def test_the_one_beside_it_has_one_number_in_common():
    """For a mixture that one only: the other three differ."""
    for same in SAME:
        found = Kernel(same=same).numbers()
        agree = [name for name in SAME if found[name] == pytest.approx(found["beside"][name], rel=1e-9)]
        assert agree == [same]
        alone = Kernel(shape="one", same=same).numbers()
        assert alone["one"] == pytest.approx(19) and [alone[k] for k in SAME] == pytest.approx([alone["beside"][k] for k in SAME])


def test_the_bars_are_what_a_run_of_the_rule_remembers():
    """One average of mean age 9 is averaged_momentum's memory at .9, gradient by gradient."""
    m, out = np.zeros(1), []
    for k in range(SHOWN + 1):
        _, m = rules.averaged_momentum(np.zeros(1), np.array([float(k == 0)]), m, lr=0.0, beta=0.9)
        out.append(m[0])
    np.testing.assert_allclose(Kernel(**STATES["one"]).numbers()["weights"], out, rtol=1e-12)


def test_an_ageing_memorys_share_moves_from_its_first_to_its_last():
    shares = [Kernel(shape="ageing", share=0.9, end=0.1, progress=p).memory[0] for p in (0, 0.25, 1)]
    assert shares == pytest.approx([0.9, 0.7, 0.1])
    assert Kernel(shape="two", share=0.9, end=0.1, progress=1).memory == (0.9, 3, 35)


def test_words_carry_the_numbers():
    assert "Two averages of mean age 3 and 35 steps, 50% of the second. Mean age 19 steps" in Kernel().alt()
    assert "counts 0.139, the stability edge is 25.5 and 0.0521" in Kernel().alt()
    assert "mean age these are 19, 0.05, 78 and 0.0256" in Kernel().alt()
    assert "momentum 0.9." in Kernel(**STATES["one"]).alt() and "At 25% of the run" in Kernel(**STATES["ageing"]).alt()


def test_the_picture_is_drawn_where_its_numbers_say():
    found = Kernel().numbers()
    weights, ratios = Kernel().picture().axes
    low, high = weights.containers
    assert [bar.get_height() for bar in low] == pytest.approx(list(found["aged"]))
    assert [bar.get_y() + bar.get_height() for bar in high] == pytest.approx(list(found["weights"]))
    dashed, balance = weights.lines
    np.testing.assert_allclose(dashed.get_ydata(), found["dashed"])
    assert balance.get_xdata()[0] == found["age"]
    dots = [line.get_xdata()[0] for line in ratios.lines[1 : 2 * len(SAME) : 2]]
    assert dots == pytest.approx([found[name] / found["beside"][name] for name in SAME])


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("name", STATES)
def test_the_same_in_the_browser(js, name):
    figure = Kernel(**STATES[name])
    mine = figure.numbers()
    theirs = js(f"kernel.compute({json.dumps(figure.state())})")
    lists = {key: list(theirs[key].values()) for key in ("weights", "aged", "dashed")}
    for key, values in lists.items():
        np.testing.assert_allclose(values, mine[key], rtol=1e-12, atol=1e-300)
    assert theirs["found"] == pytest.approx({key: mine[key] for key in SAME}, rel=1e-12)
    assert theirs["beside"] == pytest.approx(mine["beside"], rel=1e-12)
    assert [theirs["share"], theirs["one"]] == pytest.approx([mine["share"], mine["one"]], rel=1e-12, abs=1e-12)


def test_words_in_the_browser(js):
    """The sentence has the state's numbers, and compares with the average that is drawn."""
    assert js("kernel.SAME") == SAME

    def says(**state):
        state = json.dumps(Kernel(**state).state())
        return js(f"kernel.sentence({state}, kernel.compute({state}))").replace("\u00a0", " ")

    assert says() == (
        "A mean age of 19 steps, made of 3 (50 %) and 35 (50 %): the newest gradient counts 13.9 %, the edge is 25.5, "
        "the noise kept 5.2 %. In one average of the same mean age: 5 %, 78, 2.6 %."
    )
    assert "that keeps as much noise, of mean age 9.11: 9.9 %, 38.4, 5.2 %." in says(same="noise")
    assert says(shape="one").startswith("One average, momentum 0.95: its mean age of 19 steps says all the rest.")
    assert says(**STATES["ageing"]).startswith("At 25 % of the run a mean age of 15.8 steps, made of 3 (20 %) and 19 (80 %)")
