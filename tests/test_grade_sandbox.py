"""What shuts a submission in, named one by one: flags, limits, calls; time that is the processor's; and that nothing stays."""

import contextlib
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import grading
import pytest

from momentum_lib.grade import sandbox, syscalls, usage
from momentum_lib.grade.sandbox import Limits, Process, limits_of
from tests.limits import HANG

ROOT = Path(__file__).parents[1]
QUICK = limits_of(cell=2, call=1, total=25)


pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture(scope="module")
def process():
    with Process(QUICK) as made:
        yield made


def after(process, source, name="found", limit=5):
    """What a name is after some code ran in a new process of the sandbox."""
    process.fresh()
    reply = process.ask({"op": "run", "cell": "c", "source": source, "limit": limit}, limit + 2)
    assert "error" not in reply, reply
    return process.ask({"op": "get", "name": name}, 2).get("value")


# -- flags and limits, by name ---------------------------------------------------------------------


def test_the_flags_of_the_sandbox():
    """Each is a wall: one that is taken away is a hole, and no submission of these tests might go through it."""
    command = sandbox.bubblewrap(Limits(), 7)
    for flag in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"):
        assert flag in command, flag
    after_word = {word: command[at + 1 :] for at, word in enumerate(command)}
    assert after_word["--cap-drop"][0] == "ALL" and after_word["--seccomp"][0] == "7"
    assert after_word["--size"][:3] == [str(Limits().disk), "--tmpfs", sandbox.WORK]
    remounted = [command[at + 1] for at, word in enumerate(command) if word == "--remount-ro"]
    assert remounted == ["/dev", "/"]
    assert not {"--share-net", "--proc", "--bind", "--dev-bind", "--bind-try"} & set(command), "nothing of the machine's to write"
    shown = {command[at + 1] for at, word in enumerate(command) if word in ("--ro-bind", "--ro-bind-try")}
    allowed = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.prefix, sys.base_prefix, str(sandbox.PACKAGE)}
    assert shown <= allowed, shown - allowed


def test_the_limits_that_a_child_has(process):
    source = """
import resource
found = [resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in ("AS", "FSIZE", "NOFILE", "NPROC", "CORE", "CPU")]
"""
    seconds = int(3 * QUICK.total) + 10
    limits = [QUICK.memory, QUICK.disk, 64, 256, 0, seconds]
    assert after(process, source) == {"list": [{"tuple": [limit, limit]} for limit in limits]}


def test_a_child_holds_no_descriptor_but_its_own_channel(process):
    source = "import os\nfound = []\nfor number in range(64):\n    try:\n        os.fstat(number)\n        found.append(number)\n"
    source += "    except OSError:\n        pass\n"
    assert after(process, source) == {"list": [0, 1, 2, 3]}


ANOTHER = """
import ctypes, os, signal, resource
libc = ctypes.CDLL(None, use_errno=True)
parent, found = os.getppid(), []
for name, act in {
    "a signal to the nursery": lambda: os.kill(parent, 0),
    "a signal to all": lambda: os.kill(-1, 0),
    "a signal to the group": lambda: os.kill(0, 0),
    "a signal to a thread of another": lambda: libc.tgkill(parent, parent, 0) == 0,
    "its limits": lambda: resource.prlimit(parent, resource.RLIMIT_CPU),
    "its priority": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    "its processors": lambda: os.sched_setaffinity(parent, {0}),
    "its group": lambda: os.setpgid(parent, parent),
    "a child": lambda: os.fork() + 1,
    "a child by another call": lambda: os.posix_spawn("/bin/true", ["true"], {}) + 1,
    "a semaphore": lambda: libc.semget(0, 1, 0o1600) >= 0,
    "a message queue": lambda: libc.syscall(MQ_OPEN, b"q", 0o102, 0o600, None) >= 0,
}.items():
    try:
        if act() is not False:
            found.append(name)
    except OSError:
        pass
os.kill(os.getpid(), 0)
resource.getrlimit(resource.RLIMIT_CPU)
"""


def test_a_child_has_a_hand_on_no_process_but_itself(process):
    column = list(syscalls.CALLS).index(os.uname().machine)
    assert after(process, ANOTHER.replace("MQ_OPEN", str(syscalls.REFUSED["mq_open"][column]))) == {"list": []}
    assert after(process, "found = 1") == 1, "the nursery lives on"


def run_filter(program, arch, number, argument=0):
    """What a filter says of a call: the kernel's reading of the few instructions that are used."""
    code = [struct.unpack("HBBI", program[at : at + 8]) for at in range(0, len(program), 8)]
    data = {0: number, 4: arch, 16: argument}
    value = at = 0
    while True:
        operation, yes, no, operand = code[at]
        if operation == syscalls.RETURN:
            return operand
        if operation == syscalls.LOAD:
            value, yes, no = data[operand], 0, 0
        test = {
            syscalls.JUMP_IF_EQUAL: value == operand,
            syscalls.JUMP_IF_AT_LEAST: value >= operand,
            syscalls.JUMP_IF_BITS: bool(value & operand),
        }.get(operation, True)
        at += 1 + (yes if test else no)


@pytest.mark.parametrize("machine", syscalls.CALLS)
def test_every_call_is_refused_or_allowed_as_the_tables_say(machine):
    """On both machines, also on the one that these tests do not run on."""
    arch, fork, vfork, clone, clone3 = syscalls.CALLS[machine]
    column = list(syscalls.CALLS).index(machine)
    outer, inner = syscalls.outer(machine), syscalls.inner(4321, machine)
    forbidden = syscalls.REFUSE | syscalls.EPERM
    for name, numbers in syscalls.REFUSED.items():
        assert run_filter(outer, arch, numbers[column]) == forbidden, name
    for name, numbers in syscalls.REACHING.items():
        assert run_filter(inner, arch, numbers[column]) == forbidden, name
        assert run_filter(outer, arch, numbers[column]) == syscalls.ALLOW, name
    for numbers in syscalls.SOCKETS.values():
        for family in (0, 2, 10, 16, 17, 40):
            assert run_filter(outer, arch, numbers[column], family) == forbidden, family
        assert run_filter(outer, arch, numbers[column], syscalls.AF_UNIX) == syscalls.ALLOW
    for numbers in (*syscalls.SIGNALS.values(), syscalls.PRLIMIT):
        assert run_filter(inner, arch, numbers[column], 4321) == syscalls.ALLOW
        assert run_filter(inner, arch, numbers[column], 4320) == forbidden
    assert run_filter(inner, arch, syscalls.PRLIMIT[column], 0) == syscalls.ALLOW
    assert run_filter(inner, arch, syscalls.SIGNALS["kill"][column], 0) == forbidden, "0 is the whole group"
    for call in filter(None, (fork, vfork)):
        assert run_filter(inner, arch, call) == syscalls.REFUSE | syscalls.EAGAIN
        assert run_filter(outer, arch, call) == syscalls.ALLOW
    assert run_filter(inner, arch, clone3) == syscalls.REFUSE | syscalls.ENOSYS
    assert run_filter(inner, arch, clone, syscalls.CLONE_THREAD) == syscalls.ALLOW
    assert run_filter(inner, arch, clone, 17) == syscalls.REFUSE | syscalls.EAGAIN
    for program in (outer, inner):
        assert run_filter(program, arch + 1, 0) == syscalls.KILL
        assert run_filter(program, arch, syscalls.OTHER_CALLING_CONVENTION + 1) == syscalls.KILL
        assert run_filter(program, arch, 0) == syscalls.ALLOW


def test_an_unknown_machine_has_no_filter():
    with pytest.raises(syscalls.UnknownMachine, match="this machine is riscv64"):
        syscalls.outer("riscv64")


@pytest.mark.parametrize("name", ["cell", "call", "total", "memory", "disk"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0, -1, 1e300, 10**400, True, "1", None])
def test_a_limit_that_is_no_limit_is_refused(name, value):
    with pytest.raises(ValueError, match=f"limit {name} is .*; allowed: "):
        limits_of(**{name: value})


def test_limits_that_are_limits_are_taken():
    assert limits_of(memory=2.0**31).memory == 2**31 and isinstance(limits_of(memory=2.0**31).memory, int)
    assert limits_of(cell=0.5, total=86_400).total == 86_400
    with pytest.raises(ValueError, match="unknown limit 'x'; known: cell"):
        limits_of(x=1)


# -- time ------------------------------------------------------------------------------------------


def test_one_that_sleeps_is_told_and_one_that_does_not_listen_is_ended(process):
    process.fresh()
    reply = process.ask({"op": "run", "cell": "c", "source": "import time\ntime.sleep(600)", "limit": 0.3}, 5)
    assert reply["error"]["kind"] == "OutOfTime"
    deaf = "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(600)"
    with pytest.raises(sandbox.Lost, match="time limit"):
        process.ask({"op": "run", "cell": "c", "source": deaf, "limit": 0.2}, 0.5)
    assert after(process, "found = 1") == 1, "the next one has a process of its own"


def test_a_process_that_waits_for_a_processor_uses_nothing(process, monkeypatch):
    """Stopped from outside, as a busy machine stops it: the clock runs on, and what it has used does not."""
    process.fresh()
    process.ask({"op": "run", "cell": "c", "source": "x = 1", "limit": 1}, 2)
    states = iter([(1.0, False)] * 50)
    used = usage.Usage(process.usage.pid)
    clock = iter(range(1000))
    monkeypatch.setattr(usage.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(used, "look", lambda: next(states))
    used.start(2.0, 3.0)
    assert not any(used.over() for _ in range(20)) and used.spent() == 0
    states = iter([(1.0, True)] * 50)
    monkeypatch.setattr(used, "send", lambda number: None)
    assert any(used.over() for _ in range(20)), "asleep, it does use its time"


def test_a_busy_machine_lowers_no_grade(process):
    """A quarter of a second of work takes many on the clock beside four busy processes, at the lowest priority of all."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        with Process(limits_of(cell=1)) as loaded:
            loaded.fresh()
            loaded.meet()
            os.setpriority(os.PRIO_PROCESS, loaded.usage.pid, 19)
            work = "import time\nwhile time.process_time() < 0.25: pass"
            assert loaded.ask({"op": "run", "cell": "c", "source": work, "limit": 0.5}, 0.9) == {"id": 1}
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


# -- nothing stays ---------------------------------------------------------------------------------


def descendants(pid):
    """The processes below one, as /proc knows them."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def gone(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.mark.parametrize("trust", [[], ["--trust"]], ids=["sandboxed", "trusted"])
def test_a_grader_that_is_killed_leaves_no_process(tmp_path, trust):
    """SIGKILL gives nobody time to tidy up: workers, sandboxes and what runs in them end by themselves."""
    master = grading.master(tmp_path)
    for name in "ab":
        grading.write(tmp_path / "in", grading.with_cells({"q1": "import time\nwhile True: time.sleep(1)"}), f"{name}.ipynb")
    words = [
        "-m",
        "momentum_lib.grade",
        tmp_path / "in",
        "--master",
        master.path,
        "--out",
        tmp_path / "out",
        "--jobs",
        "2",
        "--cell-seconds",
        HANG,  # the first is still at it when the second has come, however late
        *trust,
    ]
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline, below = time.monotonic() + HANG, set()
    wanted = 6 if trust else 10  # two workers and their tracker, and for each two processes of bubblewrap, a nursery, a child
    while len(below) < wanted and time.monotonic() < deadline and process.poll() is None:
        below = set(descendants(process.pid))
        time.sleep(0.02)
    assert len(below) >= wanted
    process.send_signal(signal.SIGKILL)
    process.wait()
    while not all(map(gone, below)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in below if not gone(pid)] == []


def test_a_child_leaves_nothing_for_the_next_one(process):
    left = "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')\nos.chmod('a/b/c', 0)\nos.symlink('/', 'link')"
    look = "import os\nfound = [name for name in os.listdir('.') if not name.startswith('fontlist')]"
    assert after(process, left + "\nos.chmod('a', 0o500)\nfound = 1") == 1
    assert after(process, look) == {"list": []} and process.alive


def test_a_folder_that_cannot_be_emptied_ends_the_sandbox_and_no_grade(tmp_path):
    """Thousands of files, or folders without end, are not worth the time: the next process has a sandbox of its own."""
    from momentum_lib.grade.grading import grade

    for number, litter in enumerate(
        (
            "for n in range(3000): open(str(n), 'w').close()",
            "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')",
        )
    ):
        notebook = grading.with_cells({"q2": f"{litter}\nkappa = grade.parameter(STUDENT, 'kappa', range(1, 1000)) * 1.0"})
        result = grade(grading.master(tmp_path), grading.write(tmp_path, notebook, f"{number}.ipynb"), limits=QUICK)
        assert result["points"] == 9, result
