"""One training run, from settings to a result."""

import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from . import checkpoint, data, parallel
from . import device as devices
from .limits import fit
from .model import GPT, flops_per_token, parameter_count
from .optimizers import make_optimizer, reported
from .schedule import factor
from .stopping import StopRequest

DIVERGED = 100.0  # nats a byte; a guess at random has ln 256 = 5.5
WARM = 3  # steps that the clock leaves out: caches, compilation


@dataclass(frozen=True)
class Evaluation:
    """A model judged on held-out bytes: nats summed by target byte (256,) and how often each was asked (256,)."""

    nats: np.ndarray
    counts: np.ndarray

    @property
    def loss(self):
        """Mean nats a byte."""
        return float(self.nats.sum() / self.counts.sum())


class Mismatch(RuntimeError):
    """A checkpoint belongs to a run with other settings or other data."""


class Trainer:
    """A model, its optimiser and its data; :meth:`step` makes one step, :meth:`state` is all that a resume needs."""

    def __init__(self, settings, world=None, corpus=None):
        self.settings = settings
        self.world = world or parallel.alone()
        self.corpus = corpus or data.corpus()
        fit(settings, self.corpus)
        self.done = 0
        device = self.world.device
        if settings.batch % (self.world.size * settings.accumulation):
            raise ValueError(
                f"batch {settings.batch} cannot be shared by {self.world.size} processes x {settings.accumulation} parts; "
                "choose a multiple."
            )
        self.precision = devices.precision_of(settings.precision, device)
        self.config = settings.config()
        with torch.random.fork_rng(devices=[]):  # one start for a seed, on every device
            torch.manual_seed(settings.seed)
            self.model = GPT(self.config)
        self.model.to(device)
        wrapped = parallel.wrap(self.model, self.world, settings.shard)
        self.mesh = parallel.mesh_of(self.model)  # None: each process holds the whole model
        self.wrapped = wrapped
        self.forward = torch.compile(wrapped) if settings.compile else wrapped
        self.optimizer = make_optimizer(
            self.model,
            settings.rule,
            settings.lr,
            settings.hyper,
            compiled="auto" if settings.compile else False,
            products=devices.products_of(self.precision),
            shard=settings.shard,
            world=self.world,
        )
        self.base = [group["lr"] for group in self.optimizer.param_groups]
        self.train_bytes = torch.from_numpy(self.corpus.train.copy()).to(device)  # (n,) uint8
        self.held_bytes = torch.from_numpy(self.corpus.held_out.copy()).to(device)

    def _windows(self, source, index):
        """Inputs and targets, each (rows, T), from positions (rows, T + 1)."""
        tokens = source[torch.from_numpy(index).to(source.device)].long()
        return tokens[:, :-1], tokens[:, 1:]

    def step(self):
        """One optimiser step; returns this process's mean loss as a tensor, so that a GPU need not be waited for."""
        settings, world = self.settings, self.world
        index = data.batch_index(len(self.train_bytes), settings.seed, self.done, settings.batch, self.config.context)
        inputs, targets = self._windows(self.train_bytes, index[world.rank :: world.size])
        parts = settings.accumulation
        self.optimizer.zero_grad()
        loss = torch.zeros((), device=world.device)
        for k, (x, y) in enumerate(zip(inputs.chunk(parts), targets.chunk(parts))):
            with parallel.no_sync(self.wrapped, world, last=k == parts - 1):
                with devices.autocast(self.precision, world.device):
                    part = self.forward(x, y) / parts
                part.backward()
            loss += part.detach()
        if settings.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        scale = factor(self.done, settings.steps, warmup=settings.warmup, decay=settings.decay, floor=settings.floor)
        for group, lr in zip(self.optimizer.param_groups, self.base):
            group["lr"] = lr * scale
        self.optimizer.step()
        self.done += 1
        return loss

    @torch.no_grad()
    def evaluate(self, windows=None):
        """Judge the point that the rule reports, on evenly spaced windows of the held-out files; an :class:`Evaluation`."""
        with reported(self.optimizer):
            return self._judge(windows or self.settings.eval_windows)

    def _judge(self, windows):
        world, device = self.world, self.world.device
        index = data.evaluation_index(len(self.held_bytes), windows, self.config.context)
        nats, counts = (torch.zeros(256, dtype=torch.float64) for _ in range(2))
        inputs, targets = self._windows(self.held_bytes, index[world.rank :: world.size])
        turns = math.ceil(len(index) / (64 * world.size))  # as many in every process: they gather the model's rows at each
        for k in range(turns):
            x, y = (part[64 * k : 64 * (k + 1)] for part in (inputs, targets))
            with devices.autocast(self.precision, device):
                logits = self.model(x)
            losses = F.cross_entropy(logits.flatten(0, 1).float(), y.flatten(), reduction="none").cpu()
            nats.index_add_(0, y.flatten().cpu(), losses.double())
            counts += torch.bincount(y.flatten().cpu(), minlength=256)
        both = parallel.total(torch.stack((nats, counts)).to(device, torch.float32 if device.type == "mps" else None), world)
        return Evaluation(*both.cpu().double().numpy())

    def state(self):
        """Everything a resume needs, on the first process; None on the others.  All processes must call it.

        Where they share the model's rows, each of them has its own, as DTensors.
        """
        if self.mesh:
            optimizer = parallel.each_slot(self.optimizer.state_dict(), self.model, parallel.as_whole)
        else:
            optimizer = parallel.gather_state(self.optimizer, self.world)
            if not self.world.first:
                return None
        rng = {"cpu": torch.get_rng_state()}
        if self.world.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state(self.world.device)
        return {
            "settings": self.settings.deciding(),
            "fingerprint": self.corpus.fingerprint,
            "model": self.model.state_dict(),
            "optimizer": optimizer,
            "rng": rng,
        }

    def load(self, state):
        """Go on from a checkpoint's state.  Raises Mismatch where its settings or its data are others."""
        mine, theirs = self.settings.deciding(), state["settings"]
        differ = [name for name in sorted(set(mine) | set(theirs)) if mine.get(name) != theirs.get(name)]
        if differ:
            first = differ[0]
            more = f" (and {', '.join(differ[1:])})" if differ[1:] else ""
            raise Mismatch(
                f"the checkpoint was made with {first} = {theirs.get(first)!r}, this run has {mine.get(first)!r}{more}; "
                "use the settings that it was made with, or another --out."
            )
        if state["fingerprint"] != self.corpus.fingerprint:
            raise Mismatch(
                f"the checkpoint was trained on data {state['fingerprint'][:12]}, this Python's library is "
                f"{self.corpus.fingerprint[:12]}; resume with the Python that began the run."
            )
        model, optimizer = state["model"], state["optimizer"]
        if self.mesh:
            own = dict(self.model.named_parameters())
            model = {name: parallel.as_whole(parallel.rows_of(value, own[name]), own[name]) for name, value in model.items()}
            optimizer = parallel.each_slot(optimizer, self.model, parallel.rows_of)
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        torch.set_rng_state(state["rng"]["cpu"])
        if "cuda" in state["rng"] and self.world.device.type == "cuda":
            torch.cuda.set_rng_state(state["rng"]["cuda"], self.world.device)
        self.done = state["step"]


@dataclass
class Result:
    """What a run leaves: losses, evaluations, speed, and how it ended.

    ``losses``        the training loss of every step, nats a byte
    ``evaluations``   [step, held-out loss]
    ``held_out``      the last held-out loss, nats a byte; None for a run that diverged or was stopped
    ``diverged_at``   the step at which the loss was found above 100 or not a number, or None
    ``stopped_by``    the signal that ended it early, or 0
    """

    losses: list = field(default_factory=list)
    evaluations: list = field(default_factory=list)
    held_out: float | None = None
    diverged_at: int | None = None
    stopped_by: int = 0
    seconds: float = 0.0
    tokens_per_second: float | None = None
    utilisation: float | None = None

    def curve(self, every=10):
        """[step, mean training loss of the ``every`` steps up to it], the last entry over what remains."""
        parts = [(k, self.losses[k : k + every]) for k in range(0, len(self.losses), every)]
        return [[k + len(part), float(np.mean(part))] for k, part in parts]


class _Clock:
    """Seconds spent in steps, and tokens a second over the steps after the first few."""

    def __init__(self, device):
        self.device, self.seconds, self.timed, self.steps, self.seen = device, 0.0, 0.0, 0, 0

    def block(self, seconds, steps):
        self.seconds += seconds
        if self.seen >= WARM:
            self.timed, self.steps = self.timed + seconds, self.steps + steps
        self.seen += steps

    def now(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def train(trainer, *, folder=None, result=None, bar=None, say=None, watch=None, stop=None):
    """Run a trainer to its last step; returns a :class:`Result`.

    ``folder``: where checkpoints go, every ``checkpoint_every`` steps, at a stop and at the end; None writes none.
    ``bar(steps)`` and ``say(line)`` report progress; ``watch(trainer, evaluation)`` is called at each evaluation.
    ``result``: that of the part already run, from the checkpoint.  A signal ends the run after the step at hand.
    """
    settings, world = trainer.settings, trainer.world
    result = result or Result()
    clock = _Clock(world.device)
    tokens = settings.batch * trainer.config.context
    peak = devices.peak_flops(devices.title(world.device), trainer.precision)
    if peak is None and say:
        peak = devices.measured_peak(world.device, trainer.precision)
    before = result.seconds

    def save():
        state = trainer.state()
        if folder is not None and state is not None:
            checkpoint.save(folder, trainer.done, {**state, "result": asdict(result)}, world if trainer.mesh else None)

    def judge():
        evaluation = trainer.evaluate()
        result.evaluations = [*(e for e in result.evaluations if e[0] != trainer.done), [trainer.done, evaluation.loss]]
        if watch:
            watch(trainer, evaluation)
        if say and world.first:
            say(_line(trainer, result))
        return evaluation

    with stop or StopRequest() as request:
        losses, begun = [], clock.now()
        while trainer.done < settings.steps and not result.stopped_by and result.diverged_at is None:
            losses.append(trainer.step())
            if bar:
                bar(1)
            last = trainer.done == settings.steps
            due = lambda every: every and trainer.done % every == 0
            asked = request.number and not world.many  # several processes look together, at the next line of the log
            if not (last or asked or due(settings.log_every) or due(settings.eval_every) or due(settings.checkpoint_every)):
                continue
            block = (parallel.total(torch.stack(losses), world) / world.size).tolist()
            clock.block(clock.now() - begun, len(losses))
            result.losses += block
            result.seconds = before + clock.seconds
            if clock.timed:
                result.tokens_per_second = clock.steps * tokens / clock.timed
                result.utilisation = devices.utilisation(
                    result.tokens_per_second, flops_per_token(trainer.config), peak, world.size
                )
            if not all(math.isfinite(value) and value < DIVERGED for value in block):
                result.diverged_at = trainer.done
                break
            if due(settings.eval_every) and not last:
                judge()
            if last:  # a signal that comes now finds the run finished
                break
            result.stopped_by = parallel.agree(request.number, world)
            if (due(settings.checkpoint_every) or result.stopped_by) and folder is not None:
                save()
            losses, begun = [], clock.now()
        if result.diverged_at is None and not result.stopped_by:
            result.held_out = judge().loss
            if folder is not None:
                save()
    return result


def _line(trainer, result):
    parts = [f"step {trainer.done}/{trainer.settings.steps}"]
    parts.append(f"train {np.mean(result.losses[-trainer.settings.log_every :]):.4f}")
    parts.append(f"held out {result.evaluations[-1][1]:.4f}")
    if result.tokens_per_second:
        parts.append(f"{result.tokens_per_second:,.0f} tokens/s")
    if result.utilisation is not None:
        known = devices.peak_flops(devices.title(trainer.world.device), trainer.precision)
        peak = "peak FLOP/s" if known else "the FLOP/s that matrix products alone reached here"
        parts.append(f"{100 * result.utilisation:.1f} % of {peak}")
    return "  ".join(parts)


def describe(trainer):
    """What a run prints first: model, device, data, optimiser."""
    settings, config = trainer.settings, trainer.config
    hyper = "".join(f", {name} {value:g}" for name, value in settings.hyper.items())
    world = f", {trainer.world.size} processes" if trainer.world.many else ""
    return [
        f"model   {settings.model}: {parameter_count(trainer.model):,} parameters, {config.layers} layers, width {config.width}, "
        f"context {config.context}, {flops_per_token(config):,} FLOPs a token",
        f"device  {devices.title(trainer.world.device)}, {trainer.precision}{world}",
        f"data    {trainer.corpus.describe()}",
        f"rule    {settings.rule}, lr {settings.lr:g}{hyper}, batch {settings.batch} x {config.context} bytes, seed "
        f"{settings.seed}",
    ]
