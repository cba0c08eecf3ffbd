"""What the command line understands, and what its help says."""

import argparse
from dataclasses import fields
from pathlib import Path

from ..cluster import ON_HELP
from .defaults import Defaults

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
  the model itself divided among four; go on with two, or with one
    torchrun --standalone --nproc-per-node 4 -m momentum_lib.train run --shard model --out runs/four
    torchrun --standalone --nproc-per-node 2 -m momentum_lib.train run --shard model --out runs/four --resume
  four workers that meet every ten steps
    torchrun --standalone --nproc-per-node 4 -m momentum_lib.train diloco --every 10 --threads 1 --out runs/four
  a grid of runs, two at a time; the same command goes on where it stopped
    python -m momentum_lib.train sweep --rule heavy_ball --lr .1 .3 --set beta=0,0.9 --jobs 2 --out sgd.jsonl
  the same on the workers of a Dask cluster, which Slurm or a few machines lend (see the book's page on the library)
    python -m momentum_lib.train sweep --lr 1e-3 3e-3 --seed 0 1 2 --on dask:tcp://head:8786 --out adamw.jsonl
  all that a GPU is for, in 25 minutes
    python -m momentum_lib.train gpu --minutes 25
  a recorded experiment
    python -m momentum_lib.train experiment momentum --family cpu --jobs 2 --out records

exit codes: 0 done; 1 the run failed (disk, checkpoint, memory, a loss that diverged); 2 a wrong argument;
130 stopped by Ctrl-C, 143 by a termination signal, in both cases with a checkpoint in --out."""


DILOCO_HELP = """\
Train workers that each make K steps by themselves, on their own rows of each batch, and then meet: the mean of
their ways is the gradient of one step of an outer rule.

  all workers in this process
    python -m momentum_lib.train diloco --workers 4 --every 10
  a process each, by gloo on CPUs and NCCL on GPUs; the same bits as above with --threads 1
    torchrun --standalone --nproc-per-node 4 -m momentum_lib.train diloco --every 10 --threads 1
  one worker: Lookahead, and SNOO
    python -m momentum_lib.train diloco --outer-rule gradient_descent --outer-lr 0.5
    python -m momentum_lib.train diloco --outer-rule nesterov_torch --outer-lr 0.5 --outer-set beta=0.5

A worker that does not come to a round is named; the others stop, or go on without it (--missing go-on).
When a process dies, torchrun ends the others itself: to go on, start them by hand or by Slurm, with RANK, WORLD_SIZE,
MASTER_ADDR, MASTER_PORT."""


SWEEP_HELP = """\
Train every combination of the lists you give.
A finished run is a line of --out; started again, the command makes only the runs that are not there."""

EXPERIMENT_HELP = """\
Run a family of experiments and write its record, NAME-FAMILY.json.
`python -m momentum_lib.records verify` checks a record,
`python -m momentum_lib.train replay` runs its first steps again.

  momentum    momentum 0, .5, .9, .95 and .99 in SGD, AdamW, Lion and Muon, each at its own best rate
  best        eight rules, each at the best of ten settings
  frequency   SGD, Adam and sign descent by how frequent a byte is
  delay       a gradient that comes one step late, in AdamW, SGD and Muon, with momentum 0.9 and without
  speed       steps to one target loss: momentum, schedule, Adam, Muon, batch, bf16, search, alone and together
  pace        time of a step with each of these changes, timed in turn; compiled, fused, in two processes, too
  cost        time of a step and memory of its state, rule by rule

and, in cells of one size, batch and length (--family nano-8x200, say: 200 steps of 8 windows):
  worth       SGD, AdamW, Signum and Muon without momentum and with the best one, found by as many tries
  numbers     each of Lion's two numbers, and both as one; Muon and the AdamW beside it, with momentum and without
  nesterov    Muon with its look-ahead and without it, at momentum .8, .9 and .95
  lengths     AdamW with beta1 0, .5 and .9
  million     AdamW and Muon with a momentum of .9 and without (--family micro-8x1000)

Runs of one shape train as one, as many at a time as the memory, or a CPU's cache, is good for; the result is that of
single runs but for rounding, and --one-by-one makes those.
Each finished run is a line of NAME-FAMILY.rows.jsonl; started again, the command makes only what is missing.
A record of other runs is never written over.
On a GPU `python -m momentum_lib.train gpu` makes all that it is for, within a time."""


GPU_HELP = """\
Check a CUDA GPU and everything that runs on it, measure the trainer's speed, then make the recorded families:
momentum's worth, best of a search, by frequency, cost of a step, and single runs of 38 million parameters.
Each finished run is kept; the same command goes on after a kill, or when the time was up.
It needs PyTorch, NumPy and tqdm, and nothing else."""

RECORDS_HELP = {
    "replay": "run the first steps of records again and compare the losses",
    "older": "state why records still hold though code they rest on changed; replays them first",
}


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


def place(text):
    """The path of a file or folder, as ``--out`` takes it: the empty text would be the folder at hand."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path; allowed: the name of a file or folder, . for the one at hand")
    return Path(text)


def common(parser):
    """Arguments that a single run and a sweep share; their names are those of Settings."""
    model = parser.add_argument_group("model and data")
    model.add_argument("--model", metavar="SIZE", help="pico, nano, micro, mini, small or medium")
    model.add_argument("--norm", help="rms or layer")
    model.add_argument("--positions", help="rotary or learned")
    model.add_argument("--context", type=int, metavar="N", help="bytes the model sees at once (default: the size's own)")
    run = parser.add_argument_group("the run")
    run.add_argument("--batch", type=int, metavar="N", help="windows in a step, over all processes")
    run.add_argument("--steps", type=int, metavar="N", help="optimiser steps")
    run.add_argument("--warmup", type=int, metavar="N", help="steps over which the rate rises from zero")
    run.add_argument("--decay", help="how it falls afterwards: cosine, linear or constant")
    run.add_argument("--floor", type=float, metavar="F", help="share of the rate that is left at the end")
    run.add_argument("--clip", type=float, metavar="C", help="largest norm of a gradient; 0: any")
    run.add_argument("--accumulation", type=int, metavar="N", help="split each batch into N smaller ones, to save memory")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    machine.add_argument("--precision", help="auto (bfloat16 on a GPU that has it), float32 or bfloat16")
    machine.add_argument("--compile", action="store_true", help="compile model and rule: slower to start, faster to run")
    machine.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads of a process; 0: torch's choice")
    machine.add_argument("--eval-windows", type=int, metavar="N", help="held-out windows that judge the model")


def one_rule(parser):
    """Arguments that name the one rule of a run."""
    rule = parser.add_argument_group("optimiser")
    rule.add_argument("--rule", help="any rule of the library, such as heavy_ball, adamw, lion, muon")
    rule.add_argument("--lr", type=float, metavar="LR", help="the highest learning rate of the run")
    rule.add_argument(
        "--set",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=X",
        help="a hyper-parameter of the rule, such as beta=0.95; may be repeated",
    )
    rule.add_argument("--seed", type=int, metavar="N", help="decides the first weights and the order of the data")


def default(parser):
    """Give each argument that is a setting the setting's default; a list has it as its one value."""
    for setting in fields(Defaults):
        for action in parser._actions:
            if action.dest == setting.name and action.default is None:
                action.default = [setting.default] if action.nargs == "+" else setting.default


def diloco(commands):
    """Add the command that trains workers which meet once in many steps."""
    parser = commands.add_parser(
        "diloco",
        help="train workers that meet once in many steps (DiLoCo)",
        description=DILOCO_HELP,
        formatter_class=Formatter,
    )
    one_rule(parser)
    outer = parser.add_argument_group("the outer step")
    outer.add_argument("--every", type=int, default=10, metavar="K", help="inner steps between two exchanges")
    outer.add_argument("--outer-rule", default="nesterov_torch", metavar="RULE", help="any rule of the library")
    outer.add_argument("--outer-lr", type=float, default=0.7, metavar="LR", help="its learning rate")
    outer.add_argument(
        "--outer-set", type=pair, action="append", default=[], metavar="NAME=X", help="a hyper-parameter of it, such as beta=0.5"
    )
    who = parser.add_argument_group("workers")
    who.add_argument("--workers", type=int, metavar="N", help="so many in this one process; under torchrun each process is one")
    who.add_argument("--patience", type=float, default=60.0, metavar="S", help="seconds that the others wait for a worker")
    who.add_argument("--missing", default="stop", metavar="HOW", help="what then: stop, or go-on without it")
    common(parser)
    files = parser.add_argument_group("files and progress")
    files.add_argument(
        "--out", type=place, metavar="FOLDER", help="folder of this one run, for checkpoints of each worker and result.json"
    )
    files.add_argument("--resume", action="store_true", help="go on from the newest round in --out that all workers saved")
    files.add_argument("--checkpoint-every", type=int, default=10, metavar="N", help="rounds between checkpoints")
    files.add_argument("--quiet", action="store_true", help="no progress bar")
    default(parser)


def build_parser():
    parser = Parser(prog="python -m momentum_lib.train", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=Formatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help="one of:")

    run = commands.add_parser("run", help="train one model", description="Train one model.", formatter_class=Formatter)
    one_rule(run)
    common(run)
    run.add_argument(
        "--shard",
        help="none; under torchrun, zero: divide the optimiser's state among processes (ZeRO stage 1); or model: parameters and "
        "gradients, too, by rows (FSDP2), for a rule that is not of matrices",
    )
    files = run.add_argument_group("files and progress")
    files.add_argument(
        "--out",
        type=place,
        metavar="FOLDER",
        help="folder of this one run, for checkpoints (the last two) and result.json; none: nothing is kept",
    )
    files.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")
    files.add_argument("--checkpoint-every", type=int, metavar="N", help="steps between checkpoints; 0: only at the end")
    files.add_argument("--eval-every", type=int, metavar="N", help="steps between evaluations; 0: only at the end")
    files.add_argument("--quiet", action="store_true", help="no progress bar")
    default(run)

    diloco(commands)

    sweep = commands.add_parser(
        "sweep",
        help="train a grid of models",
        description=SWEEP_HELP,
        formatter_class=Formatter,
    )
    grid = sweep.add_argument_group("the grid")
    grid.add_argument("--rule", nargs="+", help="one or more rules")
    grid.add_argument("--lr", nargs="+", type=float, metavar="LR", help="one or more learning rates")
    grid.add_argument(
        "--set",
        type=pairs,
        action="append",
        default=[],
        metavar="NAME=X,Y,...",
        help="values of a hyper-parameter, such as beta=0,0.9; may be repeated",
    )
    grid.add_argument("--seed", nargs="+", type=int, metavar="N", help="one or more seeds")
    common(sweep)
    sweep.add_argument("--out", type=place, required=True, metavar="FILE", help="file of rows, one JSON object a line")
    sweep.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, each in a process of its own")
    sweep.add_argument("--on", metavar="CLUSTER", help=ON_HELP)
    sweep.add_argument("--quiet", action="store_true", help="no progress bar")
    default(sweep)

    experiment = commands.add_parser(
        "experiment",
        help="run and record a family of experiments",
        description=EXPERIMENT_HELP,
        formatter_class=Formatter,
    )
    experiment.add_argument("name", metavar="NAME", help="one of the experiments above")
    experiment.add_argument("--family", default="cpu", help="cpu: nano models, minutes on two cores; gpu: ten million; or a cell")
    experiment.add_argument("--out", type=place, default=Path("records"), metavar="FOLDER", help="folder of rows and record")
    experiment.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, each in a process of its own")
    experiment.add_argument("--on", metavar="CLUSTER", help=f"{ON_HELP}; trains one run at a time, as --one-by-one")
    experiment.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of a process")
    experiment.add_argument(
        "--one-by-one", action="store_true", help="train each run by itself; otherwise those of one shape train together"
    )
    experiment.add_argument("--plan", action="store_true", help="say how many runs there are and how many are done; run nothing")
    experiment.add_argument("--quiet", action="store_true", help="no progress bar")

    gpu = commands.add_parser("gpu", help="all that a GPU is for, within a time", description=GPU_HELP, formatter_class=Formatter)
    gpu.add_argument("--minutes", type=float, default=25, metavar="M", help="stop, and keep what is finished, after so long")
    gpu.add_argument(
        "--out", type=place, default=Path("notebooks/records"), metavar="FOLDER", help="folder of report, rows, records"
    )
    gpu.add_argument(
        "--only", nargs="+", default=[], metavar="PIECE", help="checks, speed, worth, best, frequency, cost, million"
    )
    gpu.add_argument("--shrunk", action="store_true", help="rehearse on a CPU with tiny models")
    gpu.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads of a process; 0: torch's choice")

    for name, words in RECORDS_HELP.items():
        command = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".", formatter_class=Formatter)
        command.add_argument(
            "files", nargs="+", type=Path, metavar="FILE", help="a record, such as notebooks/records/momentum-cpu.json"
        )
        command.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads")
        if name == "older":
            command.add_argument("--because", required=True, metavar="WHY", help="the reason, in a sentence")
    return parser
