"""The command line: what can be asked, and one clear line where it cannot be had."""

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

DESCRIPTION = """\
Train a small GPT on the bytes of Python's own standard library, with any rule of this library as its optimiser.
Nothing is downloaded. The device is chosen by itself: a CUDA GPU, else Apple's MPS, else the CPU."""

EXAMPLES = """\
examples:
  a nano model, AdamW, 300 steps: seconds on a CPU
    python -m momentum_lib.train run
  another rule, and a folder for its checkpoints
    python -m momentum_lib.train run --rule lion --lr 1e-3 --set beta1=0.95 --out runs/lion
  go on after Ctrl-C, a kill or a power cut
    python -m momentum_lib.train run --rule lion --lr 1e-3 --set beta1=0.95 --out runs/lion --resume
  38 million parameters on a GPU
    python -m momentum_lib.train run --model small --batch 64 --steps 1500 --compile --out runs/small
  two processes, the optimiser's state divided between them
    torchrun --standalone --nproc-per-node 2 -m momentum_lib.train run --shard zero --out runs/two
  a grid of runs, two at a time; the same command goes on where it stopped
    python -m momentum_lib.train sweep --rule heavy_ball --lr .1 .3 --set beta=0,0.9 --jobs 2 --out sgd.jsonl
  a recorded experiment
    python -m momentum_lib.train experiment momentum --family cpu --jobs 2 --out records

exit codes: 0 done; 1 the run failed (disk, checkpoint, memory, a loss that diverged); 2 a wrong argument;
130 stopped by Ctrl-C, 143 by a termination signal, in both cases with a checkpoint in --out."""


SWEEP_HELP = """\
Train every combination of the lists you give.
A finished run is a line of --out; started again, the command makes only the runs that are not there."""

EXPERIMENT_HELP = """\
Run a family of experiments and write its record, NAME-FAMILY.json.
`python -m momentum_lib.records verify` checks a record, `replay` runs its first steps again.

  momentum    momentum 0, .5, .9, .95 and .99 in SGD, AdamW, Lion and Muon, each at its own best rate
  best        eight rules, each at the best of ten settings
  frequency   SGD, Adam and sign descent by how frequent a byte is
  cost        time of a step and memory of its state, rule by rule

Each finished run is a line of NAME-FAMILY.rows.jsonl; started again, the command makes only what is missing.
On a GPU:
  for name in momentum best frequency cost; do
    python -m momentum_lib.train experiment $name --family gpu --out notebooks/records
  done"""


class WrongArgument(Exception):
    """What was asked for does not exist or does not fit; the message says so in one line."""


@contextmanager
def checked():
    """Where arguments are looked at: a ValueError or TypeError in here is the user's to mend, anywhere else it is ours."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise WrongArgument(str(error)) from error


class Parser(argparse.ArgumentParser):
    """argparse whose complaint is one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog):
        super().__init__(prog, max_help_position=30, width=110)

    def _get_help_string(self, action):
        return action.help if action.default in (None, False, [], argparse.SUPPRESS) else super()._get_help_string(action)


def pair(text):
    """``name=number`` as (name, number)."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=number, such as beta=0.95") from None


def pairs(text):
    """``name=a,b,c`` as (name, [a, b, c])."""
    name, _, values = text.partition("=")
    try:
        return name.strip(), [float(value) for value in values.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=number,number,..., such as beta=0,0.9") from None


def common(parser):
    """Arguments that a single run and a sweep share; their names are those of Settings."""
    model = parser.add_argument_group("model and data")
    model.add_argument("--model", default="nano", metavar="SIZE", help="pico, nano, micro, mini, small or medium")
    model.add_argument("--norm", default="rms", help="rms or layer")
    model.add_argument("--positions", default="rotary", help="rotary or learned")
    model.add_argument(
        "--context", type=int, default=0, metavar="N", help="bytes the model sees at once (default: the size's own)"
    )
    run = parser.add_argument_group("the run")
    run.add_argument("--batch", type=int, default=16, metavar="N", help="windows in a step, over all processes")
    run.add_argument("--steps", type=int, default=300, metavar="N", help="optimiser steps")
    run.add_argument("--warmup", type=int, default=20, metavar="N", help="steps over which the rate rises from zero")
    run.add_argument("--decay", default="cosine", help="how it falls afterwards: cosine, linear or constant")
    run.add_argument("--floor", type=float, default=0.0, metavar="F", help="share of the rate that is left at the end")
    run.add_argument("--clip", type=float, default=0.0, metavar="C", help="largest norm of a gradient; 0: any")
    run.add_argument(
        "--accumulation", type=int, default=1, metavar="N", help="parts in which a batch is worked off, to save memory"
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    machine.add_argument("--precision", default="auto", help="auto (bfloat16 on a GPU that has it), float32 or bfloat16")
    machine.add_argument("--compile", action="store_true", help="compile model and rule: slower to start, faster to run")
    machine.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads of a process; 0: torch's choice")
    machine.add_argument("--eval-windows", type=int, default=128, metavar="N", help="held-out windows that judge the model")


def build_parser():
    parser = Parser(prog="python -m momentum_lib.train", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=Formatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help="one of:")

    run = commands.add_parser("run", help="train one model", description="Train one model.", formatter_class=Formatter)
    rule = run.add_argument_group("optimiser")
    rule.add_argument("--rule", default="adamw", help="any rule of the library, such as heavy_ball, adamw, lion, muon")
    rule.add_argument("--lr", type=float, default=0.003, help="the highest learning rate of the run")
    rule.add_argument(
        "--set",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=X",
        help="a hyper-parameter of the rule, such as beta=0.95; may be repeated",
    )
    rule.add_argument("--seed", type=int, default=0, help="decides the first weights and the order of the data")
    common(run)
    run.add_argument(
        "--shard", default="none", help="none, or zero: under torchrun, divide the optimiser's state among processes"
    )
    files = run.add_argument_group("files and progress")
    files.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder for checkpoints (the last two) and result.json; none: nothing is kept"
    )
    files.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")
    files.add_argument(
        "--checkpoint-every", type=int, default=100, metavar="N", help="steps between checkpoints; 0: only at the end"
    )
    files.add_argument("--eval-every", type=int, default=100, metavar="N", help="steps between evaluations; 0: only at the end")
    files.add_argument("--quiet", action="store_true", help="no progress bar")

    sweep = commands.add_parser(
        "sweep",
        help="train a grid of models",
        description=SWEEP_HELP,
        formatter_class=Formatter,
    )
    grid = sweep.add_argument_group("the grid")
    grid.add_argument("--rule", nargs="+", default=["adamw"], help="one or more rules")
    grid.add_argument("--lr", nargs="+", type=float, default=[0.003], help="one or more learning rates")
    grid.add_argument(
        "--set",
        type=pairs,
        action="append",
        default=[],
        metavar="NAME=X,Y,...",
        help="values of a hyper-parameter, such as beta=0,0.9; may be repeated",
    )
    grid.add_argument("--seed", nargs="+", type=int, default=[0], help="one or more seeds")
    common(sweep)
    sweep.add_argument("--out", type=Path, required=True, metavar="FILE", help="file of rows, one JSON object a line")
    sweep.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, each in a process of its own")
    sweep.add_argument("--quiet", action="store_true", help="no progress bar")

    experiment = commands.add_parser(
        "experiment",
        help="run and record a family of experiments",
        description=EXPERIMENT_HELP,
        formatter_class=Formatter,
    )
    experiment.add_argument("name", metavar="NAME", help="momentum, best, frequency or cost")
    experiment.add_argument("--family", default="cpu", help="cpu: nano models, minutes on two cores; gpu: 38 million parameters")
    experiment.add_argument("--out", type=Path, default=Path("records"), metavar="FOLDER", help="folder of rows and record")
    experiment.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, each in a process of its own")
    experiment.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of a process")
    experiment.add_argument("--plan", action="store_true", help="say how many runs there are and how many are done; run nothing")
    experiment.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def settings_from(arguments, **more):
    """The Settings that the arguments name."""
    from dataclasses import fields

    from .loop import Settings

    known = {item.name for item in fields(Settings)}
    return Settings(**{name: value for name, value in vars(arguments).items() if name in known}, **more)


@contextmanager
def progress(total, done, label, quiet, unit="step"):
    """(bar, say): functions that advance a bar on stderr and print a line above it."""
    try:
        from tqdm import tqdm
    except ImportError:
        quiet = True
    if quiet:
        yield None, lambda line: print(line, flush=True)
        return
    with tqdm(total=total, initial=done, desc=label, unit=unit, disable=None, leave=False) as bar:
        yield bar.update, lambda line: bar.write(line, file=sys.stdout)


def speaker(world):
    """A print that is heard from the first process only."""
    return print if world.first else lambda *_, **__: None


def command_run(arguments):
    from . import parallel
    from .loop import Result, Trainer, describe, train

    with checked():
        if arguments.resume and arguments.out is None:
            raise ValueError("--resume needs --out, the folder whose newest checkpoint is to go on.")
        settings = settings_from(arguments, hyper=dict(arguments.set))
        world = parallel.join(arguments.device)
    say = speaker(world)
    try:
        with checked():
            trainer = Trainer(settings, world)
            result = continue_from(arguments, trainer, say) or Result()
        for line in describe(trainer):
            say(line, flush=True)
        with progress(settings.steps, trainer.done, settings.rule, arguments.quiet or not world.first) as (bar, speak):
            result = train(trainer, folder=arguments.out, result=result, bar=bar, say=speak)
        return conclude(arguments, trainer, result, say, world.first)
    finally:
        parallel.leave()


def continue_from(arguments, trainer, say):
    """Load the newest checkpoint of --out where --resume asks for it; refuses to write over a run that is there."""
    from . import checkpoint
    from .loop import Result

    if arguments.out is None:
        return None
    if not arguments.resume:
        if there := checkpoint.found(arguments.out):
            raise ValueError(
                f"{arguments.out} already holds a run, at step {checkpoint.number(there[0])}; add --resume to go on with it, "
                "or choose another --out."
            )
        return None
    state = checkpoint.latest(arguments.out, say)
    if state is None:
        say(f"note: {arguments.out} has no checkpoint yet; starting at step 0.")
        return None
    trainer.load(state)
    say(f"resumed at step {trainer.done} of {trainer.settings.steps}")
    return Result(**{**state["result"], "stopped_by": 0})


def conclude(arguments, trainer, result, say, writes):
    """Print how the run ended, write result.json, return the exit code."""
    from dataclasses import asdict

    from .checkpoint import write_atomically

    if result.stopped_by:
        kept = f"checkpoint in {arguments.out}; go on with --resume" if arguments.out else "no --out, so nothing is kept"
        say(f"stopped at step {trainer.done} of {trainer.settings.steps}: {kept}.", file=sys.stderr)
        return 128 + result.stopped_by
    if arguments.out is not None and writes:
        arguments.out.mkdir(parents=True, exist_ok=True)
        content = {"settings": trainer.settings.deciding(), "fingerprint": trainer.corpus.fingerprint, **asdict(result)}
        write_atomically(arguments.out / "result.json", (json.dumps(content, indent=1) + "\n").encode())
    if result.diverged_at is not None:
        say(f"error: the loss diverged by step {result.diverged_at}; try a smaller --lr, or a longer --warmup.", file=sys.stderr)
        return 1
    say(f"done    held out {result.held_out:.4f} nats a byte after {trainer.done} steps, {result.seconds:.1f} s in steps")
    return 0


def command_sweep(arguments):
    from . import device as devices
    from .sweep import Rows, Task, describe_row, grid

    axes = {"rule": arguments.rule, **dict(arguments.set), "lr": arguments.lr, "seed": arguments.seed}
    with checked():
        at_least_one_job(arguments)
        base = shared_settings(arguments, axes)
        tasks = [Task(settings) for settings in grid(base, axes)]
        devices.choose(arguments.device)
    with Rows(arguments.out) as rows:
        done = {row["key"] for row in rows.rows}
        keys = {task.key for task in tasks}
        print(f"{len(keys)} runs, {len(keys & done)} of them in {arguments.out} already", flush=True)
        stopped = make_runs(arguments, tasks, rows, keys, arguments.device)
        if stopped:
            return stopped
        ended = [row for row in rows.rows if row["key"] in keys and row["held_out"] is not None]
        if ended:
            print(f"best    {describe_row(min(ended, key=lambda row: row['held_out']))}")
    return 0


def at_least_one_job(arguments):
    if arguments.jobs < 1:
        raise ValueError(f"jobs is {arguments.jobs}; allowed: a whole number of at least 1.")


def shared_settings(arguments, axes):
    """The settings that all runs of a sweep share; what the axes name, each run sets for itself."""
    from .loop import Settings

    shared = {
        name: value for name, value in vars(arguments).items() if name in Settings.__dataclass_fields__ and name not in axes
    }
    return Settings(**shared, checkpoint_every=0, eval_every=0)


def make_runs(arguments, tasks, rows, keys, device="auto"):
    """Run what is missing with a bar; returns the exit code of a stop, or 0."""
    from .sweep import run_all

    done = sum(row["key"] in keys for row in rows.rows)
    with progress(len(keys), done, "runs", arguments.quiet, unit="run") as (bar, say):
        stopped = run_all(tasks, rows, jobs=arguments.jobs, threads=arguments.threads, device=device, bar=bar, say=say)
    if stopped:
        left = len(keys - {row["key"] for row in rows.rows})
        print(f"stopped: {left} runs are left; the same command makes them.", file=sys.stderr)
        return 128 + stopped
    return 0


def command_experiment(arguments):
    from . import parallel
    from .experiments import count, experiment_of, family_of, record, tasks
    from .sweep import Rows

    with checked():
        at_least_one_job(arguments)
        name, experiment, family = arguments.name, experiment_of(arguments.name), family_of(arguments.family)
    device = parallel.alone("cuda" if arguments.family == "gpu" else "cpu").device
    command = f"python -m momentum_lib.train experiment {name} --family {arguments.family}"
    path = arguments.out / f"{name}-{arguments.family}.json"
    if name == "cost":
        return record_cost(arguments, device, command, path)
    with Rows(arguments.out / f"{name}-{arguments.family}.rows.jsonl") as rows:
        for stage in (0, 1):
            wanted = tasks(experiment, family, rows.rows)[stage]
            keys = {task.key for task in wanted}
            done = sum(row["key"] in keys for row in rows.rows)
            print(
                f"{('tuning', 'judged')[stage]} runs: {done} of {len(keys) or 'a number not known yet'} done; {count(experiment, family)} in all",
                flush=True,
            )
            if not arguments.plan and (stopped := make_runs(arguments, wanted, rows, keys, device.type)):
                return stopped
        if not arguments.plan:
            write_record(record(name, arguments.family, rows.rows, device, command), path)
    return 0


def record_cost(arguments, device, command, path):
    from . import cost
    from .device import title

    if not arguments.plan:
        import torch

        torch.set_num_threads(arguments.threads)
        write_record(cost.make_record(arguments.family, device, command, title(device), say=print), path)
    return 0


def write_record(record, path):
    from .. import records

    records.write(record, path)
    print(
        f"recorded {path}: {len(record['rows'])} rows, {record['wall_seconds']:.0f} s; `python -m momentum_lib.records show {path}`"
    )


def failures():
    """The exceptions that end in a clear line instead of a traceback, and the exit code of each."""
    import torch

    from ..records import RecordError
    from .checkpoint import CheckpointError
    from .data import CorpusError
    from .device import DeviceError
    from .loop import Mismatch
    from .sweep import SweepError

    failed = (CheckpointError, CorpusError, Mismatch, RecordError, SweepError, OSError, torch.OutOfMemoryError)
    return {WrongArgument: 2, DeviceError: 2, **dict.fromkeys(failed, 1)}


def complain(error):
    """The one line; what all processes of a group find wrong alike, only the first of them says."""
    if not isinstance(error, WrongArgument) or os.environ.get("RANK", "0") == "0":
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)


def main(argv=None):
    """Run the command line; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        import torch
    except ImportError:
        print("error: training needs torch: run `pip install torch`.", file=sys.stderr)
        return 1
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    codes = failures()
    commands = {"run": command_run, "sweep": command_sweep, "experiment": command_experiment}
    try:
        return commands[arguments.command](arguments)
    except KeyboardInterrupt:
        print("stopped at once.", file=sys.stderr)
        return 130
    except tuple(codes) as error:
        complain(error)
        return next(code for kind, code in codes.items() if isinstance(error, kind))
