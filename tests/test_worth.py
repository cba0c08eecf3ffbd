"""What momentum is worth: the search that tunes both sides, the sides themselves, and what their record says."""

import datetime
import math
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import records, rules
from momentum_lib.records import worth as said

torch = pytest.importorskip("torch", reason="training needs torch")

from momentum_lib.train import experiments, lattice, worth  # noqa: E402

NANO = worth.FAMILIES["nano-8x200"]


def searched(side, loss):
    """The trials of a side, in order, where ``loss(lr, hyper)`` is what each ends at."""
    trials, ended = side.wanted(loss)
    assert ended
    return trials


# -- the search --------------------------------------------------------------------------------


@pytest.mark.parametrize("best", [(-6.0, 0), (-2.3, 1), (0.0, 3), (1.4, 4), (6.0, 2)])
@pytest.mark.parametrize("rungs", [1, 5])
def test_the_search_goes_to_where_it_is_best_and_repeats_nothing(best, rungs):
    """A grid that is cut where it is best: the best here lies up to eight times outside the first tries."""
    points = dict.fromkeys(lattice.FIRST if rungs == 1 else lattice.FIRST_OF_LADDER)
    cost = lambda point: (point[0] - best[0]) ** 2 + 0.3 * (point[1] - min(best[1], rungs - 1)) ** 2
    sizes = []
    while points:
        outcomes = {point: cost(point) for point in points}
        fresh = lattice.next_points(outcomes, rungs)
        sizes.append(len(fresh))
        if not fresh:
            break
        points |= dict.fromkeys(fresh)
    assert sizes == [3, 3, 0] and len(points) == sum(lattice.ROUNDS)
    u, k = lattice.best_point(outcomes)
    first = min(cost(point) for point in list(points)[:4])
    assert cost((u, k)) <= first
    if rungs == 1 and abs(best[0]) <= 6:
        assert abs(u - best[0]) <= 1.0
    assert all(0 <= rung < rungs for _, rung in points)


def test_where_every_run_diverged_the_search_goes_down():
    outcomes = dict.fromkeys(lattice.FIRST, math.inf)
    fresh = lattice.next_points(outcomes, 1)
    assert len(fresh) == 3 and min(u for u, _ in fresh) < -3
    assert lattice.best_point({(0.0, 0): math.inf, (1.0, 0): 3.0, (2.0, 0): 2.0}) == (2.0, 0)


# -- the sides ---------------------------------------------------------------------------------

MOMENTA = {"heavy_ball": ["beta"], "adamw": ["beta1"], "signum": ["beta"], "muon": ["beta", "adamw_beta1"]}


@pytest.mark.parametrize("name", ["worth", "numbers", "nesterov", "lengths", "million"])
def test_every_side_has_the_same_budget_and_uses_all_of_it(name):
    sides = list(experiments.EXPERIMENTS[name].sides(NANO))
    assert len({side.budget for side in sides}) == 1 and len({side.name for side in sides}) == len(sides)
    for side in sides:
        trials = searched(side, lambda lr, hyper: abs(math.log(lr / 0.02)) + sum(hyper.values()))
        assert len(trials) == side.budget == len({str(trial) for trial in trials}), side.name


def test_no_momentum_is_left_on_the_side_without():
    """Muon without momentum whose embeddings kept theirs."""
    for side in worth.worth_sides(NANO):
        trials = searched(side, lambda lr, hyper: abs(math.log(lr / 0.02)))
        for _, hyper in trials:
            values = {hyper[name] for name in MOMENTA[side.rule]}
            assert len(values) == 1, "one momentum everywhere"
            assert (values == {0.0}) == side.name.endswith(" none"), side.name
        if side.name.endswith(" momentum"):
            assert len({hyper[MOMENTA[side.rule][0]] for _, hyper in trials}) >= 2


def test_muon_with_and_without_its_look_ahead_differ_in_nothing_else():
    """A rate of the AdamW beside it, or a momentum, that one of the two sides alone has."""
    sides = {side.name: side for side in worth.ahead_sides(NANO)}
    for beta in (0.8, 0.9, 0.95):
        ahead, plain = sides[f"muon {beta:g}"], sides[f"muon_plain {beta:g}"]
        assert (ahead.rule, plain.rule) == ("muon", "muon_plain") and ahead.trials == plain.trials
        assert {(hyper["beta"], hyper["adamw_beta1"], "adamw_lr" in hyper) for _, hyper in plain.trials} == {(beta, 0.9, True)}


def test_lion_with_one_number_for_both_is_signum():
    theta, grads = np.zeros(3), np.random.default_rng(0).standard_normal((20, 3))
    ours, theirs = [(theta, rule.init(theta)) for rule in (rules.lion, rules.signum)]
    for t, grad in enumerate(grads, 1):
        ours = rules.lion.step(ours[0], grad, ours[1], {"lr": 0.1, "beta1": 0.8, "beta2": 0.8, "weight_decay": 0.0}, t)
        theirs = rules.signum.step(theirs[0], grad, theirs[1], {"lr": 0.1, "beta": 0.8}, t)
        np.testing.assert_array_equal(ours[0], theirs[0])


def test_the_cells_are_a_whole_lattice_that_differs_in_nothing_else():
    assert len(set(worth.LATTICE)) == 3 * 3 * 2, "sizes, batches, lengths"
    sizes, batches, lengths = ({cell[k] for cell in worth.LATTICE} for k in range(3))
    assert (len(sizes), len(batches), len(lengths)) == (3, 3, 2)
    bases = {name: family.base for name, family in worth.FAMILIES.items()}
    assert set(bases) > {worth.cell_name(*cell) for cell in worth.LATTICE}
    for base in bases.values():
        assert base.warmup * 10 == base.steps == base.eval_every * 2, "planned for its own length"
    same = {(base.context, base.eval_windows, base.precision, base.clip, base.decay) for base in bases.values()}
    assert len(same) == 1


def test_the_recorded_rates_lie_on_the_lattices_around_their_centres():
    """A centre that was moved after the runs around it had been recorded: all rates are it times a whole power of 2**(1/4)."""
    tried = set()
    for path in sorted((Path(__file__).resolve().parents[1] / "notebooks" / "records").glob("*-*-*x*.json")):
        record = records.load(path)
        centre = worth.CENTRES[record["config"]["model"]]
        for row in record["rows"]:
            rule = "muon" if row["rule"] in worth.MUONS else row["rule"]
            rate = row["lr"] / (1 - row["hyper"]["beta"]) if rule == "heavy_ball" else row["lr"]
            steps = 4 * math.log2(rate / centre[rule])
            assert abs(steps - round(steps)) < 0.01, (path.name, row["side"], row["lr"])
            tried.add((record["config"]["model"], rule))
    assert len(tried) == 13, "three sizes and four rules, and Lion at one"


def test_the_places_on_the_lattice_are_told_in_doublings():
    """A cell of fifty steps, which is no place of it; a size that is not the model's own number of weights."""
    cells = [
        {"config": {"model": name, "batch": 8, "steps": steps}} for name, steps in (("nano", 50), ("nano", 200), ("pico", 800))
    ]
    (nano, at), (pico, other) = worth.on_lattice(cells)
    assert (nano, pico) == tuple(cells[1:])
    assert at == {"weights": math.log2(115_008), "windows": 3.0, "steps": math.log2(200)}
    assert other["steps"] == pytest.approx(at["steps"] + 2) and other["weights"] < at["weights"]


def test_an_experiment_refuses_a_family_of_another():
    for name, family in (("best", "nano-8x200"), ("worth", "cpu")):
        with pytest.raises(ValueError, match="unknown family"):
            experiments.family_of(family, experiments.EXPERIMENTS[name])


# -- rounds, and the record --------------------------------------------------------------------


def row(task, loss):
    """A row as a training leaves it, whose loss is told."""
    settings = task.settings
    return {
        "key": task.key, "role": task.role, "side": task.side, "rule": settings.rule, "lr": settings.lr, "hyper": settings.hyper,
        "seed": settings.seed, "held_out": loss, "diverged_at": None if loss is not None else 10, "first_losses": [5.5],
        "curve": [[10, 5.0]], "evaluations": [[settings.steps, round(loss, 4)]] if loss is not None else [], "seconds": 1.0,
        "began": 0.0, "took": 1.0, "code": "",
    }  # fmt: skip


def told(task):
    """Best at a rate of 0.02 (SGD's of an average: 0.5) and a momentum of 0.8, which is worth 0.1; the highest rates diverge."""
    hyper, settings = task.settings.hyper, task.settings
    beta = hyper.get("beta", hyper.get("beta1"))
    rate = settings.lr / (1 - beta) / 25 if settings.rule == "heavy_ball" else settings.lr
    if rate > 0.15:
        return None
    return 2 + 0.05 * math.log(rate / 0.02) ** 2 + 0.15 * abs(beta - 0.8) + 0.01 * (settings.seed % 7)


@pytest.fixture(scope="module")
def finished():
    """The rows of a whole experiment, round by round, and how many each round made."""
    experiment, rows, made = experiments.EXPERIMENTS["worth"], [], []
    while True:
        tuning, judged = experiments.tasks(experiment, NANO, rows)
        fresh = [task for task in judged or tuning if task.key not in {row["key"] for row in rows}]
        made.append(len(fresh))
        rows += [row(task, told(task)) for task in fresh]
        if judged:
            return rows, made


def test_a_search_goes_on_round_by_round_and_is_judged_once_all_have_ended(finished):
    rows, made = finished
    assert made == [8 * 4, 8 * 3, 8 * 3, 8 * 5]
    assert len(rows) == experiments.count(experiments.EXPERIMENTS["worth"], NANO)
    assert "120 runs of the nano model, 200 steps of 8 x 32 bytes" in experiments.plan(experiments.EXPERIMENTS["worth"], NANO)


def test_its_record_verifies_and_says_what_the_rows_say(finished):
    rows, _ = finished
    record = experiments.record("worth", "nano-8x200", rows, torch.device("cpu"), "no command")
    records.verify(record)
    assert record["tuning"]["runs_per_side"] == 10 and record["recorded"] == datetime.date.today().isoformat()
    summary = record["summary"]
    assert [c["side"] for c in summary["momentum_beside_none"]] == [f"{name} momentum" for name in MOMENTA]
    for name, numbers in MOMENTA.items():
        side = summary["sides"][f"{name} momentum"]
        assert side["hyper"][numbers[0]] == 0.8 and not side["at_edge"]
        c = next(c for c in summary["momentum_beside_none"] if c["side"] == f"{name} momentum")
        assert c["mean"] < -0.1 and c["interval"] is None or c["interval"][0] <= c["mean"] <= c["interval"][1]


# -- what is said ------------------------------------------------------------------------------


def test_the_interval_against_scipy():
    from scipy import stats

    for chance, df in ((0.05, 4), (0.01, 4), (0.05, 1), (0.002, 30)):
        assert said.bar(chance, df) == pytest.approx(stats.t.ppf(1 - chance / 2, df), rel=1e-9)
    values = np.array([0.1, 0.3, 0.2, 0.25, 0.4])
    found = records.kinds.summary.paired(dict(enumerate(values)), dict.fromkeys(range(5), 0.0))
    low, high = stats.t.interval(0.95, 4, values.mean(), values.std(ddof=1) / math.sqrt(5))
    np.testing.assert_allclose(said.interval(found), (low, high), rtol=1e-9)
    assert said.interval({"t": None}) is None


def test_a_best_rate_is_cut_where_no_rate_beyond_it_was_tried():
    def tried(lr, beta, loss, rule="heavy_ball"):
        return {"side": "s", "role": "tune", "rule": rule, "lr": lr, "hyper": {"beta": beta}, "held_out": loss}

    inner = [tried(0.1, 0.5, 2.0), tried(0.2, 0.5, 1.0), tried(0.4, 0.5, None)]
    assert not said.cut(inner, "s"), "the next rate diverged"
    assert said.cut(inner[:2], "s") and not said.cut([tried(0.1, 0.5, None)], "s")
    assert said.cut([*inner, tried(0.2, 0.9, 0.5)], "s"), "with 0.9 that is five times the rate that it is with 0.5"
    signs = [tried(lr, beta, lr, "signum") for beta, rates in ((0.5, (0.1, 0.4)), (0.9, (0.05, 0.2))) for lr in rates]
    assert said.cut(signs, "s") and not said.cut([*signs, tried(0.02, 0.5, 1.0, "signum")], "s"), "a sign's rate is its own"


def test_sides_are_compared_with_the_first_of_their_rule():
    rows = [
        {"side": side, "role": role, "rule": "lion", "lr": 0.1, "hyper": {}, "seed": seed, "held_out": loss + 0.01 * seed**2 * k}
        for k, (side, loss) in enumerate((("lion both 0", 3.0), ("lion both 0.9", 2.0), ("muon 0, x", 2.0), ("muon 0.9, x", 1.5)))
        for role, seeds in (("tune", [100]), ("judge", [1, 2, 3]))
        for seed in seeds
    ]
    found = said.against(rows)["beside_first"]
    assert [(c["side"], c["beside"]) for c in found] == [("lion both 0.9", "lion both 0"), ("muon 0.9, x", "muon 0, x")]
    assert all(c["mean"] < 0 and c["p_holm"] >= c["p"] for c in found)


def cell(gain, **more):
    """The record of a cell whose runs with momentum end lower by ``gain``, one number a seed; of Muon, and of other rules."""
    rows = [
        {"side": side, "role": role, "rule": "muon", "lr": 0.1, "hyper": {}, "seed": seed, "held_out": loss + 0.1 * seed}
        for rule, gained in {"muon": gain, **more}.items()
        for side, losses in ((f"{rule} none", [3.0, 3.0, 3.0]), (f"{rule} momentum", [3.0 - g for g in gained]))
        for role, seeds in (("tune", [100]), ("judge", [1, 2, 3]))
        for seed, loss in zip(seeds, losses)
    ]
    return {"rows": rows, "summary": said.worth(rows)}


def test_a_trend_compares_the_gains_of_two_cells_seed_by_seed():
    small, large = cell([0.1, 0.2, 0.3]), cell([0.3, 0.3, 0.6])
    np.testing.assert_allclose(list(said.gains(small)["muon"].values()), [0.1, 0.2, 0.3])
    (found,) = said.trends({"batch": (small, large)})
    assert (found["name"], found["rule"], found["n"]) == ("batch", "muon", 3)
    assert found["mean"] == pytest.approx(0.2) and found["sd"] == pytest.approx(0.1)
    assert found["p_holm"] == found["p"] and found["interval"][0] < 0.2 < found["interval"][1]

    one, other = cell([0.1, 0.2, 0.3], adamw=[0.3, 0.2, 0.1]), cell([0.3, 0.4, 0.6], adamw=[0.3, 0.2, 0.2], signum=[9, 9, 9])
    (found,) = said.trends({"batch": (one, other)}, together=True)
    assert found["rule"] == "" and found["mean"] == pytest.approx((0.1 + 0.1 + 0.2) / 3)
    assert [c["rule"] for c in said.trends({"batch": (one, other)})] == ["muon", "adamw"], "what both have"


def test_the_slopes_of_a_lattice_are_those_it_was_made_with():
    """Seeds whose slopes are averaged before the fit, coordinates in another order, a mean of rules that not all cells have."""
    slopes = {"batch": np.array([0.02, 0.03, 0.05]), "steps": np.array([-0.01, 0.0, 0.02])}
    at = [{"batch": batch, "steps": steps} for batch in (1, 3, 5) for steps in (0, 2)]
    gain = [0.1 + sum(slopes[name] * place[name] for name in slopes) for place in at]
    places = [
        (cell(list(each), adamw=list(each + 0.3), **({"lion": [9, 9, 9]} if k else {})), at[k]) for k, each in enumerate(gain)
    ]
    found = said.slopes(places)
    assert [(c["name"], c["rule"], c["n"]) for c in found] == [
        ("batch", "muon", 3), ("steps", "muon", 3), ("batch", "adamw", 3), ("steps", "adamw", 3)
    ]  # fmt: skip
    for c in found:
        assert c["mean"] == pytest.approx(slopes[c["name"]].mean()) and c["sd"] == pytest.approx(slopes[c["name"]].std(ddof=1))
        assert c["interval"][0] < c["mean"] < c["interval"][1] and c["p_holm"] >= c["p"]
    assert [(c["rule"], pytest.approx(c["mean"])) for c in said.slopes(places, together=True)] == [
        ("", slope.mean()) for slope in slopes.values()
    ]
    with pytest.raises(ValueError, match="2 cells do not tell batch, steps apart"):
        said.slopes(places[:2])
