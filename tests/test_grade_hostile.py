"""Submissions that mean harm score what they earned and leave no trace."""

import hashlib
import json
import os
import time
from pathlib import Path

import grading
import pytest

from momentum_lib.grade import sandbox, syscalls
from momentum_lib.grade.grading import grade
from momentum_lib.grade.results import (
    cell_safe,
    feedback_page,
    key_of,
    read_student,
    write_student,
    write_tables,
    write_text,
)
from momentum_lib.grade.sandbox import limits_of

QUICK = limits_of(cell=2, call=1, total=25)
ALL = {"q1-check": 3, "q2-check": 2, "q3-check": 4}


pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture
def hand_in(master, tmp_path):
    """Grade a submission with some cells replaced; returns its result."""

    def run(changes=None, limits=QUICK, name="handed.ipynb", **more):
        return grade(master, grading.write(tmp_path, grading.with_cells(dict(changes or {})), name), limits=limits, **more)

    return run


def fingerprint(folder):
    """Every file below a folder with its contents' hash."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(Path(folder).rglob("*"))
        if p.is_file()
    }


def test_the_masters_own_answers_score_all_there_is(hand_in):
    result = hand_in()
    assert grading.points(result) == ALL and result["points"] == 9 and result["of"] == 9 and result["by_hand"] == 2
    assert all(question["of"] == question["points"] for question in result["questions"])


# What each does in place of an answer, and which questions it may still earn.
BEFORE_THE_ANSWER = {
    "an endless loop": "while True: pass",
    "an endless loop that swallows every exception": "while True:\n    try:\n        while True: pass\n    except BaseException: "
    "pass",
    "a fork bomb": "import os\nwhile True:\n    os.fork()",
    "a fork bomb through subprocess": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)",
    "a memory bomb": "hoard = []\nwhile True:\n    hoard.append(bytearray(10**8))",
    "a huge output": "for _ in range(20000):\n    print('x' * 10000)\nraise SystemExit",
    "os._exit": "import os\nos._exit(0)",
    "a killed process": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "a killed parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)\nraise SystemExit",
    "sys.exit": "import sys\nsys.exit(0)",
    "an error with an error in its text": "class Bad(Exception):\n    def __str__(self):\n        raise self\nraise Bad",
    "deep recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "a crash in C": "import ctypes\nctypes.string_at(0)",
    "a disk bomb": "with open('big', 'wb') as f:\n    while True:\n        f.write(b'0' * 10**7)",
    "no Python": "this is ! no ( Python",
}


@pytest.mark.parametrize("what", BEFORE_THE_ANSWER)
def test_harm_in_one_cell_costs_that_question_alone(hand_in, what):
    result = hand_in({"q1": BEFORE_THE_ANSWER[what]})
    assert grading.points(result) == ALL | {"q1-check": 0}, what
    assert "q1" in result["cells"] or what == "sys.exit", result["cells"]


INSIDE_THE_ANSWER = {
    "an endless loop": "    while True:\n        pass",
    "an endless loop that swallows every exception": "    while True:\n        try:\n            while True: pass\n        "
    "except BaseException: pass",
    "os._exit": "    import os\n    os._exit(0)",
    "a wall of numbers": "    return np.zeros(10**7), v",
    "a string": "    return 'all points', v",
    "nothing": "    return None",
    "a nest of lists": "    a = []\n    for _ in range(10**5): a = [a]\n    return a, v",
    "a generator": "    return (x for x in [theta, v])",
    "NaN": "    return theta * np.nan, v",
    "complex numbers": "    return theta + 1j, v",
    "an array of objects": "    return np.array([object(), object()]), v",
}


@pytest.mark.parametrize("what", INSIDE_THE_ANSWER)
def test_harm_inside_a_function_costs_that_question_alone(hand_in, what):
    source = "def my_step(theta, grad, v, *, lr, beta):\n" + INSIDE_THE_ANSWER[what]
    assert grading.points(hand_in({"q1": source})) == ALL | {"q1-check": 0}


EQUAL_TO_EVERYTHING = """
class Same(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __float__(self): return 1.0
    def __array__(self, *a, **k):
        import numpy as np
        return np.array(1.0)
    def __reduce__(self):
        import os
        return os.system, ("touch /tmp/pwned",)
"""


def test_an_object_equal_to_everything_is_no_number(hand_in):
    result = hand_in({"q2": EQUAL_TO_EVERYTHING + "kappa = Same()"})
    assert grading.points(result) == ALL | {"q2-check": 0}
    assert "it is a Same" in result["questions"][1]["said"]


def test_a_test_that_says_yes_or_no_to_everything_finds_nothing(hand_in):
    for verdict in ("True", "False", "None", "Same()", "1"):
        source = EQUAL_TO_EVERYTHING + f"def my_test(step):\n    return {verdict}\n"
        assert grading.points(hand_in({"q3": source}))["q3-check"] == 0, verdict


def test_patched_libraries_change_no_score(hand_in):
    patch = (
        "import numpy, numpy.testing, momentum_lib.grade as g, momentum_lib.grade.checks as c, math\n"
        "always = lambda *a, **k: True\n"
        "for module in (numpy, numpy.testing, g, c, math):\n"
        "    for name in ('allclose', 'isclose', 'assert_allclose', 'update_rule', 'number', 'same', 'isfinite'):\n"
        "        if hasattr(module, name):\n            setattr(module, name, always)\n"
        "import builtins\nbuiltins.float = lambda x: 1.0\nbuiltins.abs = always\n"
        "def my_step(theta, grad, v, *, lr, beta):\n    return theta, v\n"
    )
    result = hand_in({"q1": patch, "q2": "kappa = -1.0"})
    assert grading.points(result)["q1-check"] == 0 and grading.points(result)["q2-check"] == 0


def test_a_changed_or_missing_check_cell_is_not_asked(hand_in, master, tmp_path):
    wrong = {"q1": "def my_step(theta, grad, v, *, lr, beta):\n    return theta, v\n"}
    result = hand_in(wrong | {"q1-check": "print('3 points')", "imports": "import sys; sys.exit()"})
    assert grading.points(result) == ALL | {"q1-check": 0}
    notebook = grading.with_cells(dict(wrong))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in ("q1-check", "imports")]
    result = grade(master, grading.write(tmp_path, notebook, "short.ipynb"), limits=QUICK)
    assert grading.points(result) == ALL | {"q1-check": 0}


def test_nothing_of_the_instructors_can_be_read(hand_in, master, tmp_path):
    """The master, the results, the home and the other submissions are not there; the code that looks for them finds nothing."""
    secret = tmp_path / "results" / "grades.csv"
    secret.parent.mkdir()
    secret.write_text("secret", "utf-8")
    places = [
        str(master.path),
        str(secret),
        str(Path.home()),
        str(tmp_path),
        "/etc/passwd",
        "/etc/shadow",
        "/proc/1/environ",
        "/tmp",
        "/var",
        "/root/.ssh",
    ]
    source = f"""
import os
found = []
for place in {places!r}:
    try:
        found.append((place, os.listdir(place) if os.path.isdir(place) else open(place).read(20)))
    except OSError:
        pass
for folder, _, files in os.walk('/course'):
    found += [os.path.join(folder, f) for f in files if f.endswith('.ipynb')]
kappa = str([item for item in found if item and item[1]])
"""
    said = hand_in({"q2": source})["questions"][1]["said"]
    assert said == "kappa must be a number; it is a str."  # it ran to its end
    with sandbox.Process(QUICK) as process:
        assert "error" not in process.ask({"op": "run", "cell": "c", "source": source, "limit": 5}, 8)
        seen = process.ask({"op": "get", "name": "kappa"}, 2)["value"]
    leftover = [
        place for place in (str(master.path), str(secret), "/etc/passwd", "/etc/shadow", ".ipynb", "secret") if place in seen
    ]
    assert not leftover, seen
    assert os.path.basename(str(secret)) not in seen


def test_nothing_can_be_written_that_stays(hand_in, master, tmp_path):
    before = fingerprint(tmp_path), fingerprint(Path(sandbox.PACKAGE)), fingerprint(master.path.parent)
    targets = [
        str(tmp_path / "mine"),
        str(master.path),
        "/course/momentum_lib/grade/checks.py",
        "/usr/mine",
        "/etc/mine",
        "/mine",
    ]
    source = f"""
import os, pathlib
for target in {targets!r}:
    for act in (lambda: pathlib.Path(target).write_text('pwned'), lambda: os.remove(target),
                lambda: os.chmod(target, 0o777), lambda: os.symlink('/etc', target + 'x')):
        try:
            act()
        except OSError:
            pass
"""
    result = hand_in({"q1": source})
    assert grading.points(result) == ALL | {"q1-check": 0}
    Path(tmp_path / "handed.ipynb").unlink()
    assert (fingerprint(tmp_path), fingerprint(Path(sandbox.PACKAGE)), fingerprint(master.path.parent)) == before


REACHED = """
import ctypes, os, threading
reached = []
libc = ctypes.CDLL(None, use_errno=True)
for name, act in {
    "shared memory of System V": lambda: libc.shmget(0, 10**6, 0o1600) >= 0,
    "a message queue": lambda: libc.msgget(0, 0o1600) >= 0,
    "a file in memory": lambda: os.memfd_create("hoard"),
    "a file in /dev": lambda: open("/dev/hoard", "w"),
    "a file in /dev/shm": lambda: open("/dev/shm/hoard", "w"),
    "a file in /": lambda: open("/hoard", "w"),
    "name spaces of its own": lambda: libc.unshare(0x10000000) == 0,
    "a mount": lambda: libc.mount(b"none", b"/student", b"tmpfs", 0, None) == 0,
    "a child": lambda: os.fork() + 1,
    "a traced process": lambda: libc.ptrace(0, 0, 0, 0) == 0,
    "io_uring": lambda: libc.syscall(425, 8, 0) >= 0 or ctypes.get_errno() != 1,
    "the kernel's keys": lambda: libc.syscall(NUMBER_OF_ADD_KEY, b"user", b"k", b"v", 1, -3) >= 0,
    "the kernel's settings": lambda: open("/proc/sys/kernel/core_pattern", "w"),
    "the process that started it": lambda: open("/proc/1/fd/2", "w"),
    "what other processes were started with": lambda: open("/proc/1/cmdline"),
    "the machine's devices": lambda: os.listdir("/sys/class"),
}.items():
    try:
        if act():
            reached.append(name)
    except OSError:
        pass
thread = threading.Thread(target=reached.append, args=("a thread",))
thread.start()
thread.join()
"""


def test_what_no_answer_needs_is_not_within_reach():
    """Memory that no limit counts, name spaces, the kernel's switches: closed for root, too.  A thread is allowed."""
    number = str(syscalls.REFUSED["add_key"][list(syscalls.CALLS).index(os.uname().machine)])
    source = REACHED.replace("NUMBER_OF_ADD_KEY", number)
    with sandbox.Process(QUICK) as process:
        assert process.ask({"op": "run", "cell": "c", "source": source, "limit": 5}, 8) == {"id": 1}
        assert process.ask({"op": "get", "name": "reached"}, 2)["value"] == {"list": ["a thread"]}


def test_a_huge_dict_is_too_large_and_ends_nothing(hand_in):
    source = "kappa = {i: str(i) for i in range(10**6)}"
    result = hand_in({"q2": source}, limits=limits_of(cell=10, call=5, total=40))
    assert grading.points(result) == ALL | {"q2-check": 0}
    assert "too large" in result["questions"][1]["said"], result["questions"][1]


def test_half_a_character_stops_no_class(hand_in, master, tmp_path):
    """Half a surrogate pair cannot be written as UTF-8: as a name, in an error, in an essay, in a file's name."""
    half = "\udc80"
    result = hand_in(
        {"who": f'STUDENT = "a{half}b"', "q1": f'raise ValueError("a{half}b")', "q4": f"because {half}"}, name=f"a{half}.ipynb"
    )
    assert grading.points(result)["q3-check"] == 4
    write_student(tmp_path, "key", result)
    assert read_student(tmp_path, "key")["essays"]["q4"] == f"because {half}"
    write_text(tmp_path / "page.html", feedback_page(master, result, {}, "key"))
    write_tables(tmp_path, master, {"key": result})
    assert "a\\udc80.ipynb" in (tmp_path / "grades.csv").read_text("utf-8")


def test_a_cell_that_was_copied_with_its_name_runs_in_its_place(hand_in, master, tmp_path):
    """Notebooks copy a cell with its metadata: both run, in order; an essay's two texts are both kept."""
    notebook = grading.with_cells({})
    at = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "q1")
    wrong = {
        **notebook["cells"][at],
        "source": "def my_step(theta, grad, v, *, lr, beta):\n    import os\n    os._exit(0)\nos._exit(0)",
    }
    notebook["cells"].insert(at, wrong)
    notebook["cells"].append({**notebook["cells"][-1], "source": "And because it remembers."})
    result = grade(master, grading.write(tmp_path, notebook), limits=QUICK)
    assert grading.points(result) == ALL
    assert "Because the memory" in result["essays"]["q4"] and "And because it remembers." in result["essays"]["q4"]
    notebook["cells"][at]["source"] = "import os\nos._exit(0)"  # the first copy is deadly: the second one still runs
    assert grading.points(grade(master, grading.write(tmp_path, notebook), limits=QUICK)) == ALL


NOTEBOOKS_OWN = {
    "a timed cell": "%%time\n" + grading.RIGHT,
    "a magic line": "%matplotlib inline\n" + grading.RIGHT,
    "a magic line in a block": "if True:\n    %pip install x\n" + grading.RIGHT,
    "a question": "my_step?\n" + grading.RIGHT,
    "a remainder at the start of a line": grading.RIGHT + "x = (7\n% 4)\nassert x == 3\n",
    "lines that end as in Windows": grading.RIGHT.replace("\n", "\r\n"),
    "a line separator in a text": "x = 'a\u2028b'\n" + grading.RIGHT,
}


@pytest.mark.parametrize("what", NOTEBOOKS_OWN)
def test_what_a_notebook_understands_costs_nothing(hand_in, what):
    result = hand_in({"q1": NOTEBOOKS_OWN[what]})
    assert grading.points(result) == ALL, result["cells"]


def test_a_path_of_nan_is_no_known_mistake(hand_in):
    said = hand_in({"q1": grading.RIGHT.replace("return theta", "return np.nan * theta")})["questions"][0]
    assert said["points"] == 0 and said["why"] is None and "at step 1" in said["said"], said


def test_there_is_no_network(hand_in):
    source = """
import socket
reached = 0.0
for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)), (socket.AF_INET, ("192.0.2.1", 80))):
    try:
        socket.create_connection(address, timeout=0.3)
        reached += 1
    except OSError:
        pass
"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        source = source.replace("PORT", str(server.getsockname()[1]))
        with sandbox.Process(QUICK) as process:
            assert "error" not in process.ask({"op": "run", "cell": "c", "source": source, "limit": 3}, 5)
            assert process.ask({"op": "get", "name": "reached"}, 2)["value"] == 0


def test_no_socket_of_the_machine_is_reached():
    """A local socket without a file belongs to the network's name space, and no filter of families refuses it."""
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0grade-canary")
        server.listen()
        source = """
import socket
reached = 0
try:
    socket.socket(socket.AF_UNIX).connect("\\0grade-canary")
    reached = 1
except OSError:
    pass
refused = []
for family in range(2, 46):
    for make in (lambda: socket.socket(family, socket.SOCK_STREAM), lambda: socket.socket(family, socket.SOCK_RAW),
                 lambda: socket.socketpair(family)):
        try:
            make()
            refused.append(family)
        except PermissionError:
            pass
pair = socket.socketpair()
"""
        with sandbox.Process(QUICK) as process:
            assert "error" not in process.ask({"op": "run", "cell": "c", "source": source, "limit": 3}, 5)
            assert process.ask({"op": "get", "name": "reached"}, 2)["value"] == 0
            assert process.ask({"op": "get", "name": "refused"}, 2)["value"] == {"list": []}, "AF_VSOCK (40) and the others"


def test_a_pickle_in_the_answer_is_data(hand_in, tmp_path):
    mark = tmp_path / "unpickled"
    source = (
        f"import pickle, os\nclass P:\n    def __reduce__(self):\n        return os.system, ('touch {mark}',)\nkappa = "
        f"pickle.dumps(P())\n"
    )
    assert "it is a bytes" in hand_in({"q2": source})["questions"][1]["said"]
    assert not mark.exists()


def test_forged_messages_earn_nothing(hand_in):
    """The code writes replies of its own into every descriptor that it finds."""
    source = """
import os, json
for fd in range(3, 20):
    for n in range(1, 60):
        try:
            os.write(fd, (json.dumps({"id": n, "value": {"tuple": [1, 2]}}) + "\\n").encode())
        except OSError:
            break
def my_step(theta, grad, v, *, lr, beta):
    return theta, v
"""
    result = hand_in({"q1": source})
    assert grading.points(result)["q1-check"] == 0 and grading.points(result)["q3-check"] in (0, 4)


MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&"


def test_markup_is_escaped_on_the_feedback_page(hand_in, master):
    changes = {"who": f"STUDENT = {MARKUP!r}", "q1": f"raise ValueError({MARKUP!r})", "q2": "kappa = 'x'", "q4": MARKUP}
    result = hand_in(changes)
    page = feedback_page(master, result, {}, "key")
    assert "<script" not in page and "<img" not in page and "onerror=alert(1)&gt;" in page
    assert "default-src 'none'" in page


def test_a_table_holds_no_formula(hand_in):
    for text in ("=HYPERLINK(1)", "+1", "-1", "@x"):
        assert cell_safe(text) == "'" + text
    assert cell_safe("ada") == "ada"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"cells": 3}',
        b'{"cells": [{"cell_type": "code"}]}',
        b"\xff\xfe\x00",
        b"[" * 100000,
        b'{"cells": [1]}',
    ],
)
def test_a_file_that_is_no_notebook_has_no_points_and_stops_nothing(master, tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    result = grade(master, path, limits=QUICK)
    assert result["points"] == 0 and "no notebook" in result["unreadable"] and len(result["questions"]) == 3


def test_a_notebook_of_a_hundred_megabytes_is_not_read(master, tmp_path):
    path = tmp_path / "x.ipynb"
    with open(path, "wb") as file:
        file.truncate(100 * 2**20)
    started = time.monotonic()
    result = grade(master, path, limits=QUICK)
    assert "100 MB" in result["unreadable"] and time.monotonic() - started < 60


@pytest.mark.parametrize(
    "name",
    ["a b.ipynb", "ü✓.ipynb", "-rf.ipynb", "a;rm -rf x.ipynb", "x" * 200 + ".ipynb", "..ipynb", "$(id).ipynb", "a\nb.ipynb"],
)
def test_unusual_file_names_are_names(hand_in, tmp_path, name):
    result = hand_in(name=name)
    assert grading.points(result) == ALL
    key = key_of(tmp_path / name, tmp_path)
    assert key.replace("-", "").isalnum() and key.isascii() and len(key) < 80
    json.dumps(result)
