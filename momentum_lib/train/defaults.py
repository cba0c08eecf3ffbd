"""The settings of a run and their defaults: those of `Settings` and of the command line, whose help needs no torch."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Defaults:
    """Every setting with its default; `momentum_lib.train.settings.Settings` says what they mean, and checks them."""

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
