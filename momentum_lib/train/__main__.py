"""``python -m momentum_lib.train``: one run, a sweep, or a family of recorded experiments."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
