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
  python -m momentum_lib.train run                                   a nano model, AdamW, 300 steps: half a minute on a CPU
  python -m momentum_lib.train run --rule lion --lr 1e-3 --set beta1=0.95 --out runs/lion
  python -m momentum_lib.train run --resume --out runs/lion          go on after Ctrl-C, a kill or a power cut
  python -m momentum_lib.train run --model small --batch 64 --steps 1500 --compile --out runs/small     a GPU
  torchrun --standalone --nproc-per-node 2 -m momentum_lib.train run --shard zero --out runs/two        two processes
  python -m momentum_lib.train sweep --rule heavy_ball --lr .1 .3 1 --set beta=0,0.9 --seed 0 1 2 --jobs 2 --out sgd.jsonl
  python -m momentum_lib.train experiment momentum --family cpu --jobs 2 --out records/

exit codes: 0 done, 1 the run failed (disk, checkpoint, out of memory, a loss that diverged), 2 a wrong argument,
130 stopped by Ctrl-C and 143 by a termination signal, in both cases with a checkpoint."""


class Parser(argparse.ArgumentParser):
    """argparse whose complaint is one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog):
        super().__init__(prog, max_help_position=30, width=118)

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
    model.add_argument("--context", type=int, default=0, metavar="N", help="bytes the model sees at once (default: the size's own)")
    run = parser.add_argument_group("the run")
    run.add_argument("--batch", type=int, default=16, metavar="N", help="windows in a step, over all processes")
    run.add_argument("--steps", type=int, default=300, metavar="N", help="optimiser steps")
    run.add_argument("--warmup", type=int, default=20, metavar="N", help="steps over which the rate rises from zero")
    run.add_argument("--decay", default="cosine", help="how it falls afterwards: cosine, linear or constant")
    run.add_argument("--floor", type=float, default=0.0, metavar="F", help="share of the rate that is left at the end")
    run.add_argument("--clip", type=float, default=0.0, metavar="C", help="largest norm of a gradient; 0: any")
    run.add_argument("--accumulation", type=int, default=1, metavar="N", help="parts in which a batch is worked off, to save memory")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    machine.add_argument("--precision", default="auto", help="auto (bfloat16 on a GPU that has it), float32 or bfloat16")
    machine.add_argument("--compile", action="store_true", help="compile the model: slower to start, faster to run")
    machine.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads of a process; 0: torch's choice")
    machine.add_argument("--eval-windows", type=int, default=128, metavar="N", help="held-out windows that judge the model")


def build_parser():
    parser = Parser(prog="python -m momentum_lib.train", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=Formatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="train one model", description="Train one model.", formatter_class=Formatter)
    rule = run.add_argument_group("optimiser")
    rule.add_argument("--rule", default="adamw", help="any rule of the library, such as heavy_ball, adamw, lion, muon")
    rule.add_argument("--lr", type=float, default=0.003, help="the highest learning rate of the run")
    rule.add_argument("--set", type=pair, action="append", default=[], metavar="NAME=X", help="a hyper-parameter of the rule, such as beta=0.95; may be repeated")
    rule.add_argument("--seed", type=int, default=0, help="decides the first weights and the order of the data")
    common(run)
    run.add_argument("--shard", default="none", help="none, or zero: under torchrun, divide the optimiser's state among processes")
    files = run.add_argument_group("files and progress")
    files.add_argument("--out", type=Path, metavar="FOLDER", help="folder for checkpoints (the last two) and result.json; none: nothing is kept")
    files.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")
    files.add_argument("--checkpoint-every", type=int, default=100, metavar="N", help="steps between checkpoints; 0: only at the end")
    files.add_argument("--eval-every", type=int, default=100, metavar="N", help="steps between evaluations; 0: only at the end")
    files.add_argument("--quiet", action="store_true", help="no progress bar")

    return parser


def settings_from(arguments, **more):
    """The Settings that the arguments name."""
    from dataclasses import fields

    from .loop import Settings

    known = {item.name for item in fields(Settings)}
    return Settings(**{name: value for name, value in vars(arguments).items() if name in known}, **more)


@contextmanager
def progress(total, done, label, quiet):
    """(bar, say): functions that advance a bar on stderr and print a line above it."""
    try:
        from tqdm import tqdm
    except ImportError:
        quiet = True
    if quiet:
        yield None, lambda line: print(line, flush=True)
        return
    with tqdm(total=total, initial=done, desc=label, unit="step", disable=None, leave=False) as bar:
        yield bar.update, lambda line: bar.write(line, file=sys.stdout)


def command_run(arguments):
    from . import checkpoint, parallel
    from .loop import Result, Trainer, describe, train

    if arguments.resume and arguments.out is None:
        raise ValueError("--resume needs --out, the folder whose newest checkpoint is to go on.")
    settings = settings_from(arguments, hyper=dict(arguments.set))
    world = parallel.join(arguments.device)
    say = print if world.first else lambda *_: None
    try:
        trainer = Trainer(settings, world)
        result = Result()
        if arguments.out is not None:
            result = continue_from(arguments, trainer, checkpoint, say) or result
        for line in describe(trainer):
            say(line, flush=True)
        with progress(settings.steps, trainer.done, settings.rule, arguments.quiet or not world.first) as (bar, speak):
            result = train(trainer, folder=arguments.out, result=result, bar=bar, say=speak)
        return conclude(arguments, trainer, result, world)
    finally:
        parallel.leave()


def continue_from(arguments, trainer, checkpoint, say):
    """Load the newest checkpoint of --out where --resume asks for it; refuses to write over a run that is there."""
    from .loop import Result

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


def conclude(arguments, trainer, result, world):
    """Print how the run ended, write result.json, return the exit code."""
    from dataclasses import asdict

    from .checkpoint import write_atomically

    say = print if world.first else lambda *_, **__: None
    if result.stopped_by:
        kept = f"checkpoint in {arguments.out}; go on with --resume" if arguments.out else "no --out, so nothing is kept"
        say(f"stopped at step {trainer.done} of {trainer.settings.steps}: {kept}.", file=sys.stderr)
        return 128 + result.stopped_by
    if arguments.out is not None and world.first:
        arguments.out.mkdir(parents=True, exist_ok=True)
        content = {"settings": trainer.settings.deciding(), "fingerprint": trainer.corpus.fingerprint, **asdict(result)}
        write_atomically(arguments.out / "result.json", (json.dumps(content, indent=1) + "\n").encode())
    if result.diverged_at is not None:
        say(f"error: the loss diverged by step {result.diverged_at}; try a smaller --lr, or a longer --warmup.", file=sys.stderr)
        return 1
    say(f"done    held out {result.held_out:.4f} nats a byte after {trainer.done} steps, {result.seconds:.1f} s in steps")
    return 0


def failures():
    """The exceptions that are a clear line, not a traceback: (wrong arguments, failures of the run)."""
    import torch

    from .checkpoint import CheckpointError
    from .data import CorpusError
    from .device import DeviceError
    from .loop import Mismatch

    return (ValueError, TypeError, DeviceError), (CheckpointError, CorpusError, Mismatch, OSError, torch.OutOfMemoryError)


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
    wrong, failed = failures()
    commands = {"run": command_run}
    debug = os.environ.get("MOMENTUM_TRAIN_TRACEBACK")
    try:
        return commands[arguments.command](arguments)
    except KeyboardInterrupt:
        print("stopped at once.", file=sys.stderr)
        return 130
    except (*wrong, *failed) as error:
        if debug:
            raise
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2 if isinstance(error, wrong) else 1
