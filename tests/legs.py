"""One leg of a training run: go on from what lies in a folder, make some steps, save, and print their losses.

python -m tests.legs '{"rule": "adamw", ...}' FOLDER STEPS      # under RANK, WORLD_SIZE ... one of several processes
"""

import json
import sys
from pathlib import Path

import torch

from momentum_lib.train import checkpoint, parallel
from momentum_lib.train.loop import Trainer
from momentum_lib.train.settings import Settings


def leg(settings, folder, steps):
    """Make the leg; returns the mean losses over all processes."""
    world = parallel.join("cpu")
    try:
        trainer = Trainer(Settings(**settings), world)
        if (state := checkpoint.latest(folder, print, world, trainer.mesh)) is not None:
            trainer.load(state)
        losses = torch.stack([trainer.step() for _ in range(steps)])
        if (state := trainer.state()) is not None:
            checkpoint.save(folder, trainer.done, state, world if trainer.mesh else None)
        return (parallel.total(losses, world) / world.size).tolist()
    finally:
        parallel.leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(leg(json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
