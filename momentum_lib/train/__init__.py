"""A toy transformer that trains for real: ``python -m momentum_lib.train --help``.

One idea a file: ``model`` (the GPT), ``data`` (bytes of Python's own standard library), ``optimizers``
(any rule of the library, set up for a model), ``loop`` (one training run), ``checkpoint`` (nothing lost),
``parallel`` (several processes, one result), ``sweep`` (many runs, resumable), ``experiments`` (the recorded families) and
``replay`` (their first steps, run again).  All of them load torch; :mod:`momentum_lib.records` reads what they found without it.
"""
