"""Training data that every Python already has: the bytes of its own standard library.

The list of files is fixed (``files.txt``: modules that Pythons 3.10 to 3.13 share, tables and tests left out), and so
is the split: a file is held out or it is not, whole, by a hash of its NAME.  What the files contain differs
between Python versions, so a corpus carries a fingerprint; two runs with one fingerprint saw the same bytes.
A batch follows from (seed, step) alone, so a resumed run needs no state of the data.
"""

import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

HELD_OUT = 1 / 12  # of the files
BREAK = b"\x00"  # stands between two files; Python source has no such byte


class CorpusError(RuntimeError):
    """The standard library's source cannot be read."""


def names():
    """The fixed list of files, as paths below the standard library's folder."""
    return (Path(__file__).parent / "files.txt").read_text("utf-8").split()


def _order(name):
    return hashlib.sha256(f"momentum:{name}".encode()).digest()


def split_names():
    """(training names, held-out names), both in an order shuffled by a hash of the name; disjoint, together the list."""
    shuffled = sorted(names(), key=_order)
    held = round(len(shuffled) * HELD_OUT)
    return shuffled[held:], shuffled[:held]


@dataclass(frozen=True)
class Corpus:
    """Bytes to learn from and bytes to be judged by, as uint8 arrays (n,), and where they came from.

    ``hashes``: SHA-256 of each file by name; ``missing``: names on the list that this Python does not have.
    """

    train: np.ndarray
    held_out: np.ndarray
    hashes: dict
    missing: tuple

    @cached_property
    def fingerprint(self):
        """SHA-256 over the names and contents of all files: the identity of the data."""
        text = "".join(f"{name} {self.hashes[name]}\n" for name in sorted(self.hashes))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def frequency(self):
        """Share of each byte value in the training part, shape (256,), summing to 1."""
        return np.bincount(self.train, minlength=256) / len(self.train)

    def entropy(self):
        """Nats a byte of the best guess that knows frequencies only: -sum p ln p over the training part."""
        p = self.frequency[self.frequency > 0]
        return float(-(p * np.log(p)).sum())

    def describe(self):
        """One line: sizes, files, Python version, the fingerprint's start, and how many listed files are missing."""
        lacking = f"; {len(self.missing)} listed files are missing, so other Pythons' runs do not compare" if self.missing else ""
        return (
            f"{len(self.train) / 1e6:.2f} MB to train, {len(self.held_out) / 1e6:.2f} MB held out, {len(self.hashes)} files "
            f"of Python {sys.version.split()[0]}, fingerprint {self.fingerprint[:12]}{lacking}"
        )


def _load(folder, wanted, hashes, missing):
    parts = []
    for name in wanted:
        try:
            content = (folder / name).read_bytes().replace(b"\r\n", b"\n")
        except OSError:
            missing.append(name)
            continue
        hashes[name] = hashlib.sha256(content).hexdigest()
        parts.append(content)
    return np.frombuffer(BREAK.join(parts), dtype=np.uint8)


@lru_cache(maxsize=2)
def corpus(folder=None):
    """Read the listed files of the standard library (of ``folder``, if given); about 6.5 MB.  Returns a :class:`Corpus`.

    A file that this Python lacks is left out and named in ``missing``.  Raises CorpusError where more than a tenth are
    missing, as on a Python without its source files.
    """
    folder = Path(folder or sysconfig.get_path("stdlib"))
    hashes, missing = {}, []
    train_names, held_names = split_names()
    train = _load(folder, train_names, hashes, missing)
    held_out = _load(folder, held_names, hashes, missing)
    if len(missing) > 0.1 * (len(train_names) + len(held_names)):
        raise CorpusError(
            f"{len(missing)} of the {len(train_names) + len(held_names)} listed files of the standard library are not in "
            f"{folder}; "
            "use a Python that has its library as source files."
        )
    return Corpus(train, held_out, hashes, tuple(missing))


def offsets(seed, step, batch, length):
    """Where the windows of one batch start: (batch,) whole numbers below ``length``, from (seed, step) alone.

    NumPy promises that a SeedSequence gives the same words in every version, which its generators do not.
    """
    words = np.random.SeedSequence([seed, step]).generate_state(batch, np.uint64)
    return (words % np.uint64(length)).astype(np.int64)


def batch_index(length, seed, step, batch, context):
    """Which bytes one batch reads: positions (batch, context + 1) in data of ``length`` bytes.

    Columns 0 to context - 1 are inputs, columns 1 to context their targets, one byte further on.
    """
    starts = offsets(seed, step, batch, length - context)
    return starts[:, None] + np.arange(context + 1)


def evaluation_index(length, count, context):
    """The fixed windows that judge a model: ``count`` of them at even distances; (count, context + 1)."""
    starts = np.linspace(0, length - context - 1, count).astype(np.int64)
    return starts[:, None] + np.arange(context + 1)
