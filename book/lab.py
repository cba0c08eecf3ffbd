"""Open the chapters in JupyterLab on this machine: copies of your own, in lab/.

    python book/lab.py                copy what is not there yet, start JupyterLab, open the browser
    python book/lab.py --copy         only copy
    python book/lab.py --port 8890    what else is given goes to JupyterLab

The copies come from the reader's edition (book/reader/), which shows in JupyterLab what the site shows: boxes, closed answers,
mathematics, pictures. What you change stays: a copy is written once, and never over one that is there. Widgets are saved with
their state (book/_lab/overrides.json), so that the figures of a notebook that is opened again move at once; without that setting
they are pictures until their cell is run.
"""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = Path(__file__).resolve().parent / "_lab"


def copy(source=ROOT / "book" / "reader", target=ROOT / "lab"):
    """Copy the notebooks that ``target`` lacks; return (names copied, names that are there and differ)."""
    target.mkdir(exist_ok=True)
    copied, kept = [], []
    for path in sorted(source.glob("*.ipynb")):
        own = target / path.name
        if not own.exists():
            shutil.copyfile(path, own)
            copied.append(path.name)
        elif own.read_bytes() != path.read_bytes():
            kept.append(path.name)
    return copied, kept


def command(arguments, folder=ROOT / "lab"):
    """What starts JupyterLab in the folder of the copies, with the course's settings."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.app_settings_dir={SETTINGS}",
        *arguments,
    ]


def main(arguments):
    copied, kept = copy()
    print(f"Your copies are in {ROOT / 'lab'}: {len(copied)} new, {len(kept)} that you changed (or that have a newer edition).")
    if kept:
        print("To start one of these anew, delete it there and say this again:", ", ".join(kept))
    if "--copy" in arguments:
        return 0
    try:
        import jupyterlab  # noqa: F401
    except ImportError:
        print("JupyterLab is not installed here; say: make lab", file=sys.stderr)
        return 1
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    os.execv(sys.executable, command(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
