"""The scale calculator and the memory figure: their numbers against the library, and the browser's arithmetic against
Python's."""

import itertools
import json
import re

import pytest

pytest.importorskip("anywidget")
from momentum_lib import scale
from momentum_lib.scale.state import count, size
from momentum_lib.widgets import Memory, Scale, bundle

MODULES = {"scale": "scale", "memory": "memory", "units": "kit/units"}


# -- the calculator ---------------------------------------------------------------------------


def test_first_picture_is_zeros_own_example():
    found = Scale().numbers()
    assert [size(total) for total in found["totals"]] == ["120 GB", "31.4 GB", "16.6 GB", "1.88 GB"]
    assert found["line"] == "7.5 billion × (2 + 2 + (4 + 4 + 4)/64) bytes = 31.4 GB"
    assert found["fits"] == {"80 GB": True, "141 GB": True} and found["per_parameter"] == 4.1875


@pytest.mark.parametrize("stage", range(4))
def test_the_axis_holds_both_cards_and_the_chosen_bar(stage):
    for parameters in (1e7, 7e9, 1e12):
        found = Scale(parameters=parameters, stage=stage, gpus=16).numbers()
        assert found["reach"] >= max(max(scale.CARDS.values()), found["totals"][stage])


def test_words_say_which_card_is_too_small(js):
    assert Scale(parameters=70e9, gpus=64, stage=1).alt().endswith("stage 1 fits no card.")
    assert Scale(parameters=20e9, gpus=64, stage=1).alt().endswith("stage 1 fits a card of 141 GB.")
    capacities = list(scale.CARDS.values())
    assert js(f"[{capacities[0] / 2}, {capacities[0] + 1}, {capacities[1] + 1}].map(scale.fitting)") == [
        "It fits a card of 80 GB and one of 141 GB.",
        "It fits a card of 141 GB; 80 GB is too small.",
        "It fits no card: 80 GB and 141 GB are too small.",
    ]
    assert "on one GPU" in Scale(gpus=1, stage=0).alt() and "on each of 8 GPUs" in Scale(gpus=8).alt()


@pytest.mark.parametrize(("optimiser", "precision"), itertools.product(scale.MENU, scale.PRECISIONS))
def test_calculator_is_the_same_in_the_browser(js, optimiser, precision):
    states = [(p, g) for p in (1.24e8, 7e9, 405e9, 1e12) for g in (1, 8, 4096)]
    asked = [{"parameters": p, "optimiser": optimiser, "precision": precision, "gpus": g} for p, g in states]
    found = js(
        f"{json.dumps(asked)}.map((s) => [0, 1, 2, 3].map((k) => {{ const m = scale.memory(s, k); "
        "return [m.bytes, m.perParameter, m.total, scale.arithmetic(m.kept, s.parameters, s.gpus, m.total).map(([t]) => "
        "t).join('')]; }))"
    )
    for state, stages in zip(asked, found, strict=True):
        for stage, (each, per_parameter, total, line) in enumerate(stages):
            mine = Scale(**state, stage=stage).memory()
            assert each == pytest.approx(list(mine.bytes.values()), rel=1e-12)
            assert (per_parameter, total) == (pytest.approx(mine.per_parameter, rel=1e-12), pytest.approx(mine.total, rel=1e-12))
            assert line == mine.line


def test_numbers_in_words_are_the_same_in_the_browser(js):
    values = [1, 301.03, 12, 999.4, 999.6, 1e3, 1.125e9, 1.625e9, 9.995e8, 31.40625e9, 7.5e9, 1e12, 1.6e13, 2.2e15, 0.5]
    assert js(f"{json.dumps(values)}.map((v) => [units.size(v), units.count(v)])") == [[size(v), count(v)] for v in values]
    assert (count(301.03), count(999.6)) == ("301", "1 thousand")


def test_the_browsers_tables_are_the_librarys(js):
    text = (bundle.JS / "generated" / "scale.js").read_text(encoding="utf-8")
    assert "Infinity" not in text and "NaN" not in text
    assert js("memory.published().map((row) => row.name)") == list(Memory().numbers()["rows"])


# -- memory in tokens -------------------------------------------------------------------------


def test_rows_are_the_runs_that_state_both_numbers():
    rows = Memory().numbers()["rows"]
    runs = {run.name: run for run in scale.runs("momentum", "tokens_per_step")}
    assert set(rows) == set(runs) and len(rows) == 8
    for name, row in rows.items():
        assert row["momentum"] == scale.half_life(runs[name].momentum, runs[name].tokens_per_step)
        assert row["squares"] == scale.half_life(runs[name].beta2, runs[name].tokens_per_step)
    tokens = [runs[name].tokens_per_step for name in rows]
    assert tokens == sorted(tokens)


def test_the_title_of_the_chapter():
    """DeepSeek-V4's 0.95 remembers 154 times as many tokens as nanoGPT's."""
    rows = Memory().numbers()["rows"]
    assert rows["DeepSeek-V4"]["momentum"] / rows["nanoGPT"]["squares"] == pytest.approx(153.6, abs=0.05)


def test_extreme_memories_have_a_picture(tmp_path):
    for state in ({"beta": 0.0001, "tokens": 1e3}, {"beta": 0.999999, "tokens": 1e9}):
        figure = Memory(**state)
        figure.picture().savefig(tmp_path / "extreme.svg")
        assert re.search(r"lies at [\d.]+( trillion)?\.", figure.alt()), figure.alt()


def test_half_lives_are_the_same_in_the_browser(js):
    betas, tokens = [0.0001, 0.5, 0.95, 0.999999], [1e3, 491520, 1e9]
    found = js(
        f"{betas}.map((b) => {tokens}.map((t) => [memory.halfLife(b, t), memory.betaFor(memory.halfLife(b, t), t), "
        f"memory.sameMemory(b, 2 * t, t)]))"
    )
    for beta, row in zip(betas, found, strict=True):
        for t, (life, back, moved) in zip(tokens, row, strict=True):
            assert life == pytest.approx(scale.half_life(beta, t), rel=1e-12) and back == pytest.approx(beta, rel=1e-9)
            assert moved == pytest.approx(scale.same_memory(beta, 2 * t, t), rel=1e-12)
    rows = js("memory.published()")
    for row in rows:
        mine = Memory().numbers()["rows"][row["name"]]
        assert (row["momentum"], row["squares"]) == (pytest.approx(mine["momentum"]), pytest.approx(mine["squares"]))
