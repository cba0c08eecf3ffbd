"""Records: what is written is what is read, what is claimed follows, what was run runs again."""

import copy
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import records, rules
from momentum_lib.records import RecordError, summary
from momentum_lib.records.__main__ import main
from momentum_lib.records.code import code_hash

ROOT = Path(__file__).resolve().parents[1]
STORED = sorted((ROOT / "notebooks" / "records").glob("*.json"))


# -- a record of a tiny experiment, made by the program itself ---------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A complete record of a tiny contest: three rules, three settings each, five seeds; and its path."""
    torch = pytest.importorskip("torch", reason="training needs torch")
    from momentum_lib.train import cli, experiments
    from momentum_lib.train.settings import Settings

    base = Settings(
        model="pico", batch=4, steps=12, warmup=2, eval_every=6, eval_windows=64, precision="float32", checkpoint_every=0
    )
    family = replace(experiments.FAMILIES["cpu"], base=base)
    folder, before = tmp_path_factory.mktemp("records"), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(experiments.FAMILIES, "cpu", family)
        patch.setattr(experiments, "GRID", 3)
        patch.setattr(experiments.rates, "__defaults__", (3,))
        try:
            assert cli.main(["experiment", "frequency", "--out", str(folder), "--quiet"]) == 0
        finally:
            torch.set_num_threads(before)
    return folder / "frequency-cpu.json"


@pytest.fixture
def record(made):
    return records.load(made)


def replay(record, *say):
    """`momentum_lib.train.replay`, whose import needs torch."""
    from momentum_lib.train.replay import replay

    return replay(record, *say)


def sealed(record):
    """The record with a digest that fits, as somebody who edits with care would leave it."""
    return {**record, "digest": records.digest(record)}


def test_an_experiment_leaves_a_record_that_verifies(record, made):
    assert records.verify(record) is record
    assert len(record["rows"]) == 3 * (3 + 5)
    assert record["command"] == "python -m momentum_lib.train experiment frequency --family cpu"
    assert {"core.py", "ops.py", "optim/optimizer.py", "rules/momentum.py", "rules/adaptive.py", "rules/sign.py"} <= set(
        record["sources"]
    )
    assert record["wall_seconds"] > 0 and record["tuning"]["runs_per_side"] == 3
    assert records.text(record) == made.read_text("utf-8")
    assert all(len(line) < 4000 for line in made.read_text("utf-8").splitlines()), "one row a line"


def test_the_same_command_runs_nothing_again(made, record, monkeypatch):
    """A record that a second call spends an hour on."""
    from momentum_lib.train import experiments, sweep

    rows = [json.loads(line) for line in made.with_suffix(".rows.jsonl").read_text().splitlines()]
    assert {row["key"] for row in rows} == {row["key"] for row in record["rows"]}
    family = replace(
        experiments.FAMILIES["cpu"], base=sweep.Settings(**{**record["config"], **{"eval_every": 6, "checkpoint_every": 0}})
    )
    monkeypatch.setattr(experiments.rates, "__defaults__", (3,))
    tuning, judged = experiments.tasks(experiments.EXPERIMENTS["frequency"], family, rows)
    assert {task.key for task in (*tuning, *judged)} == {row["key"] for row in rows}


def test_rows_of_other_code_are_made_again(made, tmp_path):
    """A record whose hashes are today's and whose numbers are last week's."""
    from momentum_lib.train import sweep

    lines = made.with_suffix(".rows.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([json.dumps({**first, "code": "0" * 12}), *lines[1:]]) + "\n")
    with sweep.Rows(path, current=True) as rows:
        assert rows.outdated == 1 and len(rows.rows) == len(lines) - 1
    with sweep.Rows(path) as rows:
        assert rows.outdated == 0 and len(rows.rows) == len(lines)


def test_the_first_steps_replay(record):
    assert replay(record) <= record["replay"]["tolerance"]


def test_a_replay_notices_another_rule(record):
    """A replay that would pass whatever the rule does."""
    chosen = record["replay"]["rows"][0]
    row = next(row for row in record["rows"] if row["key"] == chosen)
    row["first_losses"][4] += 0.01
    with pytest.raises(RecordError, match="step 5 gives the loss"):
        replay(record)


def test_a_replay_on_other_bytes_says_so_and_is_looser(record):
    said = []
    replay({**record, "corpus": "0" * 64}, said.append)
    assert len(said) == 1 and "recorded on data 000000000000" in said[0]
    chosen = record["replay"]["rows"][0]
    next(row for row in record["rows"] if row["key"] == chosen)["first_losses"][0] += 1.0
    with pytest.raises(RecordError, match="step 1 gives"):
        replay({**record, "corpus": "0" * 64}, said.append)


# -- tampering ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in records.FIELDS if name != "digest"])
def test_every_changed_field_is_noticed(name, record):
    """An edit by hand, anywhere."""
    changes = {
        str: lambda v: v + "x",
        int: lambda v: v + 1,
        float: lambda v: v + 1,
        list: lambda v: v[:-1],
        dict: lambda v: {**v, "x": 1},
    }
    record[name] = changes[type(record[name])](record[name])
    with pytest.raises(RecordError):
        records.verify(record)


@pytest.mark.parametrize("name", list(records.FIELDS))
def test_every_missing_or_mistyped_field_is_noticed(name, record):
    wrong = {**record, name: None}
    with pytest.raises(RecordError, match=f"{name!r} has the type NoneType"):
        records.verify(sealed(wrong) if name != "digest" else wrong)
    del wrong[name]
    with pytest.raises(RecordError, match=f"lacks {name!r}"):
        records.verify(wrong)


def change(path, value):
    """A function that changes one place of a record."""

    def apply(record):
        *way, last = path
        for name in way:
            record = record[name]
        record[last] = value(record[last]) if callable(value) else value

    return apply


TAMPERED = {
    "a rate": (change(["rows", 0, "lr"], lambda v: v * 2), "key does not follow"),
    "a seed": (change(["rows", 0, "seed"], 9), "key does not follow"),
    "a hyper-parameter": (change(["rows", 0, "hyper"], {"beta": 0.8}), "key does not follow"),
    "the shared settings": (change(["config", "steps"], 13), "key does not follow"),
    "a tuned loss": (change(["rows", 0, "held_out"], lambda v: v - 1), "not its last evaluation"),
    "a judged loss": (change(["rows", -1, "held_out"], lambda v: v + 0.00005), "summary does not follow"),
    "a loss with its evaluation": (
        lambda record: (change(["rows", -1, "held_out"], 5.0)(record), change(["rows", -1, "evaluations", -1, 1], 5.0)(record)),
        "summary does not follow",
    ),
    "a row left out": (lambda record: record["rows"].pop(), "judged at seeds"),
    "a losing setting left out": (lambda record: record["rows"].pop(0), "tuning runs; the stated budget"),
    "a row twice": (lambda record: record["rows"].append(record["rows"][0]), "repeats"),
    "a role": (change(["rows", 0, "role"], "both"), "role is"),
    "tuning on a judged seed": (
        lambda record: (
            change(["rows", 0, "seed"], 1)(record),
            change(["rows", 0, "key"], records.row_key({**record[
                "config"], **{n: record["rows"][0][n] for n in ("rule", "lr", "hyper", "seed")}}))(record),
        ),
        "tuned on a seed|repeats",
    ),
    "a diverged run with a loss": (change(["rows", 0, "diverged_at"], 5), "one of the two"),
    "seeds": (change(["seeds"], [1, 2, 3]), "judged at seeds"),
    "the budget": (change(["tuning", "runs_per_side"], 30), "stated budget is 30"),
    "a mean": (change(["summary", "sides", "adamw", "mean"], lambda v: v * (1 + 1e-6)), "summary, sides, adamw, mean"),
    "a probability": (change(["summary", "against_heavy_ball", 0, "p"], lambda v: v / 2), "summary, against_heavy_ball, 0, p"),
    "a hash": (change(["sources", "core.py"], "0" * 64), "core.py changed since"),
    "no sources": (change(["sources"], {}), "names no source"),
    "no question": (change(["question"], " "), "'question' is empty"),
    "no rows": (change(["rows"], []), "no rows"),
    "an unknown experiment": (change(["experiment"], "momentun"), "Did you mean 'momentum'"),
    "a newer version": (change(["version"], 3), "this library reads"),
    "a field too many": (lambda record: record.update(extra=1), "unknown field 'extra'"),
    "a row without its curve": (lambda record: record["rows"][3].pop("curve"), "row 3 lacks 'curve'"),
    "a number as text": (change(["rows", 2, "held_out"], "2.0"), "row 2: 'held_out' has the type str"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(TAMPERED))
def test_what_was_tampered_with_and_sealed_again_is_noticed(what, record):
    """A record whose parts contradict each other, its digest mended."""
    tamper, says = TAMPERED[what]
    tamper(record)
    with pytest.raises(RecordError, match=says):
        records.verify(sealed(record))


def test_not_a_number_is_refused(record):
    record["rows"][0]["curve"][0][1] = math.nan
    with pytest.raises(RecordError, match="holds nan"):
        records.verify(record)


def test_a_stated_reason_counts_for_the_present_code_only(record):
    """A reason, once given, that excuses every later change, too."""
    record["sources"]["core.py"] = "0" * 64
    assert records.changed(record) == records.unexplained(record) == ["core.py"]
    reason = {"now": records.source_hash("core.py"), "why": "a name changed"}
    record["older"] = {"core.py": [{**reason, "now": "2" * 64}, reason]}
    assert records.verify(sealed(record)) and records.changed(record) == ["core.py"]
    record["older"] = {"core.py": [reason, {**reason, "now": "1" * 64}]}
    with pytest.raises(RecordError, match="core.py changed since"):
        records.verify(sealed(record))


@pytest.mark.parametrize(
    ("older", "says"),
    [
        ({"core.py": [{"now": "0", "why": " "}]}, "reason 0: wanted are"),
        ({"core.py": [{"now": "0"}]}, "reason 0: wanted are"),
        ({"core.py": {"now": "0", "why": "x"}}, "a list of reasons is wanted"),
        ({"core.py": []}, "a list of reasons is wanted"),
        ({"rules/none.py": [{"now": "0", "why": "x"}]}, "no source of the record"),
    ],
)
def test_a_reason_that_is_none_is_refused(record, older, says):
    record["older"] = older
    with pytest.raises(RecordError, match=says):
        records.verify(sealed(record))


def test_a_new_reason_takes_no_earlier_one_away(record):
    """One sentence written over the reasons of every file, the earlier ones lost."""
    first = {"now": records.source_hash("ops.py"), "why": "ops moved"}
    past = {"now": "3" * 64, "why": "core was sorted"}
    record["sources"] |= {"core.py": "0" * 64, "ops.py": "0" * 64}
    record["older"] = {"core.py": [past], "ops.py": [first]}
    found = records.explain(record, "core was sorted back")
    assert found["older"]["ops.py"] == [first], "explained already"
    assert found["older"]["core.py"] == [past, {"now": records.source_hash("core.py"), "why": "core was sorted back"}]
    assert records.verify(found) and records.explain(found, "again") == found
    assert record["older"]["core.py"] == [past], "the record that was given stays as it was"


# -- what counts as a change of code -----------------------------------------------------------

CODE = '''"""A module."""

def f(x, *, k=1):
    """Says what f does."""
    return x[0] + k  # the first
'''
SAME = {
    "a docstring": ("Says what f does.", "Says it better."),
    "no docstring": ('    """Says what f does."""\n', ""),
    "a comment": ("  # the first", "  # the very first"),
    "layout": ("f(x, *, k=1)", "f(\n    x,\n    *,\n    k=1,\n)"),
    "line ends": ("\n", "\r\n"),
    "quotes and parentheses": ("return x[0] + k", "return (x[0] + (k))"),
}
OTHER = {
    "a constant": ("k=1", "k=2"),
    "its kind": ("k=1", "k=1.0"),
    "a truth": ("k=1", "k=True"),
    "an operator": ("+ k", "- k"),
    "an argument": ("*, k", "k"),
    "a returned string": ("return x[0] + k", "return 'Says what f does.'"),
    "nothing returned": ("return x[0] + k", "return None"),
}


def test_the_hash_is_the_same_on_every_python():
    """A golden value: a Python whose syntax tree reads differently would call every record changed."""
    assert code_hash(CODE) == "8226004eb5ad5085b26a9c124b915f27900fd6a8a65951a1839084c62c27838e"


@pytest.mark.parametrize("what", SAME)
def test_what_is_no_code_does_not_count(what):
    assert code_hash(CODE.replace(*SAME[what])) == code_hash(CODE)


@pytest.mark.parametrize("what", OTHER)
def test_code_counts(what):
    changed = CODE.replace(*OTHER[what])
    assert changed != CODE and code_hash(changed) != code_hash(CODE)


def test_a_docstring_edit_in_a_rule_breaks_no_record(tmp_path):
    """Four records that must be explained for a comma."""
    library = tmp_path / "momentum_lib"
    for name in records.load(STORED[0])["sources"]:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "momentum_lib" / name).read_text("utf-8")
        (library / name).write_text(
            text.replace('"""', '"""Said anew: ', 1) + "# the end\n" if name.endswith(".py") else text, "utf-8"
        )
    record = records.load(STORED[0])
    assert records.verify(record, library)
    (library / "ops.py").write_text("sign = None\n")
    with pytest.raises(RecordError, match="ops.py changed since"):
        records.verify(record, library)


# -- files and the command line ----------------------------------------------------------------


def test_what_is_not_a_record_is_refused(tmp_path, record):
    with pytest.raises(RecordError, match="does not exist"):
        records.load(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(RecordError, match="is no JSON"):
        records.load(tmp_path / "b.json")
    (tmp_path / "c.json").write_text('{"format": "something else"}')
    with pytest.raises(RecordError, match="lacks the mark"):
        records.load(tmp_path / "c.json")
    with pytest.raises(RecordError):
        records.write({**record, "digest": "0"}, tmp_path / "d.json")
    assert not (tmp_path / "d.json").exists()


def test_the_command_line_verifies_replays_and_explains(made, tmp_path, capsys):
    from momentum_lib.train import cli

    assert main(["verify", str(made)]) == 0
    assert cli.main(["replay", str(made)]) == 0
    assert main(["show", str(made)]) == 0
    assert "Is Adam's lead" in capsys.readouterr().out
    changed = records.load(made)
    changed["sources"]["core.py"] = "0" * 64
    path = tmp_path / "older.json"
    path.write_text(records.text(sealed(changed)))
    for command in (["verify"], ["replay"]):
        assert (main if command == ["verify"] else cli.main)([*command, str(path)]) == 1
        errors = capsys.readouterr().err
        assert errors.startswith("error: ") and errors.count("\n") == 1 and errors.count(str(path)) == 1
    assert cli.main(["older", "--because", "a name changed", str(path)]) == 0
    assert "core.py changed since the last reason" in capsys.readouterr().out
    assert main(["verify", str(path)]) == 0
    assert [reason["why"] for reason in records.load(path)["older"]["core.py"]] == ["a name changed"]


def test_reading_and_verifying_need_no_torch(made):
    code = (
        "import sys; sys.modules['torch'] = None; from momentum_lib import records; "
        f"print(records.verify(records.load({str(made)!r}))['experiment'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip() == "frequency"


# -- the statistics ----------------------------------------------------------------------------


def test_students_t_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for df in range(1, 30):
        for t in (0.0, 0.1, 1.0, 2.776, 12.0, 60.0):
            assert summary.t_probability(t, df) == pytest.approx(2 * stats.t.sf(t, df), abs=1e-12), (t, df)
            assert summary.t_probability(-t, df) == summary.t_probability(t, df)


def test_paired_differences_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    ours, theirs = ({seed: float(value) for seed, value in enumerate(np.random.default_rng(k).normal(size=6))} for k in (0, 1))
    found = summary.paired(ours, theirs)
    expected = stats.ttest_rel(list(ours.values()), list(theirs.values()))
    assert (found["t"], found["p"]) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert summary.paired({1: 2.0}, {1: 1.0})["t"] is None and summary.paired({1: 2.0}, {2: 1.0})["n"] == 0
    assert summary.paired({1: 2.0, 2: 3.0, 9: 1.0}, {1: 1.0, 2: 2.0})["n"] == 2, "seeds that both have"


def test_holm_by_hand():
    results = [{"p": 0.01}, {"p": 0.04}, {"p": 0.03}, {"p": None}]
    summary.holm(results)
    assert [result.get("p_holm") for result in results] == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06), None]


def row(side, lr, seed, role, held_out):
    return {"side": side, "rule": side.split(" ")[0], "lr": lr, "hyper": {}, "seed": seed, "role": role, "held_out": held_out}


def test_a_summary_by_hand():
    """The better side named the worse, tuning seeds counted, a diverged run forgotten."""
    rows = [row("heavy_ball 0", lr, 100, "tune", loss) for lr, loss in ((0.1, 3.0), (0.2, 2.5), (0.4, None))]
    rows += [row("heavy_ball 0.9", lr, 100, "tune", loss) for lr, loss in ((0.1, 2.4), (0.2, 2.2), (0.4, 2.0))]
    rows += [row("heavy_ball 0", 0.2, seed, "judge", 2.6 + 0.01 * seed) for seed in (1, 2, 3)]
    rows += [row("heavy_ball 0.9", 0.4, seed, "judge", 2.1 + 0.02 * seed) for seed in (1, 2)] + [
        row("heavy_ball 0.9", 0.4, 3, "judge", None)
    ]
    found = summary.momentum(rows)
    none, some = found["sides"]["heavy_ball 0"], found["sides"]["heavy_ball 0.9"]
    assert (none["lr"], none["at_edge"], none["tuning_runs"], none["seeds"]) == (0.2, False, 3, 3)
    assert (some["lr"], some["at_edge"], some["diverged"], some["seeds"]) == (0.4, True, 1, 2)
    assert none["mean"] == pytest.approx(2.62) and none["sd"] == pytest.approx(0.01)
    (pair,) = found["against_none"]
    assert pair["mean"] == pytest.approx(-0.485) and pair["n"] == 2 and pair["t"] < 0
    ranked = summary.best_against_best(rows)
    assert ranked["ranking"] == ["heavy_ball 0.9", "heavy_ball 0"]
    assert ranked["pairs"][0]["better"] == "heavy_ball 0.9" and ranked["pairs"][0]["mean"] == pytest.approx(-0.485)


def test_groups_split_by_share():
    groups = summary.frequency_group(np.array([0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0001, 0.0]))
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


# -- the records of this repository ------------------------------------------------------------


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_record_verifies(path):
    """A claim in the book whose numbers no longer follow from what was run."""
    record = records.verify(records.load(path))
    assert path.stem == f"{record['experiment']}-{record['family']}"
    assert copy.deepcopy(record) == record


def alike(a, b):
    """Whether two values of a record are the same, numbers to 1e-12 of themselves: processors take logarithms differently."""
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-12, abs=0, nan_ok=True)
    if type(a) is not type(b) or not isinstance(a, (dict, list, tuple)):
        return a == b
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(value, b[key]) for key, value in a.items())
    return len(a) == len(b) and all(map(alike, a, b))


TRAINED = [path for path in STORED if not path.stem.startswith(("cost-", "pace-"))]  # not of times alone


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_program_would_make_a_stored_record_again(path):
    """A grid, a seed or a setting that is no longer what the record was made with: its command would run everything anew."""
    torch = pytest.importorskip("torch", reason="training needs torch")
    from momentum_lib.train import experiments

    record = records.load(path)
    name, family = record["experiment"], record["family"]
    experiment = experiments.EXPERIMENTS[name]
    rows = [{**row, "began": 0.0, "took": 1.0} for row in reversed(record["rows"])]
    made = experiments.record(name, family, rows, torch.device("cpu"), record["command"])
    own = {"digest", "sources", "older", "corpus", "device", "wall_seconds", "recorded"}
    assert made.keys() - own == record.keys() - own
    for key in made.keys() - own:
        assert alike(made[key], record[key]), key
    assert record["sources"].keys() <= made["sources"].keys()
    base = experiment.base(experiment.own.get(family) or experiments.FAMILIES[family])
    for row in made["rows"]:
        steps = [step for step, _ in row["evaluations"]]
        assert name == "speed" or row["diverged_at"] or steps == list(range(base.eval_every, base.steps + 1, base.eval_every))


def test_the_program_would_time_again_what_the_records_of_times_name():
    """A variant that is gone, or has other settings than those that were timed; fewer rounds; another model."""
    pytest.importorskip("torch", reason="training needs torch")
    from momentum_lib.train import cost, pace, speed
    from momentum_lib.train.experiments import EXPERIMENTS
    from momentum_lib.train.model import flops_per_token, size

    record, family = records.load("pace-cpu"), speed.FAMILIES["cpu"]
    wanted = {name: pace.settings_for(family, *variant) for name, variant in pace.VARIANTS.items()}
    wanted |= dict.fromkeys((*pace.FUSED, pace.TWO), wanted["adamw"])
    assert [row["side"] for row in record["rows"]] == list(wanted)
    for row in record["rows"]:
        assert row["settings"] == {key: getattr(wanted[row["side"]], key) for key in row["settings"]}
        assert len(row["milliseconds"]) == pace.ROUNDS == record["config"]["rounds"]
    base = family.base
    assert record["config"] | {"load": 0} == {
        "model": base.model, "batch": base.batch, "flops_per_token": flops_per_token(base.config()), "rounds": 21, "load": 0,
    }  # fmt: skip

    record = records.load("cost-cpu")
    sides = [side for rule in cost.SEARCHED for side in (rule, f"{rule}, compiled") if side != "muon, compiled"]
    assert [row["side"] for row in record["rows"]] == sides
    assert {len(row["milliseconds"]) for row in record["rows"]} == {cost.REPEATS}
    config = size(cost.MODELS["cpu"])
    assert record["config"]["flops_per_token"] == flops_per_token(config) and record["config"]["steps"] == cost.STEPS
    for name in ("cost", "pace"):
        assert records.load(f"{name}-cpu")["question"] == EXPERIMENTS[name].question


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_the_first_steps_of_a_stored_record_replay(path, record_property):
    """Code that has drifted away from the numbers that the book prints."""
    torch = pytest.importorskip("torch", reason="replaying needs torch")
    record, before, said = records.load(path), torch.get_num_threads(), []
    trained = [row for row in record["rows"] if "first_losses" in row]
    assert bool(record["replay"]["rows"]) == bool(trained), "a record of trainings names rows to run again"
    torch.set_num_threads(1)
    try:
        largest = replay(record, said.append)
    finally:
        torch.set_num_threads(before)
    record_property("measured", f"{path.stem}: first losses replay within {largest:.1e} nats{' on other bytes' if said else ''}")


def test_a_record_of_times_says_that_there_is_nothing_to_run_again():
    record, said = records.load("cost-cpu"), []
    assert replay(record, said.append) == 0 and "nothing was trained" in said[0]
    assert not any("first_losses" in row for row in record["rows"])
    plain = {row["rule"]: row["state_bytes"] / row["parameters"] for row in record["rows"]}
    for name in ("gradient_descent", "heavy_ball", "adamw", "lion", "schedule_free"):
        rule = rules.get(name)  # a rule that looks elsewhere leaves that place in the model and keeps its own point beside it
        assert plain[name] == 4 * (len(rule.slots) + (rule.look_fn is not None)), name
