"""What the workers of DiLoCo exchange: who is there, and the mean of what each of them has.

The mean is taken in the order of the workers' numbers, the same additions in every process and in the simulation that has all
workers in one, so that both give the same bits (``all_reduce`` adds in an order of its own).

Who is there is settled before each exchange and after it, through the key-value store by which the processes met: every
worker checks in, and worker 0, the first, says who came in time.  So a worker that died or lags has a name, and the others agree
on it: they end, or go on without it.
"""

import datetime
import json
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist

from . import device as devices
from .parallel import World

MISSING = ("stop", "go-on")


class Lost(RuntimeError):
    """A worker did not come in time; the message names it."""


def mean_in_order(rows):
    """The mean of the tensors, added in their order; a new tensor."""
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total / len(rows)


@dataclass
class Here:
    """All workers in this process: nothing is sent, and nobody can be missing."""

    workers: int

    def __post_init__(self):
        self.members, self.lost = list(range(self.workers)), []

    def meet(self, name, notes):
        """The notes of all workers, by number."""
        return dict(zip(self.members, notes))

    def exchange(self, name, rows, notes):
        """(the mean of all workers' rows, their notes by number)."""
        return mean_in_order(rows), self.meet(name, notes)


class Group:
    """One worker a process.  ``patience``: seconds that the others wait for a worker; ``missing``: "stop", or "go-on" without it.

    ``members``: the numbers of those who are there; ``lost``: [where, number] of those who are not, any more.
    """

    def __init__(self, world, store, patience, missing):
        self.world, self.store, self.missing = world, store, missing
        self.patience = datetime.timedelta(seconds=patience)
        self.members, self.lost = list(range(world.size)), []
        self.group = self._group()

    def _group(self):
        """A process group of the members alone."""
        return dist.new_group(self.members, timeout=self.patience, use_local_synchronization=True)

    def meet(self, name, notes):
        """Check in at ``name`` with a note (the one of ``notes``; plain values); the notes of those who came in time, by number.

        Raises Lost where somebody is missing and the others are to stop, and in a worker that comes too late.
        """
        rank = self.world.rank
        self.store.set(f"{name}/{rank}", json.dumps(notes[0]))
        if self.world.first:
            self.store.set(f"{name}/all", json.dumps(self._who_came(name)))
        try:
            self.store.wait([f"{name}/all"], self.patience * 2 + datetime.timedelta(seconds=5))
            came = json.loads(self.store.get(f"{name}/all"))
        except (RuntimeError, OSError):  # it did not answer, or the store, which it may keep, is gone
            raise Lost(f"worker {rank}: worker 0, which calls the others, did not come to {_where(name)}.") from None
        found = {int(number): note for number, note in came.items()}
        self._leave_behind(name, [number for number in self.members if number not in found])
        return found

    def _who_came(self, name):
        """Worker 0 waits for each of the others, for all of them no longer than the patience; who is there needs no waiting."""
        until = datetime.datetime.now() + self.patience
        came = {}
        for number in self.members:
            left = max(until - datetime.datetime.now(), datetime.timedelta(milliseconds=1))
            try:
                if not self.store.check([f"{name}/{number}"]):
                    self.store.wait([f"{name}/{number}"], left)
            except RuntimeError:
                continue
            came[number] = json.loads(self.store.get(f"{name}/{number}"))
        return came

    def _leave_behind(self, name, missing):
        if not missing:
            return
        seconds, where = self.patience.total_seconds(), _where(name)
        if self.world.rank in missing:
            raise Lost(
                f"worker {self.world.rank} came to {where} more than {seconds:g} s after the first; the others went without it."
            )
        who = f"worker{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
        if self.missing == "stop":
            raise Lost(
                f"{who} did not come to {where} within {seconds:g} s; the run has ended, --resume goes on with all of them."
            )
        self.members = [number for number in self.members if number not in missing]
        self.lost += [[where, number] for number in missing]
        if self.world.first:
            print(f"note: {who} did not come to {where} within {seconds:g} s; going on with {len(self.members)}.", flush=True)
        self.group = self._group()

    def exchange(self, name, rows, notes):
        """(the mean of all members' rows, their notes by number); the one of ``rows`` is this worker's.

        Either every member has the mean in the end, or they try again without those who have gone meanwhile.
        """
        (row,), attempt = rows, 0
        while True:
            found = self.meet(f"{name}/{attempt}", notes)
            gathered = [torch.empty_like(row) for _ in self.members]
            try:
                if len(self.members) > 1:
                    dist.all_gather(gathered, row, group=self.group)
                else:
                    gathered = [row]
                whole = True
            except RuntimeError:  # somebody went while the others were sending
                whole = False
            if all(self.meet(f"{name}/{attempt}/got", [whole]).values()):
                return mean_in_order(gathered), found
            self.group, attempt = self._group(), attempt + 1


def _where(name):
    """ "round 3" of "round 3/0/got"; "the start" of "start"."""
    head = name.split("/")[0]
    return head if head.startswith("round") else f"the {head}"


def join(device, patience, missing):
    """(world, group) of this process among those that torchrun, Slurm or a shell started; (None, None) where it is alone.

    NCCL connects GPUs and gloo CPUs.  Call :func:`parallel.leave` at the end.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return None, None
    chosen = devices.choose(device, int(os.environ.get("LOCAL_RANK", 0)))
    store, rank, size = next(dist.rendezvous("env://", timeout=datetime.timedelta(seconds=max(60, patience))))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", store=store, rank=rank, world_size=size, device_id=chosen)
    else:
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    world = World(rank, size, chosen)
    return world, Group(world, dist.PrefixStore("diloco", store), patience, missing)
