"""Write the digits of the live figure and its rates (or with --check compare); see momentum_lib/widgets/digits_table.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from momentum_lib.widgets import digits_table

if __name__ == "__main__":
    raise SystemExit(digits_table.main())
