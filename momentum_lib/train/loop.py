"""One training run, from settings to a result."""

import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from ..core import nearest
from . import checkpoint, data, parallel
from . import device as devices
from .model import GPT, flops_per_token, parameter_count, size
from .optimizers import complete, make_optimizer, reported
from .schedule import DECAYS, factor
from .stopping import StopRequest

DIVERGED = 100.0  # nats a byte; a guess at random has ln 256 = 5.5
WARM = 3  # steps that the clock leaves out: caches, compilation


@dataclass(frozen=True)
class Settings:
    """All that decides a run's numbers, and how it is watched.

    ``model`` names a size; ``norm``, ``positions`` and ``context`` change it.  ``rule``, ``lr`` and ``hyper`` are the
    optimiser's.  A step sees ``batch`` windows, in ``accumulation`` parts.  The rate rises over
    ``warmup`` steps and falls along ``decay`` to ``floor`` times itself.  ``clip``: the largest gradient norm; 0 is none.
    ``compile`` makes machine code of the model, and of the rule where its parameters are many enough to be worth it.
    Raises ValueError for a setting outside its range.
    """

    model: str = "nano"
    norm: str = "rms"
    positions: str = "rotary"
    context: int = 0  # 0: the size's own
    rule: str = "adamw"
    lr: float = 0.003
    hyper: dict = field(default_factory=dict)
    batch: int = 16
    accumulation: int = 1
    steps: int = 300
    warmup: int = 20
    decay: str = "cosine"
    floor: float = 0.0
    clip: float = 0.0
    seed: int = 0
    precision: str = "auto"
    compile: bool = False
    eval_windows: int = 128
    # from here on: what changes no number, rounding aside
    shard: str = "none"
    eval_every: int = 100
    log_every: int = 10
    checkpoint_every: int = 100

    def __post_init__(self):
        self.config()  # an unknown size, norm or kind of positions
        complete(self.rule, self.lr, self.hyper)  # an unknown rule or hyper-parameter
        for name in ("batch", "accumulation", "steps", "eval_windows", "log_every"):
            _whole(name, getattr(self, name), 1)
        for name in ("warmup", "seed", "eval_every", "checkpoint_every"):
            _whole(name, getattr(self, name), 0)
        if not (math.isfinite(self.lr) and self.lr >= 0):
            raise ValueError(f"lr is {self.lr!r}; allowed: a finite number >= 0.")
        if not (math.isfinite(self.clip) and self.clip >= 0):
            raise ValueError(f"clip is {self.clip!r}; allowed: a finite number >= 0 (0: no clipping).")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor is {self.floor!r}; allowed: a share of the rate, from 0 to 1.")
        if self.decay not in DECAYS:
            raise ValueError(nearest(self.decay, DECAYS, "decay"))
        if self.shard not in parallel.SHARDS:
            raise ValueError(nearest(self.shard, parallel.SHARDS, "way to shard"))
        if self.precision not in devices.PRECISIONS:
            raise ValueError(nearest(self.precision, devices.PRECISIONS, "precision"))
        if self.batch % self.accumulation:
            raise ValueError(
                f"batch {self.batch} cannot be cut into {self.accumulation} equal parts; accumulation must divide it."
            )

    def config(self):
        """The model's shape."""
        changes = {"context": self.context} if self.context else {}
        return size(self.model, norm=self.norm, positions=self.positions, **changes)

    def deciding(self):
        """The settings that decide a run's numbers, as plain values."""
        others = {"shard", "eval_every", "log_every", "checkpoint_every"}
        return {name: value for name, value in asdict(self).items() if name not in others}


def _whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; allowed: a whole number of at least {least}.")


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
        wrapped = parallel.wrap(self.model, self.world)
        self.wrapped = wrapped
        self.forward = torch.compile(wrapped) if settings.compile else wrapped
        self.optimizer = make_optimizer(
            self.model,
            settings.rule,
            settings.lr,
            settings.hyper,
            compiled="auto" if settings.compile else False,
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
        for x, y in zip(inputs.split(64), targets.split(64)):
            with devices.autocast(self.precision, device):
                logits = self.model(x)
            losses = F.cross_entropy(logits.flatten(0, 1).float(), y.flatten(), reduction="none").cpu()
            nats.index_add_(0, y.flatten().cpu(), losses.double())
            counts += torch.bincount(y.flatten().cpu(), minlength=256)
        both = parallel.total(torch.stack((nats, counts)).to(device, torch.float32 if device.type == "mps" else None), world)
        return Evaluation(*both.cpu().double().numpy())

    def state(self):
        """Everything a resume needs, on the first process; None on the others.  All processes must call it."""
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
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
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
    before = result.seconds

    def save():
        state = trainer.state()
        if folder is not None and world.first:
            checkpoint.save(folder, trainer.done, {**state, "result": asdict(result)})

    def judge():
        evaluation = trainer.evaluate()
        result.evaluations.append([trainer.done, evaluation.loss])
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
            result.stopped_by = parallel.agree(request.number, world)
            if (due(settings.checkpoint_every) or result.stopped_by) and not last and folder is not None:
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
        parts.append(f"{100 * result.utilisation:.1f} % of peak FLOP/s")
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
        f"rule    {settings.rule}, lr {settings.lr:g}{hyper}, batch {settings.batch} x {config.context} bytes, seed {settings.seed}",
    ]
