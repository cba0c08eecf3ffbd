"""nbval compares the outputs of a notebook that was run already, instead of running it once more.

    pytest --nbval -p tests.nbval_once notebooks

The notebook's run is the one that the site shows (book/_ext/executed.py); if there is none that is valid, it is run now. To
nbval it looks like a kernel that answers at once: collecting, sanitizing, comparing and reporting are nbval's own, cell by cell.
"""

import sys
from pathlib import Path

import pytest
from nbval.plugin import IPyNbFile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "_ext"))

import executed  # noqa: E402

ID = "replayed"
PICTURES = ("image/svg+xml",)  # made for the site, and never stored, as nbval's own image/png


class Replay:
    """A kernel of nbval that answers with what one cell said when the notebook was run."""

    def __init__(self, cell):
        self.cell, self.messages = cell, []

    def is_alive(self):
        return True

    def execute_cell_input(self, source, allow_stdin=None):
        assert self.cell.source == source, f"the run of the notebook has another cell here:\n{self.cell.source}"
        self.messages = [message(output) for output in self.cell.outputs] + [message_of("status", execution_state="idle")]
        return ID

    def await_reply(self, msg_id, timeout=None):
        """It is there."""

    def await_idle(self, msg_id, timeout=None):
        self.messages.clear()

    def get_message(self, stream, timeout=None):
        return self.messages.pop(0)

    def stop(self):
        """Nothing runs."""


def message_of(kind, **content):
    return {"msg_type": kind, "parent_header": {"msg_id": ID}, "content": content}


def message(output):
    """The message of a kernel that became this output of a notebook."""
    return message_of(output.output_type, **{key: value for key, value in output.items() if key != "output_type"})


class OnceFile(IPyNbFile):
    """A notebook whose cells are compared with its run. Each stands for itself, so any worker may take any of them."""

    def setup(self):
        self.skip_compare += PICTURES
        self.setup_sanitize_files()
        root = next(folder.parent for folder in self.path.parents if folder.name == "notebooks")
        self.ran = executed.code_cells(executed.run(self.path, root).notebook())


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    found = yield
    return [OnceFile.from_parent(parent, path=one.path) if type(one) is IPyNbFile else one for one in found]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if isinstance(item.parent, OnceFile):
        item.parent.kernel = Replay(item.parent.ran[item.cell_num])
