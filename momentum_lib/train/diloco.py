"""DiLoCo: workers train by themselves for many steps, then an outer rule moves their common point along the mean of their ways.

A round: every worker starts at the common point, makes ``every`` inner steps on its own share of each batch, and takes
``start - end`` as if it were a gradient, the pseudo-gradient.  The mean of all of them is the gradient of one step of the outer
rule.  Any rule of the library serves inside, any outside.  With one worker this is Lookahead (outer gradient descent) or SNOO
(outer Nesterov); with one inner step of gradient descent and an outer one of rate 1 it is ordinary data parallelism.
Source: Douillard et al. 2023, arXiv:2311.08105.
"""

import math
import time
from dataclasses import asdict, dataclass, field

import torch

from . import checkpoint, parallel
from .loop import DIVERGED, Mismatch, Trainer
from .optimizers import complete, make_optimizer, reported
from .settings import check_whole
from .stopping import StopRequest

MOST_WORKERS = 1024
OUTER = {"outer_rule": "nesterov_torch", "outer_lr": 0.7}


@dataclass(frozen=True)
class Plan:
    """How the workers meet: ``workers`` of them, after ``every`` inner steps each, and the outer rule with its rate and numbers.

    Raises ValueError or TypeError for what is out of range, as Settings does.
    """

    workers: int = 1
    every: int = 10
    outer_rule: str = OUTER["outer_rule"]
    outer_lr: float = OUTER["outer_lr"]
    outer_hyper: dict = field(default_factory=dict)

    def __post_init__(self):
        check_whole("workers", self.workers, 1, MOST_WORKERS)
        check_whole("every", self.every, 1, 10**6)
        if not (math.isfinite(self.outer_lr) and self.outer_lr >= 0):
            raise ValueError(f"outer-lr is {self.outer_lr!r}; allowed: a finite number >= 0.")
        complete(self.outer_rule, self.outer_lr, self.outer_hyper)

    def rounds(self, steps):
        """How many rounds so many inner steps are.  Raises ValueError where the last one would be cut short."""
        if steps % self.every:
            raise ValueError(
                f"{steps} steps are no whole number of rounds of {self.every}; choose --steps as a multiple of --every."
            )
        return steps // self.every


class Apart(parallel.World):
    """A worker's place among the others: it takes its own rows of each batch, and exchanges nothing in a step."""

    @property
    def many(self):
        return False


class Worker:
    """One worker: the common point as a model, the inner optimiser with its memory, and the outer one, alike in all workers."""

    def __init__(self, settings, plan, rank, device, corpus=None):
        self.plan = plan
        self.rank = rank
        self.trainer = Trainer(settings, Apart(rank, plan.workers, device), corpus)
        self.parameters = list(self.trainer.model.parameters())
        self.outer = make_optimizer(self.trainer.model, plan.outer_rule, plan.outer_lr, plan.outer_hyper)
        self.folder = f"worker-{rank}"
        self.begin = None

    @torch.no_grad()
    def _point(self):
        return torch.cat([p.detach().flatten() for p in self.parameters])

    @torch.no_grad()
    def _put(self, flat, into):
        """Share a flat tensor out among the parameters: ``into(p, its part)``."""
        at = 0
        for p in self.parameters:
            into(p, flat[at : at + p.numel()].view_as(p))
            at += p.numel()

    def round(self):
        """Make the inner steps; returns (the pseudo-gradient, flat, the mean training loss of the steps)."""
        self.begin = self._point()
        losses = [self.trainer.step() for _ in range(self.plan.every)]
        with reported(self.trainer.optimizer):
            end = self._point()
        return self.begin - end, float(torch.stack(losses).mean())

    def move(self, mean):
        """Take the outer step from where the round began."""
        self._put(self.begin, lambda p, part: p.copy_(part))
        self._put(mean, lambda p, part: setattr(p, "grad", part.clone()))
        self.outer.step()

    @torch.no_grad()
    def evaluate(self):
        """Judge the point that the outer rule reports, on all held-out windows."""
        own, self.trainer.world = self.trainer.world, parallel.World(0, 1, self.trainer.world.device)
        try:
            with reported(self.outer):
                return self.trainer._judge(self.trainer.settings.eval_windows)
        finally:
            self.trainer.world = own

    def state(self):
        """All that a resume needs."""
        trainer = self.trainer
        return {
            "settings": trainer.settings.deciding(),
            "plan": asdict(self.plan),
            "fingerprint": trainer.corpus.fingerprint,
            "model": trainer.model.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "outer": self.outer.state_dict(),
            "rng": {"cpu": torch.get_rng_state()},
        }

    def load(self, state):
        """Go on from a state; that of another worker leaves the inner memory empty.  Raises Mismatch for another run's."""
        mine, theirs = asdict(self.plan), state["plan"]
        for name in mine:
            if mine[name] != theirs[name]:
                raise Mismatch(
                    f"the checkpoint was made with {name} = {theirs[name]!r}, this run has {mine[name]!r}; use the settings that "
                    "it was made with, or another --out."
                )
        fresh = self.trainer.optimizer.state_dict()
        own = state["worker"] == self.rank
        self.trainer.load(state if own else {**state, "optimizer": fresh})
        self.outer.load_state_dict(state["outer"])


@dataclass
class Rounds:
    """What a run leaves.

    ``losses``     the mean training loss of each round's inner steps, over the workers, nats a byte
    ``cosines``    between each round's mean pseudo-gradient and the one before
    ``held_out``   the held-out loss at the end, in worker 0; None for a run that diverged or was stopped
    ``sent``       bytes that a worker put into the exchanges
    ``lost``       [where, number] of workers that the run went on without
    """

    losses: list = field(default_factory=list)
    cosines: list = field(default_factory=list)
    held_out: float | None = None
    diverged_at: int | None = None
    stopped_by: int = 0
    seconds: float = 0.0
    sent: int = 0
    lost: list = field(default_factory=list)


def cosine(a, b):
    """The cosine of the angle between two flat tensors; 0 where one of them is zero."""
    sizes = float(a.norm()) * float(b.norm())
    return float(torch.dot(a, b)) / sizes if sizes else 0.0


def newest_common(workers, group, folder, say):
    """Load the newest round that all workers saved, or else that of worker 0; returns (the result so far, the last mean).

    (None, None) where nothing was saved.
    """
    steps = [[checkpoint.number(path) for path in checkpoint.found(folder / worker.folder)] for worker in workers]
    notes = group.meet("resume", steps)
    common = set.intersection(*map(set, notes.values())) or set(notes[0])
    if not common:
        return None, None
    step, state = max(common), None
    for worker, mine in zip(workers, steps):
        whose = worker.rank if step in mine else 0
        if whose != worker.rank:
            say(f"note: worker {worker.rank} has no checkpoint of step {step}; it begins with an empty inner memory.")
        state = checkpoint.load(folder / f"worker-{whose}" / checkpoint.file_name(step))
        worker.load({**state, "worker": whose})
    return Rounds(**{**state["result"], "stopped_by": 0}), state["mean"]


def train(workers, group, *, folder=None, result=None, mean=None, every=10, bar=None, say=None, stop=None):
    """Run the rounds to their end; returns a :class:`Rounds`.

    ``workers``: those of this process, all of them (with ``group`` an ``exchange.Here``) or one (an ``exchange.Group``).
    ``folder``: where checkpoints go, every ``every`` rounds, at a stop and at the end.  ``result``, ``mean``: as
    :func:`newest_common` returned them.  ``bar(1)`` after each round, ``say(line)`` at each checkpoint.
    Raises exchange.Lost where a worker is missing and the others are to stop.
    """
    result = result or Rounds()
    steps, length = workers[0].trainer.settings.steps, workers[0].plan.every
    rounds = workers[0].plan.rounds(steps)
    before, began = result.seconds, time.perf_counter()

    def save():
        result.seconds = before + time.perf_counter() - began
        for worker in workers if folder is not None else ():
            checkpoint.save(
                folder / worker.folder, worker.trainer.done, {**worker.state(), "result": asdict(result), "mean": mean}
            )

    with stop or StopRequest() as request:
        for k in range(workers[0].trainer.done // length, rounds):
            made = [worker.round() for worker in workers]
            notes = [{"loss": loss, "stop": request.number} for _, loss in made]
            last, (mean, came) = mean, group.exchange(f"round {k + 1}", [row for row, _ in made], notes)
            for worker in workers:
                worker.move(mean)
            result.sent += mean.numel() * mean.element_size()
            result.losses.append(sum(note["loss"] for note in came.values()) / len(came))
            result.cosines += [] if last is None else [cosine(mean, last)]
            result.lost = list(group.lost)
            result.stopped_by = max(note["stop"] for note in came.values()) if k + 1 < rounds else 0
            if not (math.isfinite(result.losses[-1]) and result.losses[-1] < DIVERGED):
                result.diverged_at = k + 1
                break
            if bar:
                bar(1)
            if (k + 1) % every == 0 or k + 1 == rounds or result.stopped_by:
                save()
                if say:
                    say(f"round {k + 1}/{rounds}  train {result.losses[-1]:.4f}")
            if result.stopped_by:
                return result
    if result.diverged_at is None and workers[0].rank == 0:  # the point is the same in all
        result.held_out = workers[0].evaluate().loss
    result.seconds = before + time.perf_counter() - began
    return result
