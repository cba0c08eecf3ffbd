"""The guard: a step with a NaN or an infinity in its gradients is skipped, and too many in a row stop the run."""

import torch

from ..ranges import told
from ._checks import where_from


class Guard:
    """Counts what it skips.  ``limit``: None (off), or how many bad steps in a row raise."""

    def __init__(self, limit):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f"guard is {told(limit)}; allowed: None (off), or a whole number >= 1 of bad steps in a row.")
        self.limit, self.skipped, self.in_a_row = limit, 0, 0

    def passes(self, members):
        """Whether every gradient is finite.  ``members``: (parameter, (group, index, k)) pairs.

        Raises FloatingPointError at the ``limit``-th bad step in a row.
        """
        if finite([p.grad for p, _ in members]):
            self.in_a_row = 0
            return True
        self.skipped += 1
        self.in_a_row += 1
        if self.in_a_row >= self.limit:
            bad = next(where_from(*place) for p, place in members if not finite([p.grad]))
            raise FloatingPointError(
                f"{self.in_a_row} step(s) in a row had a gradient that is not finite, now that of {bad}; none of them was taken. "
                "Lower the rate or clip the gradients, or pass a larger guard."
            )
        return False

    def counts(self):
        return {"skipped": self.skipped, "skipped_in_a_row": self.in_a_row}

    def load(self, counts):
        self.skipped, self.in_a_row = counts.get("skipped", 0), counts.get("skipped_in_a_row", 0)


def finite(grads):
    """Whether no tensor holds a NaN or an infinity: one pass, and one answer per device that is waited for."""
    devices = {}
    for grad in grads:
        if grad.numel():
            devices.setdefault(grad.device, []).append(grad)
    largest = [torch.stack([n.float() for n in torch._foreach_norm(some, float("inf"))]) for some in devices.values()]
    return all(bool(norms.isfinite().all()) for norms in largest)  # the largest magnitude cannot overflow, a sum could
