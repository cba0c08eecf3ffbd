"""What a run may ask of its data, and of the machine's threads."""

from .data import corpus as read

THREADS = 1024


def fit(settings, corpus=None):
    """Check that a run's windows fit the corpus (this Python's own, if none is given).

    Raises ValueError where a batch asks for more bytes than there are to train on, or the windows that judge the model
    for more than are held out.
    """
    corpus = corpus or read()
    context = settings.config().context
    _bytes("batch", settings.batch, context, len(corpus.train), "to train on")
    _bytes("eval_windows", settings.eval_windows, context, len(corpus.held_out), "held out")


def _bytes(name, windows, context, length, what):
    if windows * context > length:
        most = length // context
        allowed = f"1 to {most:,} windows of {context:,}" if most else f"a context of at most {length:,}"
        raise ValueError(
            f"{name} is {windows}; allowed: {allowed} bytes, since {length:,} bytes are {what}; "
            f"choose a smaller --{name.replace('_', '-')} or --context."
        )
