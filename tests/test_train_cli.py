"""The command line of the trainer: help, clear errors, Ctrl-C, sweeps that go on where they stopped."""

import inspect
import json
import math
import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from momentum_lib.records import format as records_format
from momentum_lib.train import arguments, checkpoint, cli, data, experiments, folder, limits, loop, parallel, sweep
from momentum_lib.train import diloco as diloco_module
from momentum_lib.train.defaults import Defaults
from momentum_lib.train.settings import Settings
from tests import forked
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
TINY = "--model pico --steps 8 --batch 4 --warmup 2 --eval-windows 8 --device cpu --threads 1 --quiet".split()
ENV = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def launch(*arguments, program=("-m", "momentum_lib.train")):
    """The program as a process of its own; its output comes line by line."""
    return forked.start([*program, *arguments], cwd=ROOT, env=ENV)


def interrupting(what, count):
    """The program as somebody meets it who presses Ctrl-C once a method of momentum_lib.train has been called so often: it does
    that itself, so that no machine is too slow, or too fast, to be interrupted in time."""
    module, kind, method = what.split(".")
    return ["-c", INTERRUPTED.format(module=module, kind=kind, method=method, count=count)]


INTERRUPTED = """
import signal, sys
from momentum_lib.train import cli, {module}

method, calls = {module}.{kind}.{method}, []

def called(*arguments):
    result = method(*arguments)
    calls.append(None)
    if len(calls) == {count}:
        signal.raise_signal(signal.SIGINT)
    return result

{module}.{kind}.{method} = called
sys.exit(cli.main())
"""


# -- help and errors ---------------------------------------------------------------------------


def commands():
    """The parser of each command, by name; that of the program is the empty name's."""
    parser = arguments.build_parser()
    return {"": parser, **parser._subparsers._group_actions[0].choices}


@pytest.mark.parametrize("command", commands())
def test_help_explains_every_argument(command, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 118
    parser = commands()[command]
    assert parser.prog == f"python -m momentum_lib.train {command}".strip()
    assert " ".join(parser.description.split()) in " ".join(text.split())
    for action in parser._actions:
        assert action.help, action.option_strings
        assert action.nargs != "A..." or {choice.dest for choice in action._choices_actions if choice.help} == set(action.choices)


def settings_by_default(names):
    return {name: getattr(Defaults(), name) for name in names.split()}


COMMON = "model norm positions context batch steps warmup decay floor clip accumulation precision compile eval_windows"
MACHINE = {"device": "auto", "threads": 0, "out": None, "quiet": False}
OUTER = {"every": 10, "outer_rule": "nesterov_torch", "outer_lr": 0.7, "outer_set": [], "workers": None}
BARE = {  # command -> (what it needs, what that means without any option)
    "run": (
        [],
        settings_by_default(f"{COMMON} rule lr seed shard checkpoint_every eval_every") | {**MACHINE, "set": [], "resume": False},
    ),
    "diloco": (
        [],
        settings_by_default(f"{COMMON} rule lr seed")
        | {**MACHINE, **OUTER, "set": [], "resume": False, "patience": 60.0, "missing": "stop", "checkpoint_every": 10},
    ),
    "sweep": (
        ["--out", "rows"],
        settings_by_default(COMMON)
        | {**MACHINE, "set": [], "rule": ["adamw"], "lr": [0.003], "seed": [0], "out": Path("rows"), "jobs": 1, "on": None},
    ),
    "experiment": (
        ["cost"],
        {"name": "cost", "family": "cpu", "out": Path("records"), "jobs": 1, "on": None, "threads": 1}
        | {"one_by_one": False, "plan": False, "quiet": False},
    ),
    "gpu": ([], {"minutes": 25, "out": Path("notebooks/records"), "only": [], "shrunk": False, "threads": 0}),
    "replay": (["a", "b"], {"files": [Path("a"), Path("b")], "threads": 1}),
    "older": (["a", "--because", "it is"], {"files": [Path("a")], "threads": 1, "because": "it is"}),
}
WHOLE = "seed context batch steps warmup accumulation threads eval_windows checkpoint_every eval_every every workers jobs".split()
REAL = "lr floor clip outer_lr patience minutes".split()
WORDS = {"model": "SIZE", "outer_rule": "RULE", "missing": "HOW", "on": "CLUSTER", "only": "PIECE", "because": "WHY"}


def test_a_run_whose_settings_are_left_out_is_the_one_that_the_stored_rows_left_them_out_of():
    """A default that moves under the rows, the records and the commands of the book, none of which names it."""
    assert vars(Defaults()) == {
        "model": "nano", "norm": "rms", "positions": "rotary", "context": 0, "rule": "adamw", "lr": 0.003, "hyper": {},
        "batch": 16, "accumulation": 1, "steps": 300, "warmup": 20, "decay": "cosine", "floor": 0.0, "clip": 0.0, "seed": 0,
        "precision": "auto", "compile": False, "eval_windows": 128, "shard": "none", "eval_every": 100, "log_every": 10,
        "checkpoint_every": 100,
    }  # fmt: skip


@pytest.mark.parametrize("command", list(commands())[1:])
def test_a_bare_command_means_its_defaults(command):
    """A setting whose default is another one here, an option that is gone, an argument that may be left out."""
    needed, means = BARE[command]
    assert vars(commands()[command].parse_args(needed)) == means
    if needed:
        with pytest.raises(SystemExit):
            commands()[command].parse_args([])


@pytest.mark.parametrize("command", BARE)
def test_an_option_is_read_as_what_it_is(command):
    """A number that stays a text, a list cut to its first entry; shown by a letter, a place or a word, not by its own name."""
    parser = commands()[command]
    for action in parser._actions[1:]:
        name, (said, means), shown = action.dest, ("muon", "muon"), WORDS.get(action.dest)
        if action.nargs == 0:
            said, means = "", True
        elif name in WHOLE:
            said, means, shown = "7", 7, "K" if name == "every" else "N"
        elif name in REAL:
            said, means, shown = "0.5", 0.5, {"floor": "F", "clip": "C", "patience": "S", "minutes": "M"}.get(name, "LR")
        elif name in ("out", "files"):
            said, means = "a/b", Path("a/b")
            shown = {"sweep": "FILE", "replay": "FILE", "older": "FILE"}.get(command, "FOLDER")
        elif name == "set" and command == "sweep":
            said, means, shown = "beta=0,0.9", ("beta", [0.0, 0.9]), "NAME=X,Y,..."
        elif name in ("set", "outer_set"):
            said, means, shown = "beta=0.9", ("beta", 0.9), "NAME=X"
        if action.option_strings:
            assert action.option_strings == [f"--{name.replace('_', '-')}"]
            many = command == "sweep" and name in ("rule", "lr", "seed") or name == "only"
            words = [*BARE[command][0], *action.option_strings, *said.split(), *(said.split() if many else [])]
            found = getattr(parser.parse_args(words), name)
            assert found == ([means, means] if many else [means] if name.endswith("set") else means), words
            assert type(found) is type(means) or many or name.endswith("set")
        assert action.metavar == (shown or (name.upper() if not action.option_strings else None)), name


def test_the_examples_in_the_help_are_commands(capsys, monkeypatch):
    """Help that shows an option which no longer exists."""
    lines = [line for line in arguments.EXAMPLES.splitlines() if "-m momentum_lib.train" in line]
    assert len(lines) >= 6
    for line in lines:
        found = arguments.build_parser().parse_args(line.partition("momentum_lib.train ")[2].split())
        assert found.command in ("run", "sweep", "experiment", "diloco", "gpu")


def one_line(capsys, arguments, code):
    """Run it; it must fail with this code and one line, which is returned."""
    try:
        found = cli.main([str(argument) for argument in arguments])
    except SystemExit as error:
        found = error.code
    text = capsys.readouterr().err
    assert found == code, text
    assert text.count("\n") == 1 and "error: " in text and "Traceback" not in text, text
    return text


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["run", "--rule", "muom"], "Did you mean 'muon'"),
        (["run", "--model", "nanno"], "Did you mean 'nano'"),
        (["run", "--set", "beta3=0.9"], "Did you mean 'beta"),
        (["run", "--set", "beta1"], "is not name=number"),
        (["run", "--set", "beta1=1.5"], "allowed"),
        (["run", "--lr", "fast"], "--lr"),
        (["run", "--set", "beta1=0.9", "--set", "beta1=0.5"], "--set has 'beta1' twice; allowed: each hyper-parameter once"),
        (["sweep", "--out", "x.jsonl", "--set", "beta1=0,0.9", "--set", "beta1=0.5"], "--set has 'beta1' twice"),
        (["diloco", "--set", "beta1=0.9", "--set", "beta1=0.5"], "--set has 'beta1' twice"),
        (["diloco", "--set", "steps=5"], "--set has 'steps', which is an option of its own; give it as --steps"),
        (["diloco", "--outer-set", "beta=0.9", "--outer-set", "beta=0.5"], "--outer-set has 'beta' twice"),
        (["diloco", "--outer-set", "beta3=0.9"], "Did you mean 'beta'"),
        (["diloco", "--out", ""], "'' is no path; allowed"),
        (["gpu", "--out", " "], "' ' is no path; allowed"),
        (["run", "--set", "lr=0.5"], "--set has 'lr', which is an option of its own; give it as --lr"),
        (["sweep", "--out", "x.jsonl", "--set", "lr=0.5,1"], "--set has 'lr', which is an option of its own; give it as --lr"),
        (["sweep", "--out", "x.jsonl", "--set", "seed=1,2"], "give it as --seed"),
        (["sweep", "--out", "x.jsonl", "--set", "eval_windows=4,8"], "give it as --eval-windows"),
        (["sweep", "--out", "x.jsonl", "--set", "hyper=1"], "--set has 'hyper', which is no rule's hyper-parameter"),
        (["sweep", "--out", "x.jsonl", "--set", "log_every=1"], "which is no rule's hyper-parameter"),
        (["run", "--rule", "muon", "--set", "adamw_lr=-1"], "adamw_lr is -1; allowed: a finite number >= 0."),
        (["run", "--rule", "muon", "--set", "adamw_beta1=1"], "adamw_beta1 is 1; allowed: a number in [0, 1)."),
        (["run", "--out", ""], "'' is no path; allowed: the name of a file or folder"),
        (["run", "--out", "a\0b"], "is no path; allowed"),
        (["sweep", "--out", " "], "' ' is no path; allowed"),
        (["experiment", "best", "--out", ""], "'' is no path; allowed"),
        (["run", "--lr", "nan"], "finite number"),
        (["run", "--steps", "0"], "at least 1"),
        (["run", "--batch", "4", "--accumulation", "3"], "must divide"),
        (["run", "--resume"], "needs --out"),
        (["run", "--device", "gpu"], "unknown device 'gpu'"),
        (["run", "--shard", "all"], "unknown way to shard"),
        (["run", "--context", "100000000"], "context is 100000000; allowed: a whole number of at least 0 and at most 16384"),
        (["run", "--context", "400000", "--positions", "learned"], "at most 16384"),
        (["run", "--seed", str(2**64)], f"at most {2**64 - 1}; choose --seed"),
        (["run", "--steps", str(10**30)], "at most 99999999; choose --steps"),
        (["run", "--warmup", str(10**400)], "at most 99999999; choose --warmup"),
        (["run", "--batch", str(10**30)], "at most 99999999; choose --batch"),
        (["run", "--batch", "99999999"], "bytes are to train on; choose a smaller --batch or --context"),
        (["run", "--eval-windows", str(10**12)], "at most 99999999; choose --eval-windows"),
        (["run", "--eval-windows", "1000000"], "bytes are held out; choose a smaller --eval-windows or --context"),
        (["run", "--threads", "-3"], "threads is -3; allowed: a whole number of at least 0 and at most 1024; choose --threads"),
        (["run", "--threads", str(10**12)], "at least 0 and at most 1024"),
        (["sweep", "--out", "x.jsonl", "--threads", "-1"], "at least 0 and at most 1024"),
        (["sweep", "--out", "x.jsonl", "--seed", "1", str(2**64)], "choose --seed"),
        (["sweep", "--out", "x.jsonl", "--batch", "99999999"], "choose a smaller --batch"),
        (["sweep", "--out", "x.jsonl", "--jobs", str(10**9)], "at least 1 and at most 1024"),
        (["walk"], "invalid choice"),
        ([], "COMMAND"),
        (["sweep", "--out", "x.jsonl", "--rule", "adamw", "lyon"], "Did you mean 'lion'"),
        (["sweep", "--out", "x.jsonl", "--jobs", "0"], "jobs is 0"),
        (["experiment", "momentun"], "Did you mean 'momentum'"),
        (["experiment", "momentum", "--family", "tpu"], "unknown family"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(arguments, says, capsys):
    assert says in one_line(capsys, arguments, 2)


def test_no_message_points_to_what_the_program_does_not_have(capsys):
    """A way out in a message that is the library's, where a trainer has no such option."""
    for wrong in ("beta1=1", "weight_decay=-1", "eps=-1"):
        text = one_line(capsys, ["run", "--set", wrong], 2)
        assert "allowed" in text and "unstable" not in text


def test_a_place_that_cannot_be_written_is_one_line_of_ours(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for command, where, says in (
        (["run", *TINY], "x" * 300, "File name too long; choose an --out"),
        (["sweep", *TINY], tmp_path, "Is a directory; choose another --out"),
        (["sweep", *TINY], tmp_path / "file" / "rows", "choose another --out"),
        (["experiment", "best", "--plan"], tmp_path / "file" / "records", "choose another --out"),
    ):
        text = one_line(capsys, [*command, "--out", where], 1)
        assert "could not write " in text and says in text and "Errno" not in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_one_clear_line(capsys):
    assert "finds no CUDA device; use --device auto or cpu" in one_line(capsys, ["run", "--device", "cuda"], 2)
    assert "needs a CUDA GPU" in one_line(capsys, ["experiment", "best", "--family", "gpu"], 2)


def test_a_run_can_be_gone_on_with_and_is_not_written_over(tmp_path, capsys):
    run = ["run", *TINY, "--out", str(tmp_path / "a")]
    assert cli.main(run) == 0
    text = capsys.readouterr().out
    assert "CPU, 1 thread" in text and "fingerprint" in text and "held out" in text and "% of peak" not in text
    assert "already holds a run, at step 8; add --resume" in one_line(capsys, run, 2)
    assert "lr = 0.003, this run has 0.1" in one_line(capsys, [*run, "--resume", "--lr", "0.1"], 1)
    (tmp_path / "b").mkdir()
    for path in checkpoint.found(tmp_path / "a"):
        (tmp_path / "b" / path.name).write_bytes(b"spoilt")
    assert "damaged or not a checkpoint" in one_line(capsys, ["run", *TINY, "--resume", "--out", tmp_path / "b"], 1)
    (tmp_path / "c").write_text("")
    assert "could not write" in one_line(capsys, ["run", *TINY, "--out", tmp_path / "c" / "d"], 1)


def test_a_run_at_the_edge_of_what_is_allowed_is_allowed():
    """Limits that are off by one, on either side."""
    corpus = data.Corpus(torch.zeros(640).numpy(), torch.zeros(320).numpy(), {}, ())
    limits.fit(Settings(model="pico", batch=40, eval_windows=20), corpus)
    for more in ({"batch": 41}, {"eval_windows": 21}):
        with pytest.raises(ValueError, match="is (41; allowed: 1 to 40|21; allowed: 1 to 20) windows of 16 bytes"):
            limits.fit(Settings(**{"model": "pico", "batch": 40, "eval_windows": 20, **more}), corpus)
    with pytest.raises(ValueError, match="allowed: a context of at most 640 bytes"):
        limits.fit(Settings(context=641, batch=1, eval_windows=1), corpus)
    torch.Generator().manual_seed(Settings(seed=2**64 - 1).seed)
    assert len(checkpoint.file_name(Settings(steps=10**8 - 1).steps)) == len(checkpoint.file_name(1))


def test_too_little_memory_is_one_clear_line(capsys, monkeypatch):
    def ask(arguments):
        torch.empty(2**60)

    monkeypatch.setattr(cli, "command_run", ask)
    assert "not enough memory; choose a smaller --batch" in one_line(capsys, ["run"], 1)
    monkeypatch.setattr(cli, "command_run", lambda arguments: parallel.World(0, 1, None).device.type)
    with pytest.raises(AttributeError):
        cli.main(["run"])


def test_a_folder_has_one_run_at_a_time(tmp_path, capsys, monkeypatch):
    """Two runs that both say done, and one result."""
    pytest.importorskip("fcntl")
    run = ["run", *TINY, "--out", tmp_path / "run"]
    write, refused = checkpoint.write_atomically, []

    def second(path, content):
        with pytest.raises(folder.FolderError, match="another run is writing in"):
            folder.lock(path.parent)
        refused.append(path.name)
        write(path, content)

    with folder.held(tmp_path / "run", parallel.alone("cpu")):
        assert "another run is writing in" in one_line(capsys, run, 1)
    assert checkpoint.found(tmp_path / "run") == []
    monkeypatch.setattr(checkpoint, "write_atomically", second)
    assert cli.main([str(argument) for argument in run]) == 0  # a lock file that is left over locks nothing
    assert refused == ["step-00000008.pt", "result.json"]
    with folder.held(tmp_path / "run", parallel.alone("cpu"), resume=True):
        pass


def test_the_other_processes_of_a_run_go_with_the_first(tmp_path, monkeypatch):
    """One process refused its folder, and the others waiting for it for ever."""
    other = parallel.World(1, 2, torch.device("cpu"))
    monkeypatch.setattr(parallel, "agree", lambda flag, world: 1)
    with pytest.raises(ValueError, match="the first process cannot use"), folder.held(tmp_path / "run", other):
        pass
    monkeypatch.setattr(parallel, "agree", lambda flag, world: 0)
    with folder.held(tmp_path / "run", other), folder.held(tmp_path / "run", other):
        assert not (tmp_path / "run").exists()


def test_what_cannot_be_a_folder_is_noticed_before_the_first_step(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "train_in_folder", None)
    (tmp_path / "file").write_text("dear diary")
    for every in ("0", "100"):
        run = ["run", *TINY, "--checkpoint-every", every, "--out", tmp_path / "file"]
        assert "file is a file; allowed: a folder" in one_line(capsys, run, 2)
    assert (tmp_path / "file").read_text() == "dear diary"
    assert "is a file" in one_line(capsys, ["experiment", "cost", "--out", tmp_path / "file"], 2)

    def full(dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.tempfile, "TemporaryFile", full)
    assert "could not write in" in one_line(capsys, ["run", *TINY, "--out", tmp_path / "full"], 1)


@pytest.mark.parametrize("content", ["dear diary", "[1]", '{"settings": {}}', "[" * 100_000, "\udcff"])
def test_a_result_of_something_else_is_not_written_over(content, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "train_in_folder", None)
    (tmp_path / "result.json").write_text(content, "utf-8", "surrogateescape")
    for more in ([], ["--resume"]):
        text = one_line(capsys, ["run", *TINY, *more, "--out", tmp_path], 2)
        assert "is not a result of this program" in text and "move it, or choose another --out" in text
    assert (tmp_path / "result.json").read_text("utf-8", "surrogateescape") == content


def test_a_result_of_ours_is_written_over_only_where_it_is_no_loss(tmp_path):
    ours = {"settings": {}, "fingerprint": "", "losses": []}
    (tmp_path / "result.json").write_text(json.dumps(ours))
    with pytest.raises(ValueError, match="holds the result of a finished run"):
        folder.check_result(tmp_path)
    folder.check_result(tmp_path, resume=True)
    (tmp_path / "result.json").write_text(json.dumps({**ours, "diverged_at": 3}))
    folder.check_result(tmp_path)


MINE = {"key": "a", "held_out": 2.5}
RECORD = {"format": records_format.FORMAT, "recorded": "2026-01-02", "rows": [MINE, {"key": "b", "held_out": None}]}
NOT_OURS = {  # what lies where the record should go -> what the refusal says
    "a diary": ("dear diary", "is not a record that this program can read"),
    "other JSON": ("[1]", "is not a record that this program can read"),
    "too deep": ("[" * 100_000, "is not a record that this program can read"),
    "no text": ("\udcff", "is not a record that this program can read"),
    "rows of something else": (json.dumps({**RECORD, "rows": 7}), "is not a record that this program can read"),
    "a record made elsewhere": (json.dumps(RECORD), "is a record of 2026-01-02 with 2 of 2 runs that are not among"),
}


@pytest.mark.parametrize("name", ["momentum", "cost"])
@pytest.mark.parametrize("case", NOT_OURS)
def test_a_record_of_something_else_is_not_written_over(name, case, tmp_path, capsys, monkeypatch):
    """An experiment that runs for hours and then replaces a file that was not its own."""
    monkeypatch.setattr(cli, "make_runs", None)
    monkeypatch.setattr(cli, "write_record", None)
    content, says = NOT_OURS[case]
    path = tmp_path / f"{name}-cpu.json"
    path.write_text(content, "utf-8", "surrogateescape")
    text = one_line(capsys, ["experiment", name, "--out", tmp_path], 2)
    assert says in text and str(path) in text and "move it, or choose another --out" in text
    assert path.read_text("utf-8", "surrogateescape") == content
    path.unlink()
    path.mkdir()
    assert "is not a record" in one_line(capsys, ["experiment", name, "--out", tmp_path], 2)


def test_a_record_of_the_folders_own_runs_is_written_again(tmp_path):
    """The same command once more, and a record of which one run is another's."""
    path = tmp_path / "momentum-cpu.json"
    folder.check_record(path, [])
    path.write_text(json.dumps(RECORD))
    folder.check_record(path, [*RECORD["rows"], {"key": "c", "held_out": 1.0}])
    with pytest.raises(ValueError, match="1 of 2 runs that are not among the finished runs"):
        folder.check_record(path, [MINE])
    with pytest.raises(ValueError, match="1 of 2 runs"):
        folder.check_record(path, [{**MINE, "held_out": 2.25}, RECORD["rows"][1]])
    path.write_text(json.dumps({**RECORD, "rows": [{"key": "a run that has no such loss"}, *RECORD["rows"]]}))
    with pytest.raises(ValueError, match="1 of 3 runs"):
        folder.check_record(path, RECORD["rows"])


def test_a_diverged_run_is_an_error(tmp_path, capsys):
    arguments = [
        "run",
        *TINY,
        "--rule",
        "gradient_descent",
        "--lr",
        "1e7",
        "--warmup",
        "0",
        "--decay",
        "constant",
        "--steps",
        "20",
    ]
    assert "diverged by step" in one_line(capsys, [*arguments, "--out", tmp_path / "run"], 1)
    text = (tmp_path / "run" / "result.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["diverged_at"] <= 20
    sweep_of = ["sweep", *TINY, "--rule", "gradient_descent", "--lr", "1e30", "--out", str(tmp_path / "rows"), "--warmup", "0"]
    assert cli.main(sweep_of) == 0
    assert "NaN" not in (tmp_path / "rows").read_text() and "Infinity" not in (tmp_path / "rows").read_text()


def test_ctrl_c_keeps_a_checkpoint_and_the_run_goes_on_bit_for_bit(tmp_path):
    """Work lost at a stop, a traceback, an exit code that says all is well."""
    run = ["run", *TINY, "--steps", "3000", "--eval-every", "20", "--out", tmp_path / "stopped"]
    process = launch(*run, program=interrupting("loop.Trainer.step", 25))
    _, errors = process.communicate(timeout=HANG)
    assert process.returncode == 130, errors
    assert errors.startswith("stopped at step ") and errors.count("\n") == 1 and "--resume" in errors
    stopped = checkpoint.latest(tmp_path / "stopped")
    assert 25 <= stopped["step"] <= 26 and len(stopped["result"]["losses"]) == stopped["step"]
    steps = stopped["step"] + 10

    def finish(folder):
        from momentum_lib.train.loop import Result, Trainer

        settings = Settings(model="pico", steps=3000, batch=4, warmup=2, eval_windows=8, eval_every=0, checkpoint_every=0)
        trainer = Trainer(settings)
        result = Result()
        if folder:
            trainer.load(stopped)
            result = Result(**{**stopped["result"], "stopped_by": 0})
        losses = [float(trainer.step()) for _ in range(steps - trainer.done)]
        return result.losses + losses

    torch.set_num_threads(1)
    assert finish(tmp_path / "stopped") == finish(None)


# -- how a command ends ------------------------------------------------------------------------


def ending(result, out=None, writes=True, diloco=False):
    """(exit code, [line and where it goes]) of a run that ended like this."""
    said = []
    trainer = SimpleNamespace(
        done=5, settings=Settings(model="pico", steps=8), corpus=SimpleNamespace(fingerprint="of some bytes"), world=None
    )
    arguments, say = SimpleNamespace(out=out), lambda line, file=sys.stdout: said.append((line, file is sys.stderr))
    if diloco:
        worker = SimpleNamespace(trainer=trainer, plan=diloco_module.Plan(workers=2, every=4))
        return cli.conclude_diloco(arguments, worker, diloco_module.Rounds(**result), say, writes), said
    return cli.conclude(arguments, trainer, loop.Result(**result), say, writes), said


@pytest.mark.parametrize("diloco", [False, True], ids=["run", "diloco"])
def test_a_run_says_how_it_ended(diloco, tmp_path):
    """A stop that looks like a success, a divergence without its step; the word for a folder where there is none."""
    code, said = ending({"stopped_by": 15}, diloco=diloco)
    assert (code, said) == (143, [("stopped at step 5 of 8: no --out, so nothing is kept.", True)])
    code, said = ending({"stopped_by": 2}, tmp_path / "x", diloco=diloco)
    kept = f"checkpoint in {tmp_path / 'x'}; go on with --resume"
    assert (code, said) == (130, [(f"stopped at step 5 of 8: {kept}.", True)]) and not (tmp_path / "x").exists()
    (tmp_path / "y").mkdir()
    code, said = ending({"diverged_at": 4, "losses": [5.5, math.inf]}, tmp_path / "y", diloco=diloco)
    where = "in round 4; try a smaller --lr or --outer-lr." if diloco else "by step 4; try a smaller --lr, or a longer --warmup."
    assert (code, said) == (1, [(f"error: the loss diverged {where}", True)])
    found = json.loads((tmp_path / "y" / "result.json").read_text())
    assert (found["losses"], found["diverged_at"], found["fingerprint"]) == ([5.5, None], 4, "of some bytes")
    assert found["settings"] == Settings(model="pico", steps=8).deciding()
    well = {"held_out": 2.25, "seconds": 3.0, **({"sent": 2_000_000, "cosines": [0.5, math.nan]} if diloco else {})}
    code, said = ending(well, tmp_path / "y", diloco=diloco)
    assert code == 0 and not said[0][1] and said[0][0].startswith("done    held out 2.2500 nats a byte after 5 steps, 3.0 s")
    if diloco:
        assert said[0][0].endswith("; 2.00 MB sent by each worker, 8.00 if it had been at every step")
        found = json.loads((tmp_path / "y" / "result.json").read_text())
        assert found["plan"]["workers"] == 2 and found["cosines"] == [0.5, None] and found["held_out"] == 2.25
        assert ending(well, tmp_path / "z", writes=False, diloco=True) == (0, [])
    ending(well, tmp_path / "z", writes=False, diloco=diloco)
    assert not (tmp_path / "z").exists(), "another process writes"


def test_a_bar_counts_from_what_is_done_and_lines_go_above_it(monkeypatch, capsys):
    asked, moved = [], []

    class Bar:
        def __init__(self, **options):
            asked.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            moved.append("closed")

        update = moved.append

        def write(self, line, file):
            print(f"above: {line}", file=file)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    with cli.progress(7, 3, "runs", False, unit="run") as (bar, say):
        bar(1)
        say("one is done")
    with cli.progress(7, 3, "runs", True) as (bar, say):
        assert bar is None
        say("quietly")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with cli.progress(7, 3, "runs", False) as (bar, say):
        assert bar is None
    assert asked == [{"total": 7, "initial": 3, "desc": "runs", "unit": "run", "disable": None, "leave": False}]
    assert moved == [1, "closed"] and capsys.readouterr().out == "above: one is done\nquietly\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_cluster_may_have_the_gpu_that_is_not_here(tmp_path, capsys):
    words = ["experiment", "worth", "--family", "gpu", "--plan", "--out", str(tmp_path)]
    assert "needs a CUDA GPU" in one_line(capsys, words, 2)
    assert cli.main([*words, "--on", "dask:tcp://nowhere:8786"]) == 0
    assert "runs of the mini model" in capsys.readouterr().out


@pytest.fixture
def bars(monkeypatch):
    """(total, done, label, quiet, unit) of each bar that is asked for."""
    asked, signature = [], inspect.signature(cli.progress)

    @contextmanager
    def progress(*given, **named):
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        asked.append(tuple(bound.arguments.values()))
        yield None, lambda line: None

    monkeypatch.setattr(cli, "progress", progress)
    return asked


@pytest.mark.parametrize(
    "command, kept, wanted",
    [
        (["run", "--rule", "lion", "--checkpoint-every", "4"], "", [(8, 0, "lion", True, "step"), (8, 4, "lion", True, "step")]),
        (
            ["diloco", "--every", "2", "--checkpoint-every", "1"],
            "worker-0",
            [(4, 0, "rounds", True, "round"), (4, 3, "rounds", True, "round")],
        ),
    ],
    ids=["run", "diloco"],
)
def test_a_bar_is_as_long_as_the_run_and_begins_where_that_does(command, kept, wanted, bars, tmp_path):
    """A resumed run whose bar begins at nothing, or counts steps where it says rounds."""
    words = [command[0], *TINY, *command[1:], "--out", str(tmp_path / "run")]
    assert cli.main(words) == 0
    checkpoint.found(tmp_path / "run" / kept)[0].unlink()
    assert cli.main([*words, "--resume"]) == 0
    assert bars == wanted


@pytest.mark.parametrize("on", [None, "dask:there"])
def test_runs_that_are_left_are_counted(on, bars, capsys):
    """The rows of other runs counted as done; a stop that looks like an end."""
    asked = SimpleNamespace(on=on, jobs=3, quiet=True, threads=2)
    rows = SimpleNamespace(rows=[{"key": "a"}, {"key": "of another sweep"}])

    def run(tasks, rows, *, threads, device, bar, say, **how):
        assert (tasks, threads, device, how) == (["a task"], 2, "cpu", {"on": on} if on else {"jobs": 3})
        rows.rows.append({"key": "b"})
        return rows.stop

    for rows.stop, code, says in ((15, 143, "stopped: 1 runs are left; the same command makes them.\n"), (0, 0, "")):
        assert cli.make_runs(asked, ["a task"], rows, {"a", "b", "c"}, "cpu", run) == code
        assert capsys.readouterr().err == says
    assert bars == [(3, 1, "runs", True, "run"), (3, 2, "runs", True, "run")]


def test_a_record_of_times_is_measured_once_and_by_nobody_who_only_plans(tmp_path, monkeypatch):
    measured, written = [], []
    own = replace(experiments.EXPERIMENTS["cost"], measure=lambda *arguments: measured.append(arguments) or "a record")
    monkeypatch.setitem(experiments.EXPERIMENTS, "cost", own)
    monkeypatch.setattr(cli, "write_record", lambda *arguments: written.append(arguments))
    words = ["experiment", "cost", "--out", str(tmp_path / "records"), "--threads", "1"]
    assert cli.main([*words, "--plan"]) == 0 and measured == [] and not (tmp_path / "records").exists()
    assert cli.main(words) == 0
    ((name, family, device, command, where, say),) = measured
    assert (name, family, device.type, say) == ("cost", "cpu", "cpu", print)
    assert command == "python -m momentum_lib.train experiment cost --family cpu" and where.startswith("CPU, 1 thread; ")
    assert written == [("a record", tmp_path / "records" / "cost-cpu.json")]
    assert cli.main([*words, "--on", "dask:tcp://nowhere:8786"]) == 2


def test_a_program_without_torch_or_one_that_is_stopped_ends_in_one_line(monkeypatch, capsys):
    def stopped(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "command_run", stopped)
    assert cli.main(["run"]) == 130 and capsys.readouterr().err == "stopped at once.\n"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cli.main(["run"]) == 1 and capsys.readouterr().err == "error: training needs torch: run `pip install torch`.\n"


def test_a_resume_says_where_it_begins(tmp_path, capsys):
    words = ["run", *TINY, "--out", str(tmp_path), "--resume"]
    assert cli.main(words) == 0
    assert f"note: {tmp_path} has no checkpoint yet; starting at step 0." in capsys.readouterr().out
    assert cli.main(words) == 0
    assert "resumed at step 8 of 8" in capsys.readouterr().out


# -- sweeps ------------------------------------------------------------------------------------

GRID = ["--rule", "heavy_ball", "--lr", "0.1", "0.3", "--set", "beta=0,0.9", "--seed", "1"]


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sweep_runs_the_grid_once(tmp_path, capsys):
    path = tmp_path / "a folder" / "that is new" / "rows.jsonl"
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(path)]) == 0
    rows = rows_of(path)
    assert [(row["lr"], row["hyper"]["beta"]) for row in rows] == [(0.1, 0.0), (0.3, 0.0), (0.1, 0.9), (0.3, 0.9)]
    assert len({row["key"] for row in rows}) == 4 and all(row["held_out"] > 0 for row in rows)
    assert "best    heavy_ball" in capsys.readouterr().out
    content = path.read_bytes()
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(path)]) == 0
    assert path.read_bytes() == content
    assert "4 runs, 4 of them" in capsys.readouterr().out


def test_a_sweep_names_the_best_setting_of_each_rule():
    """The luckiest run of all; a setting whose other seed diverged; the best of one rule alone."""
    base = Settings(model="pico", context=8, batch=2, steps=2)
    axes = {"rule": ["signum", "heavy_ball"], "lr": [0.1, 0.2, 0.4], "seed": [1, 2]}
    tasks = [sweep.Task(settings) for settings in sweep.grid(base, axes)]
    losses = {("signum", 0.1): (2.5, 2.7), ("signum", 0.2): (2.4, 2.6), ("signum", 0.4): (2.0, 3.4)}
    losses |= {("heavy_ball", 0.1): (3.5, 3.0), ("heavy_ball", 0.2): (3.0, None), ("heavy_ball", 0.4): (3.1, 3.3)}
    rows = [
        {
            "key": task.key,
            "rule": rule,
            "lr": lr,
            "hyper": task.settings.hyper,
            "seed": seed,
            "held_out": losses[rule, lr][seed - 1],
        }
        for task in tasks
        for rule, lr, seed in [(task.settings.rule, task.settings.lr, task.settings.seed)]
    ]
    said = sweep.best_of_each(tasks, rows)
    assert [" ".join(line.split()) for line in said] == [
        "signum lr 0.2 held out 2.5000, mean of 2 seeds",
        "heavy_ball lr 0.4 held out 3.2000, mean of 2 seeds",
    ]
    (alone,) = sweep.best_of_each(tasks[:1], rows)
    assert alone.endswith("held out 2.5000, one seed")
    assert sweep.best_of_each(tasks, rows[1:])[0] == said[0] and sweep.best_of_each(tasks, []) == [], "a run that is missing"


def test_two_processes_give_the_rows_of_one(tmp_path, capsys):
    """Workers that share a seed, lose a row, or count threads otherwise."""
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(tmp_path / "one")]) == 0
    assert cli.main(["sweep", *TINY, *GRID, "--jobs", "2", "--out", str(tmp_path / "two")]) == 0
    losses = lambda name: {row["key"]: row["first_losses"] + [row["held_out"]] for row in rows_of(tmp_path / name)}
    assert losses("one") == losses("two")


def test_a_row_that_a_kill_cut_short_is_made_again(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(path)]) == 0
    before = rows_of(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(path)]) == 0
    after = rows_of(path)
    assert [row["key"] for row in after] == [row["key"] for row in before]
    assert [row["held_out"] for row in after] == [row["held_out"] for row in before]


def test_what_cannot_be_appended_is_taken_back(tmp_path):
    resource = pytest.importorskip("resource")
    with sweep.Rows(tmp_path / "rows.jsonl") as rows:
        rows.append({"key": "a"})
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(OSError, match="the 1 rows in it are whole"):
                rows.append({"key": "b" * 200})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        rows.append({"key": "c"})
    assert [row["key"] for row in rows_of(tmp_path / "rows.jsonl")] == ["a", "c"]


def test_a_file_of_something_else_is_not_touched(tmp_path, capsys):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    assert "line 1: not a row of a sweep" in one_line(capsys, ["sweep", *TINY, *GRID, "--out", path], 1)
    assert path.read_text() == "dear diary\n"


def test_one_file_has_one_sweep_at_a_time(tmp_path, capsys):
    pytest.importorskip("fcntl")
    with sweep.Rows(tmp_path / "rows.jsonl"):
        assert "another sweep is writing" in one_line(capsys, ["sweep", *TINY, *GRID, "--out", tmp_path / "rows.jsonl"], 1)


def test_ctrl_c_ends_a_sweep_of_two_processes_and_keeps_its_rows(tmp_path):
    """Workers that live on, half a row, or finished runs that are gone."""
    path = tmp_path / "rows.jsonl"
    sweep_of = ["sweep", *TINY, "--rule", "heavy_ball", "--lr", "0.1", "--seed", *map(str, range(400)), "--jobs", "2"]
    process = launch(*sweep_of, "--out", path, program=interrupting("sweep.Rows.append", 2))
    _, errors = process.communicate(timeout=HANG)
    assert process.returncode == 130 and errors.startswith("stopped: ") and errors.count("\n") == 1, errors
    assert 2 <= len(rows_of(path)) <= 3  # two processes may have had a run each at hand


def failing(task, world, stop=None):
    """A runner whose second seed fails."""
    if task.settings.seed == 2:
        raise RuntimeError("no more paper")
    return {"key": task.key, "rule": "r", "lr": 1.0, "hyper": {}, "seed": task.settings.seed, "held_out": 1.0, "took": 0.0}


def test_a_run_that_fails_in_a_process_is_told_and_the_others_kept(tmp_path):
    tasks = [sweep.Task(Settings(seed=seed)) for seed in (1, 2)]
    with sweep.Rows(tmp_path / "rows.jsonl") as rows, pytest.raises(sweep.SweepError, match="no more paper"):
        sweep.run_all(tasks[:1], rows, jobs=2, runner=failing, device="cpu")
        sweep.run_all(tasks, rows, jobs=2, runner=failing, device="cpu")
    assert [row["seed"] for row in rows_of(tmp_path / "rows.jsonl")] == [1]


# -- experiments -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["momentum", "best", "frequency"])
@pytest.mark.parametrize("family", experiments.SIZES)
def test_every_side_may_try_the_same_number_of_settings(name, family):
    """A contest that one side enters better tuned."""
    sides = list(experiments.EXPERIMENTS[name].sides(experiments.FAMILIES[family]))
    assert len({side.name for side in sides}) == len(sides) >= 3
    assert len({len(side.trials) for side in sides}) == 1
    tuning, judged = experiments.tasks(experiments.EXPERIMENTS[name], experiments.FAMILIES[family], [])
    assert len({task.key for task in tuning}) == len(tuning) and judged == []
    assert experiments.TUNING_SEED not in experiments.SEEDS and len(experiments.SEEDS) >= 5
    assert {task.settings.seed for task in tuning} == {experiments.TUNING_SEED} and {task.role for task in tuning} == {"tune"}
    for side in sides:
        assert all(len({trial[0] for trial in side.trials}) == len(side.trials) for side in sides), side


def test_the_search_covers_its_box():
    points = experiments.spread(64, 3)
    assert points.min() >= 0 and points.max() < 1
    for k in range(3):
        assert len(set((points[:, k] * 16).astype(int))) == 16
    assert experiments.between(0, 0.1, 10) == 0.1 and experiments.between(0.5, 0.1, 10) == 1.0


def test_seconds_are_counted_once_where_runs_overlap():
    """A pause between runs, or two runs at a time, in the time that a record says it took."""
    rows = [{"began": 10.0, "took": 1.0}, {"began": 0.0, "took": 2.0}, {"began": 1.0, "took": 3.0}, {"began": 2.0, "took": 1.0}]
    assert experiments.wall_seconds(rows) == 5.0


def test_a_plan_runs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "make_runs", None)
    assert cli.main(["experiment", "momentum", "--plan", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("220 runs of the nano model, 200 steps") and "tuning runs: 0 of 120 done" in out
    assert not (tmp_path / "momentum-cpu.json").exists()


@pytest.mark.parametrize("more", [[], ["--one-by-one"]])
def test_an_experiment_trains_its_runs_together_unless_told_otherwise(more, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "make_runs", lambda *arguments: seen.append(arguments[-1]) or 130)
    assert cli.main(["experiment", "frequency", *more, "--out", str(tmp_path)]) == 130
    assert [run.__name__ for run in seen] == ["run_all" if more else "run_together"]
