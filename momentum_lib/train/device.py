"""Which device a run uses, in which precision, and what the device could do at best."""

import contextlib
import os
import platform
import time
from pathlib import Path

import torch

from ..core import nearest

DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("auto", "float32", "bfloat16")

# Dense bf16 matrix products, FLOP/s, from the makers' data sheets.  The first name that the device's own name contains
# counts, so longer names stand first.  A device that is not here has no known peak, and no utilisation is printed.
PEAK_BF16 = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "NVIDIA L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}


class DeviceError(RuntimeError):
    """The device that was asked for is not there."""


def choose(name="auto", local_rank=0):
    """The torch device: CUDA if there is one, else MPS, else the CPU; or the one named.

    ``local_rank``: which of this machine's GPUs this process takes.  Raises ValueError for an unknown name and
    DeviceError where the device is missing.
    """
    if name not in DEVICES:
        raise ValueError(nearest(name, DEVICES, "device"))
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if not there[name]:
        raise DeviceError(f"this torch ({torch.__version__}) finds no {name.upper()} device; use --device auto or cpu.")
    if name == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise DeviceError(f"process {local_rank} finds no GPU of its own; this machine has {torch.cuda.device_count()}.")
        return torch.device("cuda", local_rank)
    return torch.device(name)


def title(device):
    """The device in words, as a run prints and a record stores it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"


def machine():
    """The processor and system in words, as far as they can be found out, for a record."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def precision_of(name, device):
    """float32 or bfloat16: what ``auto`` means on a device.  Raises ValueError for an unknown name."""
    if name not in PRECISIONS:
        raise ValueError(nearest(name, PRECISIONS, "precision"))
    if name != "auto":
        return name
    able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if able else "float32"


def products_of(precision):
    """In what a matrix rule multiplies where passes run in this precision: see :func:`momentum_lib.ops.products_in`."""
    return "bfloat16" if precision == "bfloat16" else "as given"


def autocast(precision, device):
    """The context in which a forward pass runs: matrix products in bf16, sums and losses in float32; or nothing."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def peak_flops(device_title, precision):
    """FLOP/s that the device's data sheet names for dense bf16 products, or None where that is not known."""
    if precision != "bfloat16":
        return None
    return next((peak for name, peak in PEAK_BF16.items() if name in device_title), None)


def measured_peak(device, precision="float32", clock=time.perf_counter):
    """FLOP/s of square matrix products of this size on this device, the best of a few: a peak where no data sheet names one.

    ``clock``: seconds; on a device that computes aside it is read when all is done.  Takes a tenth of a second.
    """
    side, dtype = (1024, torch.float32) if device.type == "cpu" else (4096, torch.float32)
    dtype = torch.bfloat16 if precision == "bfloat16" else dtype
    a = torch.randn(side, side, device=device).to(dtype)
    found = []
    for _ in range(4):
        began = clock()
        b = a @ a
        float(b[0, 0])  # waits for it
        found.append(clock() - began)
    return 2 * side**3 / max(min(found), 1e-9)


def utilisation(tokens_per_second, flops_per_token, peak, devices=1):
    """Model FLOP utilisation: the share of the peak that the model's own arithmetic needs; None where no peak is known.

    Source: Chowdhery et al. 2022, arXiv:2204.02311, appendix B.
    """
    return None if peak is None else tokens_per_second * flops_per_token / (peak * devices)
