"""The command line's work: each command, and one clear line where it cannot be done."""

import json
import math
import os
import sys
from contextlib import ExitStack, contextmanager
from functools import partial

from ..core import nearest
from .arguments import build_parser
from .defaults import Defaults


class WrongArgument(Exception):
    """What was asked for does not exist or does not fit; the message says so in one line."""


class OutOfMemory(Exception):
    """The machine has not the memory that the run asks for."""


@contextmanager
def remembered():
    """Where memory is asked for: NumPy's and torch's own words for too little of it become one line of ours."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise OutOfMemory(
            "this machine has not enough memory; choose a smaller --batch, --context or --model, or a larger --accumulation."
        ) from error


@contextmanager
def checked():
    """Where arguments are looked at: a ValueError or TypeError in here is the user's to mend, anywhere else it is ours."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise WrongArgument(str(error)) from error


def settings_from(arguments, **more):
    """The Settings that the arguments name."""
    from dataclasses import fields

    from .settings import Settings

    known = {item.name for item in fields(Settings)}
    return Settings(**{name: value for name, value in vars(arguments).items() if name in known}, **more)


def hyper_from(arguments):
    """What ``--set`` gives, by name.  Raises ValueError for a name that is given twice, or that is an option of its own."""
    for name, _ in arguments.set:
        if name in vars(arguments):
            raise ValueError(f"--set has {name!r}, which is an option of its own; give it as --{name.replace('_', '-')}.")
        if name in Defaults.__dataclass_fields__:
            raise ValueError(f"--set has {name!r}, which is no rule's hyper-parameter.")
    return by_name(arguments.set, "--set")


def by_name(pairs, option):
    """Pairs of a name and a value as a dict.  Raises ValueError for a name that an option gives twice."""
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{option} has {name!r} twice; allowed: each hyper-parameter once.")
        found[name] = value
    return found


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
    from .folder import held
    from .loop import Trainer

    with checked():
        if arguments.resume and arguments.out is None:
            raise ValueError("--resume needs --out, the folder whose newest checkpoint is to go on.")
        settings = settings_from(arguments, hyper=hyper_from(arguments))
        world = parallel.join(arguments.device)
    say = speaker(world)
    try:
        with checked():
            trainer = Trainer(settings, world)
        with ExitStack() as stack:
            with checked():
                stack.enter_context(held(arguments.out, world, resume=arguments.resume, say=say))
            return train_in_folder(arguments, trainer, say)
    finally:
        parallel.leave()


def train_in_folder(arguments, trainer, say):
    """Train in the folder that this run holds, write its result; returns the exit code."""
    from .loop import Result, describe, train

    first = trainer.world.first
    with checked():
        result = continue_from(arguments, trainer, say) or Result()
    for line in describe(trainer):
        say(line, flush=True)
    settings = trainer.settings
    with progress(settings.steps, trainer.done, settings.rule, arguments.quiet or not first) as (bar, speak):
        result = train(trainer, folder=arguments.out, result=result, bar=bar, say=speak)
    return conclude(arguments, trainer, result, say, first)


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
    state = checkpoint.latest(arguments.out, say, trainer.world, trainer.mesh)
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
    from .folder import RESULT

    if result.stopped_by:
        kept = f"checkpoint in {arguments.out}; go on with --resume" if arguments.out else "no --out, so nothing is kept"
        say(f"stopped at step {trainer.done} of {trainer.settings.steps}: {kept}.", file=sys.stderr)
        return 128 + result.stopped_by
    if arguments.out is not None and writes:
        arguments.out.mkdir(parents=True, exist_ok=True)
        content = {"settings": trainer.settings.deciding(), "fingerprint": trainer.corpus.fingerprint, **asdict(result)}
        content["losses"] = [loss if math.isfinite(loss) else None for loss in result.losses]  # JSON has no NaN
        write_atomically(arguments.out / RESULT, (json.dumps(content, indent=1) + "\n").encode())
    if result.diverged_at is not None:
        say(f"error: the loss diverged by step {result.diverged_at}; try a smaller --lr, or a longer --warmup.", file=sys.stderr)
        return 1
    say(f"done    held out {result.held_out:.4f} nats a byte after {trainer.done} steps, {result.seconds:.1f} s in steps")
    return 0


def command_diloco(arguments):
    from . import exchange, parallel
    from .diloco import Plan

    with checked():
        if arguments.resume and arguments.out is None:
            raise ValueError("--resume needs --out, the folder whose newest round is to go on.")
        check_waiting(arguments)
        settings = settings_from(arguments, hyper=hyper_from(arguments))
        world, group = exchange.join(arguments.device, arguments.patience, arguments.missing)
    try:
        with checked():
            if world and arguments.workers not in (None, world.size):
                raise ValueError(
                    f"--workers is {arguments.workers}, and {world.size} processes were started; leave --workers out."
                )
            here = 1 if arguments.workers is None else arguments.workers
            outer = (arguments.outer_rule, arguments.outer_lr, by_name(arguments.outer_set, "--outer-set"))
            plan = Plan(world.size if world else here, arguments.every, *outer)
            plan.rounds(settings.steps)
        return diloco_in_folder(arguments, settings, plan, world, group)
    finally:
        parallel.leave()


def check_waiting(arguments):
    """Refuse a patience that is no number of seconds, an answer to a missing worker that there is not."""
    from ..core import nearest
    from .exchange import MISSING
    from .settings import MOST, check_whole

    if not 0.1 <= arguments.patience <= 86_400:
        raise ValueError(f"patience is {arguments.patience!r}; allowed: seconds, from 0.1 to 86400.")
    if arguments.missing not in MISSING:
        raise ValueError(nearest(arguments.missing, MISSING, "answer to a missing worker"))
    check_whole("checkpoint_every", arguments.checkpoint_every, 1, MOST)


def diloco_in_folder(arguments, settings, plan, world, group):
    """Make the workers of this process, run the rounds in --out, write the result; returns the exit code."""
    from . import checkpoint, parallel
    from .diloco import Worker, newest_common, train
    from .exchange import Here
    from .folder import held

    alone = world is None
    place = parallel.alone(arguments.device) if alone else world
    say = speaker(place)
    with checked():
        workers = [Worker(settings, plan, rank, place.device) for rank in (range(plan.workers) if alone else [world.rank])]
        group = group or Here(plan.workers)
    with ExitStack() as stack:
        result = mean = None
        with checked():
            if arguments.out is not None and not arguments.resume and (there := checkpoint.found(arguments.out / "worker-0")):
                raise ValueError(
                    f"{arguments.out} already holds a run, at step {checkpoint.number(there[0])}; add --resume to go on with it, "
                    "or choose another --out."
                )
            stack.enter_context(held(arguments.out, place, resume=arguments.resume, say=say))  # all wait here for all
            if arguments.resume:
                result, mean = newest_common(workers, group, arguments.out, print)
                done = workers[0].trainer.done
                say(f"resumed at step {done} of {settings.steps}" if result else f"note: {arguments.out} has no checkpoint yet.")
        for line in describe_diloco(workers[0], alone):
            say(line, flush=True)
        rounds, done = plan.rounds(settings.steps), workers[0].trainer.done // plan.every
        with progress(rounds, done, "rounds", arguments.quiet or not place.first, unit="round") as (bar, speak):
            result = train(
                workers, group, folder=arguments.out, result=result, mean=mean, every=arguments.checkpoint_every, bar=bar,
                say=speak if place.first else None,
            )  # fmt: skip
        return conclude_diloco(arguments, workers[0], result, say, place.first)


def describe_diloco(worker, alone):
    """What a run prints first: model, rule and data as of any run, then how the workers meet."""
    from .loop import describe

    plan = worker.plan
    outer = "".join(f", {name} {value:g}" for name, value in plan.outer_hyper.items())
    how = "in one process" if alone else "a process each"
    count = "1 worker" if plan.workers == 1 else f"{plan.workers} workers, {how}"
    return [
        *describe(worker.trainer),
        f"outer   {plan.outer_rule}, lr {plan.outer_lr:g}{outer}, every {plan.every} steps; {count}",
    ]


def conclude_diloco(arguments, worker, result, say, writes):
    """Print how the run ended, write result.json, return the exit code."""
    from dataclasses import asdict

    from .checkpoint import write_atomically
    from .folder import RESULT

    trainer, plan = worker.trainer, worker.plan
    if result.stopped_by:
        kept = f"checkpoint in {arguments.out}; go on with --resume" if arguments.out else "no --out, so nothing is kept"
        say(f"stopped at step {trainer.done} of {trainer.settings.steps}: {kept}.", file=sys.stderr)
        return 128 + result.stopped_by
    if arguments.out is not None and writes:
        content = {"settings": trainer.settings.deciding(), "plan": asdict(plan), "fingerprint": trainer.corpus.fingerprint}
        content |= asdict(result)
        content["losses"] = [loss if math.isfinite(loss) else None for loss in result.losses]  # JSON has no NaN
        content["cosines"] = [value if math.isfinite(value) else None for value in result.cosines]
        write_atomically(arguments.out / RESULT, (json.dumps(content, indent=1) + "\n").encode())
    if result.diverged_at is not None:
        say(f"error: the loss diverged in round {result.diverged_at}; try a smaller --lr or --outer-lr.", file=sys.stderr)
        return 1
    if not writes:
        return 0
    sent = f"{result.sent / 1e6:.2f} MB sent by each worker, {result.sent * plan.every / 1e6:.2f} if it had been at every step"
    say(f"done    held out {result.held_out:.4f} nats a byte after {trainer.done} steps, {result.seconds:.1f} s; {sent}")
    return 0


def command_sweep(arguments):
    from . import device as devices
    from .limits import fit
    from .sweep import Rows, Task, best_of_each, grid, run_all, run_stated

    with checked():
        check_jobs(arguments)
        axes = {"rule": arguments.rule, **hyper_from(arguments), "lr": arguments.lr, "seed": arguments.seed}
        base = shared_settings(arguments, axes)
        tasks = [Task(settings) for settings in grid(base, axes)]
        for task in tasks:
            fit(task.settings)
        if arguments.on is None:
            devices.choose(arguments.device)
    with Rows(arguments.out) as rows:
        done = {row["key"] for row in rows.rows}
        keys = {task.key for task in tasks}
        print(f"{len(keys)} runs, {len(keys & done)} of them in {arguments.out} already", flush=True)
        stopped = make_runs(arguments, tasks, rows, keys, arguments.device, partial(run_all, runner=run_stated))
        if stopped:
            return stopped
        for line in best_of_each(tasks, rows.rows):
            print(f"best    {line}")
    return 0


def check_jobs(arguments):
    """Refuse a number of processes that no machine has, a cluster that is none, and both at a time."""
    from .. import cluster
    from .limits import THREADS
    from .settings import check_whole

    check_whole("jobs", arguments.jobs, 1, THREADS)
    if arguments.on is None:
        return
    cluster.address(arguments.on)
    if arguments.jobs != 1:
        raise ValueError("--jobs counts processes of this machine, --on has the workers that there are; leave one of them out.")


def shared_settings(arguments, axes):
    """The settings that all runs of a sweep share; what the axes name, each run sets for itself."""
    from .settings import Settings

    shared = {
        name: value for name, value in vars(arguments).items() if name in Settings.__dataclass_fields__ and name not in axes
    }
    return Settings(**shared, checkpoint_every=0, eval_every=0)


def make_runs(arguments, tasks, rows, keys, device, run):
    """Run what is missing with a bar, by ``run`` (``run_all`` or ``run_together``); returns the exit code of a stop, or 0."""
    done = sum(row["key"] in keys for row in rows.rows)
    how = {"on": arguments.on} if arguments.on else {"jobs": arguments.jobs}
    with progress(len(keys), done, "runs", arguments.quiet, unit="run") as (bar, say):
        stopped = run(tasks, rows, **how, threads=arguments.threads, device=device, bar=bar, say=say)
    if stopped:
        left = len(keys - {row["key"] for row in rows.rows})
        print(f"stopped: {left} runs are left; the same command makes them.", file=sys.stderr)
        return 128 + stopped
    return 0


def command_experiment(arguments):
    from . import parallel
    from .experiments import ON_GPU, experiment_of, family_of, plan, record, tasks
    from .folder import check_record
    from .sweep import Rows, Task, run_all
    from .together import run_together

    with checked():
        check_jobs(arguments)
        name, experiment = arguments.name, experiment_of(arguments.name)
        family = family_of(arguments.family, experiment, here=arguments.on is None)
        if arguments.on and experiment.measure:
            raise ValueError(f"{name} measures the machine that it runs on; run it there, without --on.")
    kind = "cuda" if arguments.family in ON_GPU else "cpu"
    device = parallel.alone("cpu" if arguments.on else kind).device
    command = f"python -m momentum_lib.train experiment {name} --family {arguments.family}"
    path = arguments.out / f"{name}-{arguments.family}.json"
    if experiment.measure:
        return record_measured(experiment, arguments, device, command, path)
    with Rows(arguments.out / f"{name}-{arguments.family}.rows.jsonl", current=True) as rows:
        if not arguments.plan:
            with checked():
                check_record(path, rows.rows)
        if rows.outdated:
            print(f"note: {rows.outdated} rows were made by other code of the library; their runs are made again")
        print(plan(experiment, family), flush=True)
        judging = False
        while not judging:  # a search names its next tries once the last ones have ended
            tuning, judged = tasks(experiment, family, rows.rows)
            judging = bool(judged)
            keys = {task.key for task in judged or tuning}
            done = sum(row["key"] in keys for row in rows.rows)
            print(f"{'judged' if judging else 'tuning'} runs: {done} of {len(keys)} done", flush=True)
            if arguments.plan:
                return 0
            run = run_all if arguments.one_by_one or arguments.on or experiment.task is not Task else run_together
            if stopped := make_runs(arguments, judged or tuning, rows, keys, kind, run):
                return stopped
        write_record(record(name, arguments.family, rows.rows, device, command), path)
    return 0


def record_measured(experiment, arguments, device, command, path):
    """An experiment that trains nothing: its record is made in one go."""
    from .device import machine, title

    if not arguments.plan:
        import torch

        from .folder import check_record, make

        with checked():
            make(arguments.out)
            check_record(path, [])

        torch.set_num_threads(arguments.threads)
        where = f"{title(device)}; {machine()}"
        write_record(experiment.measure(arguments.name, arguments.family, device, command, where, print), path)
    return 0


def write_record(record, path):
    from .. import records

    records.write(record, path)
    print(
        f"recorded {path}: {len(record['rows'])} rows, {record['wall_seconds']:.0f} s; `python -m momentum_lib.records show "
        f"{path}`"
    )


def command_replay(arguments):
    from ..records import load, verify
    from .replay import replay

    for path in arguments.files:
        with naming(path):
            print(f"{path}: replayed, largest difference {replay(verify(load(path))):.2e} nats")
    return 0


def command_older(arguments):
    from .replay import explain

    for path in arguments.files:
        with naming(path):
            new, difference = explain(path, arguments.because)
            what = ", ".join(new) or "no code"
            print(f"{path}: {what} changed since the last reason; replayed, largest difference {difference:.2e} nats")
    return 0


def command_gpu(arguments):
    from . import gpu

    if not 1 <= arguments.minutes <= 10_000:
        raise WrongArgument(f"minutes is {arguments.minutes:g}; allowed: a number from 1 to 10000.")
    unknown = [name for name in arguments.only if name not in gpu.NAMES]
    if unknown:
        raise WrongArgument(nearest(unknown[0], gpu.NAMES, "piece"))
    return gpu.run(arguments.minutes, arguments.out, small=arguments.shrunk, only=arguments.only)


@contextmanager
def naming(path):
    """What is wrong with a record names its file."""
    from ..records import RecordError

    try:
        yield
    except RecordError as error:
        raise RecordError(error if str(path) in str(error) else f"{path}: {error}") from None


def failures():
    """The exceptions that end in a clear line instead of a traceback, and the exit code of each."""
    import torch

    from ..cluster import ClusterError
    from ..records import RecordError
    from .checkpoint import CheckpointError
    from .data import CorpusError
    from .device import DeviceError
    from .exchange import Lost
    from .folder import FolderError
    from .loop import Mismatch
    from .sweep import SweepError

    failed = (
        CheckpointError,
        ClusterError,
        CorpusError,
        FolderError,
        Lost,
        Mismatch,
        RecordError,
        SweepError,
        OSError,
        torch.OutOfMemoryError,
        OutOfMemory,
    )
    return {WrongArgument: 2, DeviceError: 2, **dict.fromkeys(failed, 1)}


def complain(error):
    """The one line; what all processes of a group find wrong alike, only the first of them says."""
    if not isinstance(error, WrongArgument) or os.environ.get("RANK", "0") == "0":
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)


def check_threads(count):
    """Refuse a number of CPU threads that no machine has; 0 leaves the choice to torch."""
    from .limits import THREADS
    from .settings import check_whole

    with checked():
        check_whole("threads", count, 0, THREADS)


def main(argv=None):
    """Run the command line; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        import torch
    except ImportError:
        print("error: training needs torch: run `pip install torch`.", file=sys.stderr)
        return 1
    codes = failures()
    commands = {
        "run": command_run,
        "diloco": command_diloco,
        "sweep": command_sweep,
        "experiment": command_experiment,
        "replay": command_replay,
        "older": command_older,
        "gpu": command_gpu,
    }
    try:
        check_threads(arguments.threads)
        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        with remembered():
            return commands[arguments.command](arguments)
    except KeyboardInterrupt:
        print("stopped at once.", file=sys.stderr)
        return 130
    except tuple(codes) as error:
        complain(error)
        return next(code for kind, code in codes.items() if isinstance(error, kind))
