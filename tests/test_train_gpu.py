"""The GPU command, rehearsed on a CPU: its checks, its order, its deadline, and that it needs torch, NumPy and tqdm alone."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from momentum_lib import records, rules
from momentum_lib.train import cli, experiments, gpu, gpu_checks, parallel
from momentum_lib.train import device as devices

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")

BARE = """
import sys
from importlib.machinery import PathFinder
allowed = {"torch", "torchgen", "functorch", "numpy", "tqdm", "momentum_lib", "filelock", "typing_extensions", "sympy", "mpmath",
           "networkx", "jinja2", "markupsafe", "fsspec", "setuptools"} | sys.stdlib_module_names
class Bare:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        return PathFinder.find_spec(name, path, target) if top in allowed or top.startswith("_sysconfigdata") else None
sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path if isinstance(finder, type)]
from momentum_lib.train.cli import main
code = main(sys.argv[1:])
assert not {"numba", "matplotlib", "pandas", "scipy"} & set(sys.modules)
sys.exit(code)
"""


@pytest.mark.parametrize("name", gpu_checks.CHECKS)
def test_each_check_holds_on_a_cpu(name):
    """In small, where there is no card: the program of the check, not the card."""
    said = gpu_checks.CHECKS[name](CPU)
    left_out = ("every_rule_compiled_is_the_cpus", "a_compiled_model_trains", "a_step_uses_the_memory")
    assert bool(said and said.startswith("left out")) == (name in left_out)


STRICT = {  # how far a check lets two numbers of size 1 part
    "every_rule_is_the_cpus": 1e-10,
    "sixteen_bits_keep_their_digits": 0.05,
    "a_run_is_the_cpus": 2e-3,
    "autocast_trains": 0.02,
}


@pytest.mark.parametrize("name", STRICT)
def test_a_check_is_as_strict_as_it_says(name, monkeypatch):
    """A check that lets everything pass: numbers that part by a little less than it allows, then by a little more."""
    asked = []

    def answer(apart):
        def stepped(rule, device, compiled=False, dtype=torch.float64):
            loose = 1e-6 / 1e-10 if rule in ("shampoo", "soap") else 1
            here = (
                name == "sixteen_bits_keep_their_digits" and dtype == torch.bfloat16 or device == CPU and dtype == torch.float64
            )
            asked.append(rule)
            return None, [torch.ones(2, dtype=torch.float64) + here * loose * apart]

        def trained(device, settings, steps=4):
            here = settings.precision == "bfloat16" or device is CPU and name == "a_run_is_the_cpus"
            asked.append(settings.rule)
            return None, torch.ones(steps, dtype=torch.float64) + here * apart

        return stepped, trained

    for factor in (0.98, 1.02):
        for part, change in zip(("stepped", "trained"), answer(factor * STRICT[name])):
            monkeypatch.setattr(gpu_checks, part, change)
        if factor < 1:
            gpu_checks.CHECKS[name](CPU)
            assert len(set(asked)) >= (1 if name == "autocast_trains" else 3)
        else:
            with pytest.raises(AssertionError, match="apart by"):
                gpu_checks.CHECKS[name](CPU)


CARD = SimpleNamespace(type="cuda")  # a card that is only talked about


def test_what_a_card_compiles_is_held_to_the_cpus_run(monkeypatch):
    """A rule that was not compiled after all, one that is forgotten, a bound that lets anything pass."""
    asked, apart, engine = [], 0.0, "compiled"

    def stepped(rule, device, compiled=False, dtype=torch.float64):
        asked.append((rule, compiled, dtype))
        return SimpleNamespace(engine=engine), [torch.ones(2) + apart * compiled]

    def trained(device, settings, steps=4):
        asked.append((settings.compile, steps))
        return None, torch.ones(steps, dtype=torch.float64) + apart * settings.compile

    monkeypatch.setattr(gpu_checks, "missing", lambda device: "")
    monkeypatch.setattr(gpu_checks, "stepped", stepped)
    monkeypatch.setattr(gpu_checks, "trained", trained)
    rules_of, model = gpu_checks.CHECKS["every_rule_compiled_is_the_cpus"], gpu_checks.CHECKS["a_compiled_model_trains"]
    assert rules_of(CARD) == f"{len(rules.ELEMENTWISE)} rules" and model(CARD) is None
    assert asked[:-2] == [(name, how, torch.float32) for name in rules.ELEMENTWISE for how in (True, False)]
    assert asked[-2:] == [(True, 2), (False, 2)]
    for check, bound in ((rules_of, 1e-4), (model, 2e-3)):
        apart = 0.95 * bound
        check(CARD)
        apart = 1.05 * bound
        with pytest.raises(AssertionError, match="apart by"):
            check(CARD)
    apart, engine = 0.0, "plain"
    with pytest.raises(AssertionError, match="gradient_descent: plain"):
        rules_of(CARD)
    monkeypatch.setattr(gpu_checks, "missing", lambda device: "no compiler is there")
    assert rules_of(CARD) == model(CARD) == "left out: no compiler is there"


def test_a_cards_bandwidth_by_hand(monkeypatch):
    """Eight bytes a number of a copy, twenty-eight of a step of AdamW; the best of five, each waited for."""
    ticks, waited = iter([0, 5, 10, 13, 20, 24, 30, 38, 40, 44]), []
    made = []
    with monkeypatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: next(ticks))
        patch.setattr(torch.cuda, "synchronize", waited.append)
        assert gpu_checks.timed(CARD, lambda: made.append(1)) == 3
    assert len(made) == 5 and waited == [CARD] * 10

    begun, seconds = [], iter([0.001, 0.0035, 0.007, 0.014])
    optimizer = lambda params, *rule, lr, **how: begun.append((*rule, lr, how)) or SimpleNamespace(step=lambda: None)
    few = SimpleNamespace(
        zeros=lambda count, device: torch.zeros(4), ones_like=torch.ones_like, nn=torch.nn, optim=SimpleNamespace(AdamW=optimizer)
    )
    monkeypatch.setattr(gpu_checks, "torch", few)
    monkeypatch.setattr(gpu_checks, "Optimizer", optimizer)
    monkeypatch.setattr(gpu_checks, "timed", lambda device, task: (next(seconds), task())[0])
    assert gpu_checks.a_step_uses_the_memory(CARD) == (
        "of 537 GB/s: torch's fused AdamW 100%, compiled AdamW 50%, plain AdamW 25%"
    )
    assert begun == [(1e-4, {"fused": True}), ("adamw", 1e-4, {"compiled": True}), ("adamw", 1e-4, {})]


def test_a_card_is_described(monkeypatch):
    of = SimpleNamespace(total_memory=143.7e9, multi_processor_count=132, major=9, minor=0)
    monkeypatch.setattr(devices, "title", lambda device: "a card")
    monkeypatch.setattr(devices, "machine", lambda: "a machine")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: of)
    first, card, versions = gpu_checks.describe(CARD)
    assert first == "device    a card; a machine" and card == "card      144 GB, 132 processors, 9.0"
    assert versions == f"versions  torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}"
    assert gpu_checks.describe(CPU) == [first, versions]


def test_the_steps_that_are_compared_by_hand():
    """Gradients that are always the same, a rate that never changes: what a card gets wrong only then would not be seen."""
    random = torch.Generator().manual_seed(0)
    draw = lambda shape: torch.randn(shape, generator=random, dtype=torch.float64)
    wanted = [draw(shape) for shape in ((6, 4), (7,), ())]
    for lr in (0.01, 0.01, 0.01, 0.005, 0.005):
        wanted = [p - lr * draw(p.shape) for p in wanted]
    optimizer, found = gpu_checks.stepped("gradient_descent", CPU)
    assert optimizer.engine == "plain"
    for ours, by_hand in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours.detach(), by_hand, rtol=1e-14, atol=1e-14)
    _, found = gpu_checks.stepped("muon", CPU, dtype=torch.float32, steps=1)
    assert [tuple(p.shape) for p in found] == [(6, 4), (6, 4), (4, 4)] and {p.dtype for p in found} == {torch.float32}


def test_near_is_a_share_of_the_largest_number_and_absolute_below_one():
    def near(found, wanted):
        gpu_checks.near(torch.tensor(found), torch.tensor(wanted), 0.05, "a sum")

    for found, wanted in (([1.04], [1.0]), ([100.0, 4.0], [100.0, 0.0]), ([0.04], [0.0]), ([-0.96], [-1.0])):
        near(found, wanted)
    for found, wanted in (([1.06], [1.0]), ([100.0, 6.0], [100.0, 0.0]), ([0.06], [0.0]), ([math.nan, 1.0], [1.0, 1.0])):
        with pytest.raises(AssertionError, match=rf"a sum: apart by .*, allowed {0.05 * max(1.0, *wanted):g}"):
            near(found, wanted)


def test_a_rehearsal_is_small_and_of_the_same_rates():
    family = experiments.FAMILIES["flagship"]
    small = gpu.shrunk(family)
    named = "model batch steps warmup eval_every eval_windows log_every context precision compile".split()
    assert [getattr(small.base, name) for name in named] == ["pico", 2, 4, 1, 2, 2, 2, 0, "float32", False]
    assert (small.centre, small.replay) == (family.centre, family.replay)


def test_a_check_that_fails_is_noted_and_the_next_one_runs(tmp_path, monkeypatch, capsys):
    """A wrong number is a finding: it is kept, told, and asked again next time; what held is not."""
    asked = []

    def wrong(device):
        asked.append("wrong")
        gpu_checks.near(torch.ones(2), torch.zeros(2), 0.5, "a sum")

    monkeypatch.setattr(gpu_checks, "CHECKS", {"wrong": wrong, "right": lambda device: asked.append("right")})
    for _ in range(2):
        report = gpu.Report(tmp_path, gpu.provenance(CPU))
        assert gpu.run_checks(CPU, report, print, time.monotonic() + 60) == ["wrong"]
        said = capsys.readouterr().err
        assert said.startswith("Traceback") and said.endswith("AssertionError: a sum: apart by 1, allowed 0.5\n"), "where it was"
    assert asked == ["wrong", "right", "wrong"]
    found = json.loads((tmp_path / gpu.REPORT).read_text("utf-8"))
    assert "a sum: apart by 1, allowed 0.5" in found["checks"]["wrong"]["said"] and found["checks"]["right"]["passed"]
    assert gpu.Report(tmp_path, {**gpu.provenance(CPU), "device": "another card"}).content["checks"] == {}


def test_a_deadline_is_a_signal_that_comes_by_itself():
    early, late = gpu.Deadline(time.monotonic() + 60), gpu.Deadline(time.monotonic() - 1)
    assert early.number == 0 and late.number == signal.SIGTERM
    early.number = signal.SIGINT
    assert early.number == signal.SIGINT


def test_with_torch_numpy_and_tqdm_alone_a_family_is_recorded_and_kept(tmp_path):
    """The whole way in a process that can import nothing else; a second start finds everything there."""
    words = ["gpu", "--shrunk", "--only", "frequency", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", BARE, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "no GPU has seen it" in done.stdout and "everything is there" in done.stdout
    path = tmp_path / "frequency-gpu-shrunk.json"
    record = records.verify(records.load(path))
    assert len(record["rows"]) == 33 and record["family"] == "gpu-shrunk" and "CPU" in record["device"]
    rows = (tmp_path / "frequency-gpu-shrunk.rows.jsonl").read_text("utf-8")
    family = gpu.shrunk(experiments.FAMILIES["gpu"])
    said = []
    assert gpu.make_family("frequency", "gpu-shrunk", family, tmp_path, CPU, time.monotonic() - 1, said.append)
    assert (tmp_path / "frequency-gpu-shrunk.rows.jsonl").read_text("utf-8") == rows
    elsewhere = tmp_path / "late"
    elsewhere.mkdir()
    assert not gpu.make_family("frequency", "gpu-shrunk", family, elsewhere, CPU, time.monotonic() - 1, said.append)
    assert "the same command goes on" in said[-1] and not (elsewhere / "frequency-gpu-shrunk.json").exists()


@pytest.fixture
def pieces(monkeypatch):
    """The command whose pieces only say that they were asked for, each taking a minute; a clock that is told."""
    found = SimpleNamespace(now=1000.0, asked=[], failed=[], left=())

    def piece(name, answer=None):
        def made(*arguments):
            found.asked.append((name, arguments))
            found.now += 60
            return answer(arguments) if answer else None

        return made

    monkeypatch.setattr(gpu, "time", SimpleNamespace(monotonic=lambda: found.now))
    monkeypatch.setattr(gpu, "run_checks", piece("checks", lambda arguments: found.failed))
    monkeypatch.setattr(gpu, "measure_speed", piece("speed"))
    monkeypatch.setattr(gpu, "make_cost", piece("cost"))
    monkeypatch.setattr(gpu, "make_family", piece("family", lambda arguments: arguments[0] not in found.left))
    monkeypatch.setattr(parallel, "alone", lambda kind: found.asked.append((kind, ())) or parallel.World(0, 1, CPU))
    return found


ORDER = ["checks", "speed", "worth", "best", "frequency", "cost", "million"]


def names(pieces):
    return [arguments[0] if name == "family" else name for name, arguments in pieces.asked[1:]]


def test_the_pieces_come_in_their_order(pieces, tmp_path):
    said = []
    assert gpu.run(25, tmp_path / "out", say=said.append) == 0
    assert pieces.asked[0] == ("cuda", ()) and names(pieces) == ORDER == list(gpu.NAMES)
    assert said[-1] == "everything is there" and (tmp_path / "out").is_dir() and not any("rehearsal" in line for line in said)
    asked = dict(pieces.asked)
    assert asked["checks"][2:] == (said.append, 1000 + 25 * 60 - 20) and asked["speed"][2:] == (said.append, False)
    assert asked["cost"] == ("gpu", tmp_path / "out", CPU, said.append)
    worth = next(arguments for name, arguments in pieces.asked if name == "family")
    assert worth == ("worth", "gpu", experiments.FAMILIES["gpu"], tmp_path / "out", CPU, 1000 + 25 * 60 - 20, said.append)


def test_a_rehearsal_asks_for_the_same_but_for_the_cost(pieces, tmp_path):
    said = []
    assert gpu.run(25, tmp_path, small=True, say=said.append) == 0
    assert pieces.asked[0] == ("cpu", ()) and names(pieces) == [name for name in ORDER if name != "cost"]
    assert any("no GPU has seen it" in line for line in said) and dict(pieces.asked)["speed"][3] is True
    assert pieces.asked[-1][1][:3] == ("million", "flagship-shrunk", gpu.shrunk(experiments.FAMILIES["flagship"]))
    pieces.asked.clear()
    gpu.run(25, tmp_path, small=True, only=("best", "speed"), say=said.append)
    assert names(pieces) == ["speed", "best"]


def test_what_there_is_no_time_for_is_left(pieces, tmp_path):
    """A piece begun after the end, a word that all is there where it is not, a failed check forgotten."""
    said = []
    assert gpu.run(4, tmp_path, say=said.append) == 0  # 220 seconds
    assert names(pieces) == ORDER[:4] and said[-1] == "the time was up; the same command goes on from here"
    pieces.asked.clear()
    assert gpu.run(1.3, tmp_path, only=("checks", "speed"), say=said.append) == 0  # 58 seconds
    assert names(pieces) == ["checks"] and said[-1] == "everything is there"
    pieces.failed, pieces.left = ["a_sum", "a_product"], ("best",)
    assert gpu.run(25, tmp_path, say=said.append) == 1
    assert said[-2:] == [
        f"failed: a_sum, a_product; see {tmp_path / gpu.REPORT}", "the time was up; the same command goes on from here"
    ]  # fmt: skip


def test_every_piece_has_its_family():
    """What the command makes can be made: each experiment is made for the family that it is asked for."""
    for name, family in gpu.PIECES:
        assert family in experiments.EXPERIMENTS[name].families
        if name != "cost":
            assert experiments.count(experiments.EXPERIMENTS[name], experiments.FAMILIES[family]) > 0
            assert list(experiments.EXPERIMENTS[name].sides(experiments.FAMILIES[family]))


def test_speed_is_told_beside_the_short_loop(tmp_path):
    report, said = gpu.Report(tmp_path, {}), []
    gpu.measure_speed(CPU, report, said.append, small=True)
    assert list(report.content["speed"]) == ["loop", "ours", "ours, its norms and positions"] and len(said) == 3
    assert all(found["tokens_per_second"] > 0 for found in report.content["speed"].values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks what happens without a GPU")
def test_what_it_refuses(capsys):
    for words, complaint in (
        (["gpu", "--minutes", "0"], "minutes is 0; allowed: a number from 1"),
        (["gpu", "--only", "chekcs"], "Did you mean 'checks'"),
        (["gpu"], "finds no CUDA device"),
    ):
        assert cli.main(words) == 2
        assert complaint in capsys.readouterr().err
    assert devices.products_of("bfloat16") == "bfloat16" and devices.products_of("float32") == "as given"
