"""Write each rule's own best setting (or with --check compare); see momentum_lib/widgets/tuning.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from momentum_lib.widgets import tuning

if __name__ == "__main__":
    raise SystemExit(tuning.main())
