"""Several processes, one training run: the same program under ``torchrun``.

Each process holds the whole model and works on its rows of every batch; gradients are averaged before each step, so the
run is the single-process run up to rounding.  ``--shard zero`` also divides the optimiser's state among the
processes (ZeRO stage 1: Rajbhandari et al. 2020, arXiv:1910.02054).  ``--shard model`` divides everything: each process keeps
its rows of every parameter, gradient and slot, and a block's parameters are whole only while it is computed (torch's FSDP2:
Zhao et al. 2023, arXiv:2304.11277).  An elementwise rule moves rows as it moves wholes; one of matrices needs wholes, which
``zero`` gives it.
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist

from . import device as devices

SHARDS = ("none", "zero", "model")


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


def wrap(model, world, how="none"):
    """The module whose backward pass averages gradients over all processes; the model itself where there is one.

    ``how`` "model": the parameters of the model itself become DTensors, of which each process keeps its rows.
    """
    if not world.many:
        return model
    if how == "model":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(world.device.type, (world.size,))
        for module in (*model.blocks, model):
            fully_shard(module, mesh=mesh, reshard_after_forward=True)  # at the root, too: an evaluation has no backward pass
        return model
    from torch.nn.parallel import DistributedDataParallel

    own = [world.device.index] if world.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=own)


def no_sync(wrapped, world, last):
    """The context of one micro-batch: gradients travel with the last one only."""
    if hasattr(wrapped, "set_requires_gradient_sync"):
        wrapped.set_requires_gradient_sync(last)
        return nullcontext()
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


def mesh_of(model):
    """The mesh of the processes that share the rows of a model's parameters; None where each holds them all."""
    return getattr(next(model.parameters()), "device_mesh", None)


def own_rows(make, model):
    """An optimiser of the rows that this process keeps of a model, which ``make([(name, rows), ...])`` builds."""
    pairs = [(name, p, torch.nn.Parameter(p.detach().to_local())) for name, p in model.named_parameters()]
    optimizer = make([(name, rows) for name, _, rows in pairs])

    def take(*_):
        for _, p, rows in pairs:
            rows.data, rows.grad, p.grad = p.detach().to_local(), p.grad.to_local() if p.grad is not None else None, None

    optimizer.register_step_pre_hook(take)
    return optimizer


def rows_of(value, like):
    """This process's rows of a tensor, whole or a DTensor, divided as the DTensor ``like`` is."""
    if hasattr(value, "to_local"):
        return value.to_local()
    rank, parts = like.device_mesh.get_local_rank(), value.chunk(like.device_mesh.size())
    return parts[rank] if rank < len(parts) else value[:0]


def each_slot(state, model, change):
    """An optimiser's state dict with ``change(slot, its parameter)`` for each tensor of it."""
    parameters = list(model.parameters())
    slots = {
        number: {name: change(v, parameters[number]) if isinstance(v, torch.Tensor) else v for name, v in own.items()}
        for number, own in state["state"].items()
    }
    return {**state, "state": slots}


def as_whole(rows, like):
    """This process's rows as a part of the DTensor of all of them."""
    from torch.distributed.tensor import DTensor

    mesh, places = like.device_mesh, like.placements
    return DTensor.from_local(rows, mesh, places, run_check=False, shape=like.shape, stride=like.stride())


def gather_state(optimizer, world):
    """The whole optimiser's state dict on the first process, None on the others."""
    if hasattr(optimizer, "consolidate_state_dict"):
        optimizer.consolidate_state_dict(to=0)
    return optimizer.state_dict() if world.first else None
