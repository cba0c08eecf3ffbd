"""Checkpoints in parts: each process writes its own shards, and any number of processes reads them again.

The tensors go through ``torch.distributed.checkpoint``, which knows where each shard lies in its whole; everything else, and
a SHA-256 of every file, stands in ``run.pt``, an ordinary checkpoint.  A folder is written beside its final name and put
in place by one rename, so that, as with a single file, what lies there is complete.
"""

import hashlib
import pickle
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.distributed.tensor as distributed

RUN = "run.pt"
# What the index of a checkpoint is made of; a pickle that asks for anything else is not ours.
KNOWN = {
    "torch.distributed.checkpoint.metadata": {
        "Metadata", "TensorStorageMetadata", "TensorProperties", "ChunkStorageMetadata", "MetadataIndex", "StorageMeta",
        "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.serialization": {"_get_layout"},
    "torch": {"Size", "float16", "bfloat16", "float32", "float64"},
    "pathlib": {"Path", "PosixPath", "WindowsPath"},
    "pathlib._local": {"Path", "PosixPath", "WindowsPath"},
}  # fmt: skip


class Index(pickle.Unpickler):
    """Reads the index that ``torch.distributed.checkpoint`` pickles, and runs nothing of what another program put there."""

    def find_class(self, module, name):
        if name not in KNOWN.get(module, ()):
            raise pickle.UnpicklingError(f"its index asks for {module}.{name}")
        return super().find_class(module, name)


class Reader(dcp.FileSystemReader):
    """torch's reader, with an index that is read by :class:`Index`."""

    def read_metadata(self, *args, **kwargs):
        with open(Path(self.path) / ".metadata", "rb") as file:
            found = Index(file).load()
        found.storage_meta.load_id = self.load_id
        return found


@contextmanager
def _quiet():
    """torch warns where one process alone saves or loads, which is what it was asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def digest(path):
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        found = hashlib.sha256()
        while block := file.read(2**20):
            found.update(block)
    return found.hexdigest()


def flat(state):
    """(tensors by a name of their own, the state with those names in their places)."""
    tensors = {}

    def walk(value, path):
        if isinstance(value, torch.Tensor):
            tensors[path] = value
            return {"tensor": path}
        if isinstance(value, dict):
            return {"dict": [[key, walk(item, f"{path}/{key}")] for key, item in value.items()]}
        if isinstance(value, (list, tuple)):
            return {"list": [walk(item, f"{path}/{number}") for number, item in enumerate(value)]}
        return {"plain": value}

    kept = {name: value for name, value in state.items() if name not in ("model", "optimizer")}
    return tensors, {**kept, **{name: walk(state[name], name) for name in ("model", "optimizer")}}


def unflat(skeleton, tensors):
    """The part of a state that :func:`flat` described, with these tensors."""
    (kind, value), *_ = skeleton.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: unflat(item, tensors) for key, item in value}
    return [unflat(item, tensors) for item in value] if kind == "list" else value


def write(making, state, world):
    """Write the tensors of a state into the folder ``making``; all processes call it.

    Returns the rest of the state, with the digests of all files, to be written as an ordinary checkpoint by the first.
    """
    tensors, rest = flat(state)
    with _quiet():
        dcp.save(tensors, storage_writer=dcp.FileSystemWriter(making), no_dist=not world.many)
    mine = {path.name: digest(path) for path in making.glob(f"__{world.rank}_*")}
    if world.first:
        mine[".metadata"] = digest(making / ".metadata")
    digests = [mine]
    if world.many:
        digests = [None] * world.size
        dist.all_gather_object(digests, mine)
    return {**rest, "digests": {name: value for part in digests for name, value in part.items()}}


def damaged(folder, digests, world):
    """The first of this process's share of the files that is not what was written, or None."""
    for name in sorted(digests)[world.rank :: world.size]:
        try:
            if digest(folder / name) != digests[name]:
                return name
        except OSError:
            return name
    return None


def complete(folder, state, mesh=None):
    """The state of a checkpoint with its tensors: whole ones on the CPU, or DTensors whose rows the processes of ``mesh`` share.

    Without a mesh each process reads for itself; with one, all of its processes call this together.
    """
    index = Reader(folder).read_metadata().state_dict_metadata
    make = partial(distributed.empty, device_mesh=mesh, placements=[distributed.Shard(0)]) if mesh else torch.empty
    tensors = {name: make(entry.size, dtype=entry.properties.dtype) for name, entry in index.items()}
    with _quiet():
        dcp.load(tensors, storage_reader=Reader(folder), no_dist=mesh is None)
    return {**state, **{name: unflat(state[name], tensors) for name in ("model", "optimizer")}}
