"""The record browser: what it takes from a record, what it shows of it, and the browser's arithmetic against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
import traitlets

from momentum_lib import records, rules
from momentum_lib.widgets import Curves
from momentum_lib.widgets.curves import (
    EXPERIMENTS,
    POINTS,
    apart,
    example,
    excerpt,
    excerpts,
    heading,
    losers,
    named,
    smooth,
    strengths,
    thinned,
    together,
)

MODULES = {"curves": "curves"}


def run(side, seed, lr=0.1, role="judge", n=120, ends=True):
    """A row as a record has it: a falling curve of ``n`` points every 10 steps, cut short where the run diverged."""
    values = [3 + seed % 100 / 10 + 2 / (1 + lr * k) for k in range(n)]
    evaluations = [[10 * n // 2, values[n // 2]], [10 * n, values[-1]]]
    return {
        "role": role, "side": side, "rule": side.split(" ")[0], "lr": lr, "seed": seed,
            "curve": [[10 * k + 10, v] for k, v in enumerate(values)],
        "evaluations": evaluations if ends else evaluations[:1], "held_out": values[-1] if ends else None,
    }  # fmt: skip


def record(sides, experiment="momentum", **odd):
    rows = [
        row
        for side in sides
        for row in [run(side, 100, lr, "tune") for lr in (0.05, 0.1, 0.2)] + [run(side, s) for s in range(1, 6)]
    ]
    return {"experiment": experiment, "family": "cpu", "rows": [*rows, *odd.get("more", [])]}


GRID = record([f"{rule} {beta}" for rule in ("heavy_ball", "adamw") for beta in ("0", "0.9", "0.99")])
CONTEST = record(["gradient_descent", "adamw", "muon"], "best")


# -- what is taken from a record --------------------------------------------------------------


def test_thinning_keeps_means_over_equally_many_steps():
    """Every k-th value alone would let the reader judge by which steps happened to be kept."""
    curve = [[10, 1.0], [20, 3.0], [30, 5.0], [40, 6.0], [50, 100.0]]
    assert thinned(curve, 2) == [[20, 2.0], [40, 5.5]]
    assert thinned(curve, 1) == curve


def test_an_excerpt_has_every_seed_and_every_setting():
    found = excerpt(GRID)
    assert (found["title"], len(found["sides"])) == ("momentum, cpu", 6)
    assert len(found["steps"]) == 40 <= POINTS and found["steps"][0] == 30 and found["steps"][-1] == 1200
    side = found["sides"][1]
    assert (side["name"], side["title"], side["group"], side["of"], side["lr"]) == (
        "heavy_ball 0.9",
        "momentum 0.9",
        "heavy_ball",
        "Heavy ball",
        0.1,
    )
    assert len(side["training"]) == len(side["ends"]) == 5 and [lr for lr, *_ in side["tried"]] == [0.05, 0.1, 0.2]
    whole = np.array([[value for _, value in run("heavy_ball 0.9", seed)["curve"]] for seed in range(1, 6)])
    np.testing.assert_allclose(side["training"], whole.reshape(5, 40, 3).mean(-1), rtol=5e-4)
    assert excerpt(CONTEST)["sides"][2]["group"] == ""
    assert all(len(repr(value)) <= 6 for curve in side["training"] for value in curve)  # four digits and a point


@pytest.mark.parametrize(
    "side, hyper, told",
    [
        ("muon", {"beta": 0.9}, ("Muon", "", "Muon")),
        ("adamw 0", {}, ("momentum 0", "adamw", "AdamW")),
        ("heavy_ball none", {"beta": 0.0}, ("no momentum", "heavy_ball", "Heavy ball")),
        ("muon momentum", {"beta": 0.8, "adamw_beta1": 0.8}, ("momentum 0.8", "muon", "Muon")),
        ("lion both 0.5", {}, ("momentum 0.5", "lion both", "Lion, both numbers")),
        ("lion beta2 0.99", {}, ("beta2 0.99", "lion beta2", "Lion, beta2 alone")),
        ("muon 0.9, adamw beside it 0", {}, ("momentum 0.9, beside it 0", "muon", "Muon")),
    ],
)
def test_a_side_is_named_by_what_it_varies(side, hyper, told):
    assert named(side, side.split(" ")[0], hyper) == told


def test_a_setting_that_lost_is_any_but_the_best_even_at_the_same_rate(js):
    tried = [[0.1, [3.0], 2.5], [0.1, [4.0], 2.1], [0.2, [5.0], None], [0.05, [6.0], 2.1]]
    assert [curve for _, curve, _ in losers(tried)] == [[3.0], [5.0], [6.0]]
    assert len(losers([[0.1, [3.0], None]])) == 1
    assert js(f"curves.losers({{ tried: {json.dumps(tried)} }}).map(([, curve]) => curve)") == [[3.0], [5.0], [6.0]]


def test_a_diverged_run_is_cut_short_and_counted():
    rows = [row for row in CONTEST["rows"] if not (row["side"] == "muon" and row["seed"] == 3)]
    figure = Curves(runs=excerpts({**CONTEST, "rows": [*rows, run("muon", 3, n=60, ends=False)]}))
    muon = figure.numbers()["sides"][2]
    assert len(muon["mean"]) == 20 and muon["diverged"] == 1 and muon["value"] is None
    assert "Muon: diverged." in figure.alt() and "Held out at the end, Gradient descent is lowest: " in figure.alt()
    figure.at = 0.2
    assert figure.numbers()["sides"][2]["value"] is not None
    assert figure.best()[0] != "Muon"


# -- what is shown of it ----------------------------------------------------------------------


def test_smoothing_is_chapter_twos_corrected_average():
    values = np.array([4.0, 2.0, 1.0, 3.0])
    by_hand, kept = [], 0.0
    for k, value in enumerate(values, 1):
        kept = 0.8 * kept + 0.2 * value
        by_hand.append(kept / (1 - 0.8**k))
    np.testing.assert_allclose(smooth(values, 0.8), by_hand, rtol=1e-14)
    np.testing.assert_array_equal(smooth(values, 0.0), values)
    np.testing.assert_allclose(smooth(np.ones(30), 0.95), 1, rtol=1e-13)


def test_mean_and_band_of_the_seeds():
    mean, low, high = together([[1.0, 5.0], [3.0, 4.0], [5.0, 0.0, 7.0]])
    assert (mean.tolist(), low.tolist(), high.tolist()) == ([3, 3], [1, 0], [5, 5])


def test_rule_and_sides_are_chosen_by_name():
    runs = excerpts(GRID, CONTEST)
    one = {"runs": runs, "experiment": "momentum, cpu"}
    assert [side["name"] for side in Curves(**one).chosen()[1]] == ["heavy_ball 0", "heavy_ball 0.9", "heavy_ball 0.99"]
    assert Curves(runs=runs).chosen()[0]["title"] == "best, cpu"  # whatever order they were given in
    assert [side["name"] for side in Curves(**one, rule="adamw", sides="adamw 0.99").chosen()[1]] == ["adamw 0.99"]
    assert [side["name"] for side in Curves(runs=runs, experiment="best, cpu").chosen()[1]] == [
        "gradient_descent",
        "adamw",
        "muon",
    ]
    assert Curves(runs=runs, experiment="no such", rule="no such", sides="no such").numbers()["step"] == 1200


def test_losing_settings_on_demand():
    figure = Curves(runs=excerpts(CONTEST))
    assert figure.numbers()["sides"][0]["losers"] == []
    figure.losing = True
    assert [len(curve) for curve in figure.numbers()["sides"][0]["losers"]] == [40, 40]  # three tried, one of them won


def test_words_tell_the_numbers():
    figure = Curves(runs=excerpts(GRID), beta=0.5, quantity="held out")
    ends = np.mean([run("heavy_ball 0", seed)["held_out"] for seed in range(1, 6)])
    assert figure.numbers()["sides"][0]["end"] == pytest.approx(ends, rel=1e-3)
    assert figure.alt().startswith(
        "Loss against the step in “Momentum 0 to 0.99, four rules”, Heavy ball. "
        "Smoothed held-out loss at step 1200: momentum 0: 3."
    )
    assert figure.numbers()["half_life"] == pytest.approx(600)


@pytest.mark.parametrize("axes", ["linear", "log loss", "log both"])
def test_the_picture_draws_means_bands_and_losers(axes):
    figure = Curves(runs=excerpts(GRID), axes=axes, losing=True)
    (ax,) = figure.picture().axes
    found, drawn = figure.numbers(), [line for line in ax.lines if line.get_label().startswith("momentum")]
    assert len(drawn) == 3 and len(ax.collections) == 3 and len(ax.lines) == 3 + 3 * 2 + 1
    for row, line in zip(found["sides"], drawn, strict=True):
        np.testing.assert_allclose(line.get_ydata(), row["mean"])
    assert (ax.get_yscale(), ax.get_xscale()) == {
        "linear": ("linear", "linear"),
        "log loss": ("log", "linear"),
        "log both": ("log", "log"),
    }[axes]
    assert len({(line.get_color(), line.get_alpha()) for line in drawn}) == 3
    names = {text.get_text(): text.get_position()[1] for text in ax.texts}
    ends = {side["title"]: row["mean"][-1] for side, row in zip(figure.chosen()[1], found["sides"], strict=True)}
    assert sorted(names, key=names.get) == sorted(ends, key=ends.get)  # the names stand in the order of the curves' ends


def test_a_family_is_a_ramp_and_a_contest_keeps_its_colours(js):
    """Five momenta were five dash patterns of one colour, named in a table alone."""
    many = excerpt(record([f"heavy_ball {beta}" for beta in (0, 0.5, 0.9, 0.95, 0.99)]))["sides"]
    assert [side["look"] for side in many] == ["ink"] + ["momentum"] * 4 and {side["dash"] for side in many} == {""}
    np.testing.assert_allclose(strengths(many), [1, 0.4, 0.6, 0.8, 1])
    found = js(f"{json.dumps(many)}.map((side, k, all) => curves.shade(all, k))")
    lighter = [45, 10]  # per cent of the page, then of ink
    assert found[0] == "" and [f"var(--lf-page) {share}%" in shade for share, shade in zip(lighter, found[1:])] == [True, True]
    assert "var(--lf-ink) 25%" in found[3] and "var(--lf-ink) 60%" in found[4]
    contest = excerpt(CONTEST)["sides"]
    assert js(f"{json.dumps(contest)}.map((side, k, all) => curves.shade(all, k))") == ["", "", ""] and set(
        strengths(contest)
    ) == {1}


@pytest.mark.parametrize("wanted", [[5.0], [10, 11, 12, 90], [0, 0, 0, 0, 0], [99, 50, 98, 2], [3, 30, 29, 31, 100, 100]])
def test_names_keep_apart_in_their_order_and_move_no_more_than_they_must(js, wanted):
    found = apart(wanted, 15, 0, 100)
    np.testing.assert_allclose(js(f"curves.apart({wanted}, 15, 0, 100)"), found)
    in_order = found[np.argsort(wanted, kind="stable")]
    assert in_order[0] >= -1e-9 and in_order[-1] <= 100 + 1e-9 and (np.diff(in_order) >= 15 - 1e-9).all()
    if len(wanted) == 1 or min(np.diff(sorted(wanted))) >= 15:
        np.testing.assert_allclose(found, wanted)


def test_without_runs_an_example_is_shown_and_it_is_a_contest_at_each_sides_best():
    part = next(iter(example().values()))
    for side in part["sides"]:
        assert side["lr"] == min(side["tried"], key=lambda tried: tried[2])[0] not in (0.001, 0.06)
        assert len(side["training"]) == 5 and side["title"] == rules.get(side["name"]).title
    assert Curves().runs == example()


@pytest.mark.parametrize("bad", [[], 3, {"a": {}}, {"a": {**next(iter(example().values())), "sides": [{"name": "x"}]}}])
def test_other_data_is_refused(bad):
    with pytest.raises(traitlets.TraitError, match="excerpts"):
        Curves().runs = bad


def test_the_state_stays_small():
    """A page carries 450 kB in all, gzipped; a record of 220 runs may take a tenth of that."""
    import gzip

    large = record([f"{rule} {b}" for rule in ("heavy_ball", "adamw", "lion", "muon") for b in (0, 0.5, 0.9, 0.95, 0.99)])
    rng = np.random.default_rng(0)
    for row in large["rows"]:
        row["curve"] = [[step, value + 0.05 * rng.standard_normal()] for step, value in row["curve"]]
    assert len(gzip.compress(Curves(runs=excerpts(large))._repr_html_().encode())) < 45_000


RECORDS = [record for record in map(records.load, [path.stem for path in sorted(records.FOLDER.glob("*.json"))])
           if records.KINDS[record["experiment"]].curves]  # fmt: skip


def test_every_record_has_a_title_that_says_what_it_asks_and_a_place():
    """The menu had file names, such as "worth, nano-8x200"."""
    assert set(EXPERIMENTS) == {name for name, kind in records.KINDS.items() if kind.curves}
    found = [heading(record) for record in RECORDS]
    labels = [one["label"] for one in sorted(found, key=lambda one: one["place"])]
    assert len(set(labels)) == len(labels) == len(RECORDS)
    assert labels[0] == "Worth: pico, 2 windows, 200 steps" and "{" not in "".join(labels)
    assert labels.index("Worth: nano, 8 windows, 800 steps") < labels.index("Worth: nano, 32 windows, 50 steps")
    for record, one in zip(RECORDS, found, strict=True):
        assert record["family"] not in one["label"] and one["kind"]
    kinds = [one["kind"] for one in sorted(found, key=lambda one: one["place"])]
    assert sum(a != b for a, b in zip(kinds, kinds[1:])) == len(set(kinds)) - 1  # each group stands together
    gpu = heading({**RECORDS[0], "family": "gpu"})
    assert gpu["label"] == found[0]["label"] + ", gpu"


def test_the_chapters_first_figure_says_its_chapters_number():
    """It said 2.182 and 2.117, smoothed training losses that it did not call so, below a title that says 0.079."""
    figure = Curves(runs=excerpts(*RECORDS), experiment="worth, nano-8x200", rule="muon", beta=0.5)
    worth = records.load("worth-nano-8x200")["summary"]["momentum_beside_none"]
    exact = next(row["mean"] for row in worth if row["side"] == "muon momentum")
    assert f"{abs(exact):.3f}" == "0.079"
    assert figure.sentence() == (
        "Smoothed training loss at step 200: no momentum: 2.182; momentum 0.8: 2.117. "
        "Held out at the end: 2.290 and 2.211, 0.079 lower."
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "Training loss at step 1200: momentum 0: "),
        ({"rule": "adamw", "quantity": "held out", "beta": 0.5}, "Smoothed held-out loss at step 1200: momentum 0: "),
        ({"sides": "heavy_ball 0,heavy_ball 0.99", "at": 0.3}, "the same."),
        ({"sides": "heavy_ball 0.99"}, "Held out at the end: "),
        ({"experiment": "best, cpu", "at": 0.9}, "Muon: diverged. Held out at the end, Gradient descent is lowest: "),
        ({"experiment": "best, cpu", "sides": "muon"}, "at step 1200: Muon: diverged."),
        ({"experiment": "apart, cpu", "sides": "adamw,muon"}, " higher."),
        ({"experiment": "apart, cpu", "sides": "gradient_descent,adamw"}, " lower."),
    ],
)
def test_page_and_paper_say_the_same(js, state, said):
    short = [*[row for row in CONTEST["rows"] if row["side"] != "muon"], run("muon", 3, n=60, ends=False)]
    apart = [{**row, "held_out": row["held_out"] * {"gradient_descent": 1.2, "adamw": 1, "muon": 1.1}[row["side"]]}
             for row in CONTEST["rows"]]  # fmt: skip
    runs = excerpts(GRID, {**CONTEST, "rows": short}, {**CONTEST, "experiment": "apart", "rows": apart})
    figure = Curves(**{"runs": runs, "experiment": "momentum, cpu", **state})
    found = figure.numbers()
    theirs = js(
        f"(() => {{ const state = {json.dumps(figure.state())}; "
        f"return curves.sentence(state, curves.compute(state), {found['steps'].index(found['step'])}); }})()"
    )
    assert theirs == figure.sentence() and said in theirs


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"beta": 0.9, "losing": True},
        {"rule": "adamw", "quantity": "held out", "beta": 0.5},
        {"sides": "heavy_ball 0,heavy_ball 0.99"},
    ],
)
def test_curves_bands_and_ends_are_the_same_in_the_browser(js, state):
    figure = Curves(runs=excerpts(GRID), **state)
    found, expected = (
        js(
            f"(() => {{ const found = curves.compute({json.dumps(figure.state())}); for (const side of found.sides) for (const k "
            f"of ['mean', 'low', 'high', 'raw']) side[k] = Array.from(side[k]); for (const side of found.sides) side.losers = "
            f"side.losers.map((c) => Array.from(c)); return found; }})()"
        ),
        figure.numbers(),
    )
    assert found["steps"] == expected["steps"] and found["half_life"] == pytest.approx(expected["half_life"])
    assert len(found["sides"]) == len(expected["sides"])
    for ours, theirs in zip(found["sides"], expected["sides"], strict=True):
        assert (ours["name"], ours["diverged"]) == (theirs["name"], theirs["diverged"])
        assert (ours["end"], ours["sd"]) == (pytest.approx(theirs["end"]), pytest.approx(theirs["sd"]))
        for name in ("mean", "low", "high", "raw"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12)
        assert len(ours["losers"]) == len(theirs["losers"])
        for a, b in zip(ours["losers"], theirs["losers"], strict=True):
            np.testing.assert_allclose(a, smooth(b, figure.beta), rtol=1e-12)


def test_ticks_of_a_short_log_axis_are_round_and_not_too_many(js):
    for low, high, count in ((2.1, 5.6, 6), (1.9, 2.2, 5), (0.003, 70.0, 8), (10, 1200, 6)):
        found = js(f"curves.roundTicks({low}, {high}, {count})")
        assert 2 <= len(found) <= max(count, 3) and all(low <= tick <= high for tick in found)
        assert all(len(f"{tick:g}".replace(".", "").strip("0")) <= 3 for tick in found)
