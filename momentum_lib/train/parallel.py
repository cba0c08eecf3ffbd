"""Several processes, one training run: the same program under ``torchrun``.

Each process holds the whole model and works on its rows of every batch; gradients are averaged before each step, so the
run is the single-process run up to rounding.  ``--shard zero`` also divides the optimiser's state among the
processes (ZeRO stage 1: Rajbhandari et al. 2020, arXiv:1910.02054).
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist

from . import device as devices

SHARDS = ("none", "zero")


@dataclass(frozen=True)
class World:
    """This process among all: its ``rank`` below ``size``, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self):
        """Whether this process speaks and writes files for all."""
        return self.rank == 0

    @property
    def many(self):
        return self.size > 1


def alone(device="auto"):
    """The world of a single process on the device of that name."""
    return World(0, 1, devices.choose(device))


def join(device="auto"):
    """The world that torchrun's environment describes, or a world of one without it.

    NCCL connects GPUs and gloo CPUs.  Call :func:`leave` at the end.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return alone(device)
    chosen = devices.choose(device, int(os.environ.get("LOCAL_RANK", 0)))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", device_id=chosen)
    else:
        dist.init_process_group("gloo")
    return World(dist.get_rank(), dist.get_world_size(), chosen)


def leave():
    """Take this process out of the group, if it is in one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def wrap(model, world):
    """The module whose backward pass averages gradients over all processes; the model itself where there is one."""
    if not world.many:
        return model
    from torch.nn.parallel import DistributedDataParallel

    own = [world.device.index] if world.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=own)


def no_sync(wrapped, world, last):
    """The context of one micro-batch: gradients travel with the last one only."""
    return nullcontext() if last or not world.many else wrapped.no_sync()


def total(tensor, world):
    """The sum of a tensor over all processes, in place; returns it."""
    if world.many:
        dist.all_reduce(tensor)
    return tensor


def agree(flag, world):
    """Whether any process raised its flag (a whole number; the largest counts)."""
    if not world.many:
        return flag
    tensor = torch.tensor([int(flag)], device=world.device)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return int(tensor)


def shard(make, parameters, world):
    """An optimiser whose state is divided among the processes: each parameter's state lies in one of them.

    ``make(groups)`` builds the optimiser of this process's share; parameters go round whole, so that a
    matrix rule finds its matrices.
    """
    from torch.distributed.optim import ZeroRedundancyOptimizer

    return ZeroRedundancyOptimizer(parameters, optimizer_class=lambda groups, **_: make(groups))


def gather_state(optimizer, world):
    """The whole optimiser's state dict on the first process, None on the others."""
    if hasattr(optimizer, "consolidate_state_dict"):
        optimizer.consolidate_state_dict(to=0)
    return optimizer.state_dict() if world.first else None
