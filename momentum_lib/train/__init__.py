"""A toy transformer that trains for real: ``python -m momentum_lib.train --help``.

One idea a file: ``model`` (the GPT), ``data`` (bytes of Python's own standard library), ``optimizers``
(any rule of the library, set up for a model), ``loop`` (one training run), ``checkpoint`` (nothing lost),
``parallel`` (several processes, one result), ``sweep`` (many runs, resumable) and ``experiments`` (the recorded
families).  ``summary`` computes what a record claims and needs NumPy alone; the others load torch.
"""
