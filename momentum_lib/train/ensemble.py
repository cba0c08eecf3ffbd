"""Many runs of one shape, trained as one: their parameters are stacked, and every run is told apart by its row.

A run has a rule, hyper-parameters, a schedule, a clipping norm, a seed and with it a data order of its own.  The runs share
a forward and a backward pass (:mod:`momentum_lib.train.stacked`) and, where they share a rule, its step: the rule's own
text, on arrays with one more axis.  A run that diverges leaves the stack.  Each ends where :func:`loop.train` alone would
have left it, up to the order in which sums are taken.
"""

import functools
import math
import time
from dataclasses import asdict

import numpy as np
import torch

from ..ops import products_in
from . import checkpoint, data, parallel
from . import device as devices
from .cohort import cohorts
from .limits import fit
from .loop import DIVERGED, Evaluation, Mismatch, Result
from .model import GPT
from .optimizers import whole
from .schedule import factor
from .stacked import Stacked
from .stopping import StopRequest

APART = {"rule", "lr", "hyper", "seed", "warmup", "decay", "floor", "clip"}  # what each run of an ensemble may have of its own
SAVED_EVERY = 30.0  # seconds between the checkpoints of an ensemble, at least; and 20 times what one takes
JUDGED = 64  # windows in one pass of an evaluation


def shared(settings):
    """What the runs of one ensemble have in common, as a key: all settings but those of ``APART``."""
    return tuple(sorted((name, value) for name, value in asdict(settings).items() if name not in APART))


@functools.cache
def compiled(config, device, dtype):
    """The compiled loss of stacked models of one shape, made once for all ensembles of it; another number of runs fits, too."""
    return torch.compile(Stacked(config, device, dtype).losses)


class Ensemble:
    """Runs with the given settings on one device; :meth:`step` makes one step of each, :meth:`state` is all a resume needs.

    ``settings``: a list of Settings that differ in ``APART`` alone.  ``dtype``: that of the parameters.
    ``live``: which of them (places in ``settings``) still train; rows of ``rows`` (E, parameters) follow it.  Runs that share a
    rule are neighbours.  Raises ValueError for settings that share no shape, or that one run alone would refuse.
    """

    def __init__(self, settings, world=None, corpus=None, dtype=torch.float32):
        self.settings = list(settings)
        self.world = world or parallel.alone()
        self.corpus = corpus or data.corpus()
        base = self.base = self.settings[0]
        if len({shared(one) for one in self.settings}) > 1:
            raise ValueError(
                "the runs of an ensemble share the model's shape, the batch and the number of steps; allowed to differ: "
                f"{', '.join(sorted(APART))}. Train the others apart."
            )
        fit(base, self.corpus)
        self.done, self.config, device = 0, base.config(), self.world.device
        self.precision = devices.precision_of(base.precision, device)
        self.stacked = Stacked(self.config, device, dtype)
        self.losses = compiled(self.config, device, dtype) if base.compile else self.stacked.losses
        self.live = sorted(range(len(self.settings)), key=lambda k: self.settings[k].rule)
        rows, groups = zip(*(self._begin(self.settings[k]) for k in self.live))
        self.rows = torch.stack(rows).to(device, dtype).requires_grad_()
        self.cohorts = cohorts(self.stacked.layout, groups, self.rows.detach())
        self.train_bytes = torch.from_numpy(self.corpus.train.copy()).to(device)  # (n,) uint8
        self.held_bytes = torch.from_numpy(self.corpus.held_out.copy()).to(device)

    def _begin(self, settings):
        """(the first weights as a row, the groups of the optimiser as (rule, names, numbers)) of one run."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            model = GPT(self.config)
        names = {p: name for name, p in model.named_parameters()}
        groups = [
            (group.rule, [names[p] for p in group["params"]], {name: float(group[name]) for name in group.rule.hyper})
            for group in whole(model, settings.rule, settings.lr, settings.hyper).param_groups
        ]
        return self.stacked.layout.row(model), groups

    def _windows(self, source, index):
        """Inputs and targets, each (..., T), from positions (..., T + 1)."""
        tokens = source.take(torch.from_numpy(index).to(source.device)).long()
        length = tokens.shape[-1] - 1
        return tokens.narrow(-1, 0, length), tokens.narrow(-1, 1, length)

    def _batches(self, runs):
        """The inputs and targets of each run's own next batch, (E, B, T) each."""
        length, batch, context = len(self.train_bytes), self.base.batch, self.config.context
        index = [data.batch_index(length, run.seed, self.done, batch, context) for run in runs]
        return self._windows(self.train_bytes, np.stack(index))

    def step(self):
        """One step of every live run; returns their mean losses (E,), so that a GPU need not be waited for."""
        base, runs = self.base, [self.settings[k] for k in self.live]
        inputs, targets = self._batches(runs)  # (E, B, T)
        self.rows.grad = None
        loss = None
        for x, y in zip(inputs.chunk(base.accumulation, 1), targets.chunk(base.accumulation, 1)):
            with devices.autocast(self.precision, self.world.device):
                part = self.losses(self.rows, x, y) / base.accumulation
            part.sum().backward()  # a run's loss depends on its own row alone
            loss = part.detach() if loss is None else loss + part.detach()
        self._move(runs)
        self.done += 1
        return loss

    @torch.no_grad()
    def _move(self, runs):
        """Clip each run's gradient by its own norm, and let each cohort take its rule's step."""
        grad = self.rows.grad
        if any(run.clip for run in runs):
            most = torch.tensor([run.clip or math.inf for run in runs], dtype=grad.dtype).to(grad.device)
            share = (most / (torch.linalg.vector_norm(grad, dim=1) + 1e-6)).clamp(max=1.0)
            grad.mul_(share.masked_fill(most.isinf(), 1.0).unsqueeze(1))
        scale = [factor(self.done, run.steps, warmup=run.warmup, decay=run.decay, floor=run.floor) for run in runs]
        with products_in(devices.products_of(self.precision)):
            for cohort in self.cohorts:
                cohort.step(self.rows.detach(), grad, scale, self.done + 1)

    @torch.no_grad()
    def evaluate(self, windows=None):
        """Judge the point that each live run's rule reports, on the same held-out windows; an Evaluation each, in their order."""
        windows, context, runs = windows or self.base.eval_windows, self.config.context, len(self.live)
        shown = self.rows.detach().clone()
        for cohort in self.cohorts:
            cohort.report(shown)
        inputs, targets = self._windows(self.held_bytes, data.evaluation_index(len(self.held_bytes), windows, context))
        nats, counts = torch.zeros(256, runs, dtype=torch.float64), torch.zeros(256, dtype=torch.float64)
        for x, y in zip(inputs.split(JUDGED), targets.split(JUDGED)):
            every = lambda tokens: tokens.expand(runs, *tokens.shape)
            with devices.autocast(self.precision, self.world.device):
                losses = self.stacked.nats(shown, every(x), every(y))  # (E, windows T)
            asked = y.flatten().cpu()
            nats.index_add_(0, asked, losses.cpu().double().T)
            counts += torch.bincount(asked, minlength=256)
        return [Evaluation(nats[:, k].numpy(), counts.numpy()) for k in range(runs)]

    def keep(self, places):
        """Go on with these rows of the stack alone, in their order."""
        self.live = [self.live[k] for k in places]
        index = torch.tensor(places, device=self.world.device, dtype=torch.long)
        self.rows = self.rows.detach().index_select(0, index).requires_grad_()
        self.cohorts = [left for cohort in self.cohorts if (left := cohort.kept(places))]

    def state(self):
        """Everything a resume needs, as tensors and plain containers."""
        return {
            "runs": [settings.deciding() for settings in self.settings],
            "fingerprint": self.corpus.fingerprint,
            "live": list(self.live),
            "rows": self.rows.detach(),
            "cohorts": [cohort.states for cohort in self.cohorts],
        }

    @torch.no_grad()
    def load(self, state):
        """Go on from a checkpoint's state.  Raises Mismatch where its runs or its data are others."""
        if state["runs"] != [settings.deciding() for settings in self.settings]:
            raise Mismatch("the checkpoint was made of other runs, or of the same in another order; make them again.")
        if state["fingerprint"] != self.corpus.fingerprint:
            raise Mismatch("the checkpoint was trained on other data; resume with the Python that began the runs.")
        place = {run: k for k, run in enumerate(self.live)}
        self.keep([place[run] for run in state["live"]])
        self.rows.detach().copy_(state["rows"])
        for cohort, states in zip(self.cohorts, state["cohorts"], strict=True):
            cohort.load(states)
        self.done = state["step"]


def train(ensemble, *, folder=None, results=None, watch=None, beside=None, bar=None, stop=None):
    """Run an ensemble to its last step; returns ``(results, number)``: a :class:`loop.Result` for each of its settings, and
    the signal that stopped it early, or 0.

    ``folder``: where checkpoints go, every ``SAVED_EVERY`` seconds or more and at a stop; None writes none.
    ``results``: those of the part already run, from the checkpoint.  ``beside``: plain containers that checkpoints hold, too.
    ``watch(run, step, evaluation)`` is called at each evaluation of each run, ``bar(1)`` after each step.
    Seconds and tokens are counted as a run's share of the ensemble's.
    """
    base, results = ensemble.base, results or [Result() for _ in ensemble.settings]
    with stop or StopRequest() as request:
        losses, began, due_at = [], _now(ensemble), time.monotonic() + SAVED_EVERY
        while ensemble.live and ensemble.done < base.steps:
            losses.append(ensemble.step())
            if bar:
                bar(1)
            last = ensemble.done == base.steps
            due = [every and ensemble.done % every == 0 for every in (base.log_every, base.eval_every, base.checkpoint_every)]
            if not (last or request.number or any(due)):
                continue
            _note(ensemble, results, losses, began)
            if ensemble.live and (due[1] or last):
                _judge(ensemble, results, watch)
            if request.number and not last:
                save(ensemble, folder, results, beside)
                return results, request.number
            if (now := time.monotonic()) > due_at and not last:
                save(ensemble, folder, results, beside)
                due_at = time.monotonic() + max(SAVED_EVERY, 20 * (time.monotonic() - now))
            losses, began = [], _now(ensemble)
    for run in ensemble.live:
        results[run].held_out = results[run].evaluations[-1][1]
    return results, 0


def save(ensemble, folder, results, beside=None):
    """Write a checkpoint of all runs, where there is a folder for it."""
    if folder is not None:
        own = {"results": [asdict(result) for result in results], **(beside or {})}
        checkpoint.save(folder, ensemble.done, {**ensemble.state(), **own})


def _now(ensemble):
    if ensemble.world.device.type == "cuda":
        torch.cuda.synchronize(ensemble.world.device)
    return time.perf_counter()


def _note(ensemble, results, losses, began):
    """Give each run the losses of a block of steps and its share of the time; those that diverged leave the stack."""
    columns = torch.stack(losses).T.tolist()
    share = (_now(ensemble) - began) / len(columns)
    tokens = len(losses) * ensemble.base.batch * ensemble.config.context
    going = []
    for place, (run, block) in enumerate(zip(ensemble.live, columns)):
        result = results[run]
        result.losses += block
        result.seconds += share
        result.tokens_per_second = tokens / share
        if all(math.isfinite(value) and value < DIVERGED for value in block):
            going.append(place)
        else:
            result.diverged_at = ensemble.done
    if len(going) < len(columns):
        ensemble.keep(going)


def _judge(ensemble, results, watch):
    for run, evaluation in zip(ensemble.live, ensemble.evaluate()):
        results[run].evaluations.append([ensemble.done, evaluation.loss])
        if watch:
            watch(run, ensemble.done, evaluation)
