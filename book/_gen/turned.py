"""Write the table of the rotation test (or with --check compare its digests); see momentum_lib/widgets/turning.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from momentum_lib.widgets import turning

if __name__ == "__main__":
    raise SystemExit(turning.main())
