"""Where a table of trainings is measured: one thread of the CPU, and a GPU where there is one."""


def on_each(measure, rounds, what):
    """Call ``measure(torch, device, rounds)`` on the CPU with one thread, then on a GPU; say so where torch is missing."""
    try:
        import torch
    except ImportError as error:
        print(f"\n{what} left out: {error}. Install it with: pip install torch")
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    measure(torch, "cpu", rounds)
    torch.set_num_threads(before)
    if torch.cuda.is_available():
        measure(torch, "cuda", rounds)
