"""What shuts a submission in, named one by one: flags, limits, calls; time that is the processor's; and that nothing stays."""

import contextlib
import errno
import importlib.util
import io
import multiprocessing
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import grading
import pytest

from momentum_lib.grade import sandbox, stem, syscalls, usage, worker
from momentum_lib.grade.sandbox import Limits, Process, limits_of
from tests.limits import HANG

ROOT = Path(__file__).parents[1]
QUICK = limits_of(cell=2, call=1, total=25)


pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture(scope="module", params=["of many", "alone"])
def process(request):
    """In a sandbox that serves many submissions, and in one that could not be divided."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "alone":
            patch.setattr(sandbox, "may_divide", lambda: False)
        made = Process(QUICK)
    with made:
        assert made.sandbox.spent == (request.param == "alone")
        yield made


def after(process, source, name="found", limit=5):
    """What a name is after some code ran in a new process of the sandbox."""
    process.fresh()
    reply = process.ask({"op": "run", "cell": "c", "source": source, "limit": limit}, limit + 2)
    assert "error" not in reply, reply
    return process.ask({"op": "get", "name": name}, 2).get("value")


# -- flags and limits, by name ---------------------------------------------------------------------


WINDOWS = """
import os, shutil, sys
import asyncio, concurrent.futures, multiprocessing.connection, numpy, tqdm, yaml  # what others do there is their affair
sys.platform = "win32"
for module in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[module] = None
for name in ("fork", "geteuid", "getuid", "setpriority", "sysconf", "waitid"):
    delattr(os, name)
shutil.which = lambda name: None
from momentum_lib.grade import __main__ as program
sys.exit(program.main(sys.argv[1:]))
"""


def test_a_system_without_a_sandbox_is_told_where_to_grade(tmp_path):
    (tmp_path / "inbox").mkdir()
    for folder, name in ((tmp_path, "set.ipynb"), (tmp_path / "inbox", "a.ipynb")):
        grading.write(folder, grading.small_set(), name)
    words = [tmp_path / "inbox", "--master", tmp_path / "set.ipynb", "--out", tmp_path / "out"]
    run = subprocess.run([sys.executable, "-c", WINDOWS, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and "on macOS and Windows, grade in a Linux virtual machine" in run.stderr, run.stderr
    assert "Traceback" not in run.stderr and len(run.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_the_flags_of_the_sandbox():
    """Each is a wall: one that is taken away is a hole, and no submission of these tests might go through it."""
    command = sandbox.bubblewrap(Limits(), 7)
    for flag in ("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"):
        assert flag in command, flag
    after_word = {word: command[at + 1 :] for at, word in enumerate(command)}
    assert after_word["--cap-drop"][0] == "ALL" and after_word["--seccomp"][0] == "7"
    rights = [command[at + 1] for at, word in enumerate(command) if word == "--cap-add"]
    assert rights == ["CAP_SYS_ADMIN", "CAP_SETPCAP"] and command.index("--cap-drop") < command.index("--cap-add")
    assert [command[at + 1] for at, word in enumerate(command) if word == "--tmpfs"] == [sandbox.WORK, "/dev/pts"]
    assert after_word["--size"][:3] == [str(Limits().disk), "--tmpfs", sandbox.WORK]
    remounted = [command[at + 1] for at, word in enumerate(command) if word == "--remount-ro"]
    assert remounted == ["/dev/pts", "/dev", "/"]
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
    source = "import os\nfound = []\nfor number in range(1024):\n    try:\n        os.fstat(number)\n"
    source += "        found.append(number)\n    except OSError:\n        pass\n"
    assert after(process, source) == {"list": [0, 1, 2, 3]}
    source = "import os\nsilence = os.stat('/dev/null').st_rdev\nfound = [os.fstat(n).st_rdev == silence for n in range(4)]"
    assert after(process, source) == {"list": [True, True, True, False]}, "what it prints leads nowhere"


def test_a_child_shares_what_was_there_before_it_and_imports_from_its_own_folder_first(process):
    """What is not frozen is copied for each child, as the first collection of garbage touches it."""
    assert after(process, "import gc\nfound = gc.get_freeze_count() > 10_000") is True
    assert after(process, "import os, sys\nfound = sys.path.index(os.getcwd())") == 0


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


RIGHTS = """
import ctypes, struct
PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET = 23, 39, 47, 1
libc, held = ctypes.CDLL(None), ctypes.create_string_buffer(24)
assert libc.capget(struct.pack("II", 0x20080522, 0), held) == 0
bound = [n for n in range(64) if libc.prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1]
ambient = [n for n in range(64) if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0, 0) == 1]
found = [held.raw == bytes(24), bound, ambient, libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)]
"""
NO_RIGHTS = {"list": [True, {"list": []}, {"list": []}, 1]}


def test_a_child_has_no_right_of_the_stem(process):
    """The stem may divide the sandbox; its children hold none of its capabilities and can get none."""
    assert after(process, RIGHTS) == NO_RIGHTS


def test_where_work_folders_are_made_ready_nothing_is_left(process):
    """A folder in memory that every later submission would find, and that no limit counts."""
    source = f"import os\nfound = os.listdir({stem.NEXT!r})\ntry:\n    os.mkdir('{stem.NEXT}/mine')\n    found.append('made')\n"
    assert after(process, source + "except OSError as error:\n    found.append(error.errno)") == {"list": [errno.EROFS]}


DEVICES = """
import os
found = []
for name in ("null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "."):
    mode = os.stat(f"/dev/{name}").st_mode & 0o7777
    for act in (lambda place: os.chmod(place, mode), os.utime, lambda place: os.chown(place, os.getuid(), os.getgid())):
        try:
            act(f"/dev/{name}")
            found.append(name)
        except OSError:
            pass
open("/dev/null", "w").write("it can be written to")
assert len(open("/dev/urandom", "rb").read(8)) == 8
"""


def test_the_devices_of_the_machine_stay_as_they_are():
    """To root they belong, and one line would take /dev/null from everybody: as they are, each is changed to what it is."""
    with Process(QUICK) as process:
        assert after(process, DEVICES) == {"list": []}


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


HEADERS = {  # the kernel's own numbers; an aarch64 has the generic ones
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"),
    "aarch64": ("asm-generic/unistd.h",),
}


@pytest.mark.parametrize("machine", syscalls.CALLS)
def test_the_tables_numbers_are_the_kernels(machine):
    """A call refused by the number of another one, which is a door left open."""
    found = [Path("/usr/include") / name for name in HEADERS[machine] if (Path("/usr/include") / name).exists()]
    if not found:
        pytest.skip("the kernel's headers are not installed (Debian: apt-get install linux-libc-dev)")
    known = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", found[0].read_text())}
    column = list(syscalls.CALLS).index(machine)
    tables = syscalls.REFUSED | syscalls.REACHING | syscalls.SOCKETS | syscalls.SIGNALS | {"prlimit64": syscalls.PRLIMIT}
    ours = {name: numbers[column] for name, numbers in tables.items()}
    ours |= dict(zip(("fork", "vfork", "clone", "clone3"), syscalls.CALLS[machine][1:]))
    assert len(known) > 200 and {name: known.get(name) for name in ours} == ours


def test_the_ends_and_the_words_of_a_filter_are_the_kernels():
    """From linux/seccomp.h and linux/bpf_common.h: an end holds an action in its upper half, an error in its lower one."""
    errors = {"refuse": errno.EAGAIN, "forbid": errno.EPERM, "unknown": errno.ENOSYS}
    assert syscalls.ENDS == {"allow": 0x7FFF0000, "kill": 0x80000000} | {name: 0x50000 + error for name, error in errors.items()}
    words = syscalls.LOAD, syscalls.JUMP_IF_EQUAL, syscalls.JUMP_IF_AT_LEAST, syscalls.JUMP_IF_BITS, syscalls.RETURN
    assert words == (0x00 | 0x20, 0x05 | 0x10, 0x05 | 0x30, 0x05 | 0x40, 0x06)
    assert (syscalls.CLONE_THREAD, syscalls.OTHER_CALLING_CONVENTION, syscalls.FIRST_ARGUMENT) == (0x10000, 0x40000000, 16)
    assert {name: numbers[0] for name, numbers in syscalls.CALLS.items()} == {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def test_the_numbers_of_flags_are_those_of_python():
    """Where Python has them, too."""
    named = {"MS_RDONLY": os.ST_RDONLY, "MS_NOSUID": os.ST_NOSUID, "MS_NODEV": os.ST_NODEV, "MS_NOEXEC": os.ST_NOEXEC}
    named |= {"AF_UNIX": socket.AF_UNIX, "EPERM": errno.EPERM, "EAGAIN": errno.EAGAIN, "ENOSYS": errno.ENOSYS}
    assert {name: getattr(syscalls, name) for name in named} == named


def test_a_work_folder_lends_no_rights(process):
    """No device and no program of another user works in it, in a nursery of its own as in a whole sandbox."""
    flags = after(process, "import os\nfound = os.statvfs('.').f_flag")
    assert flags & os.ST_NOSUID and flags & os.ST_NODEV and not flags & os.ST_RDONLY


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
    stem = syscalls.outer(machine, allowed=syscalls.DIVIDING)
    open_to_it = {name for name, numbers in syscalls.REFUSED.items() if run_filter(stem, arch, numbers[column]) == syscalls.ALLOW}
    assert open_to_it == {"unshare", "mount"}
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
    times = dict.fromkeys(("cell", "call", "total"), (1e-3, 86_400.0, 86_401.0))
    for name, (least, most, *wrong) in (times | {"memory": (2**28, 2**46, 2**28 - 1, 2**46 + 1),
                                                 "disk": (2**16, 2**40, 2**16 - 1, 2**40 + 1)}).items():  # fmt: skip
        assert [getattr(limits_of(**{name: value}), name) for value in (least, most)] == [least, most]
        for value in wrong:
            with pytest.raises(ValueError, match=f"limit {name} is"):
                limits_of(**{name: value})
    assert (Limits().cell, Limits().call, Limits().total, Limits().memory, Limits().disk) == (10.0, 5.0, 60.0, 2**31, 2**26)
    with pytest.raises(ValueError, match="limit memory is 1; allowed: from 256 to 6.71089e.07 MB"):
        limits_of(memory=1)
    with pytest.raises(ValueError, match="limit cell is 0; allowed: a number > 0, to 86400 seconds"):
        limits_of(cell=0)
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


def test_a_word_that_time_is_over_ends_nothing_where_nothing_runs(process):
    """The grader looks from outside: its signal may come before a request is read, or after its answer is written."""
    process.fresh()
    process.meet()
    for _ in range(2):
        process.usage.send(signal.SIGPROF)
        assert "error" not in process.ask({"op": "run", "cell": "c", "source": "x = 1", "limit": 1}, 2)


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
    wanted = 7 if trust else 13  # a tracker and two workers, and for each two of bubblewrap, a stem, a nursery, a child
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


def test_a_trusted_process_has_a_folder_and_an_environment_of_its_own(monkeypatch):
    """No wall, and yet a submission starts where there is nothing, and knows none of the grader's variables."""
    monkeypatch.setenv("SECRET", "of the grader")
    with Process(QUICK, sandboxed=False) as process:
        place = after(process, "import os\nfound = [os.getcwd(), os.listdir(), dict(os.environ)]")
        home, files, variables = place["list"]
        assert files == {"list": []} and Path(home) != Path.cwd()
        assert variables == {"dict": [[*pair] for pair in sandbox.environment(home, str(ROOT)).items()]}
    assert not Path(home).exists()


def test_a_nursery_holds_its_channel_and_leads_nowhere_else():
    """Nothing of the stem's, whose input was its own channel to the grader; what it says goes to the grader's file."""
    with Process(QUICK, sandboxed=False) as process:
        process.fresh()
        process.meet()
        assert process.last_words() == "the process ended by itself (code -9)"  # it has closed what it handed to the child
        held = Path(f"/proc/{process.sandbox.process.pid}/fd")
        assert {int(entry.name) for entry in held.iterdir()} == {0, 1, 2, 200}
        assert [os.readlink(held / name) for name in "01"] == [os.devnull] * 2
        assert os.stat(held / "2").st_ino == os.fstat(process.errors.fileno()).st_ino


def test_a_child_ends_with_its_nursery():
    """The kernel tells it, where no name space of processes does."""
    with Process(QUICK, sandboxed=False) as process:
        process.fresh()
        process.meet()
        os.kill(process.sandbox.process.pid, signal.SIGKILL)
        deadline = time.monotonic() + HANG
        while not gone(process.usage.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert gone(process.usage.pid)


def test_a_stem_that_ends_at_its_start_says_why():
    with pytest.raises(sandbox.Lost, match="the sandbox ended: ValueError: Empty module name"):
        Process(QUICK, sandboxed=False, preload=("",))


def test_a_name_that_a_package_has_stays_what_it_is(tmp_path):
    """A function whose module has the same name, and would stand in its place if it were imported, too."""
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "__init__.py").write_text("def part():\n    return 7\n")
    (tmp_path / "pair" / "part.py").touch()
    (ours, theirs), said = socket.socketpair(), tmp_path / "said"

    class Stem:
        def __init__(self, *given):
            pass

        def serve(self):
            said.write_text(repr(sys.modules["pair"].part()))

    child = os.fork()
    if child == 0:
        try:
            os.dup2(theirs.fileno(), 0)
            os.chdir("/")
            sys.path[:0], sys.argv = [str(tmp_path), "/"], ["stem", "{}", "trusted", "pair:part"]
            stem.Stem = Stem
            stem.main()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert said.read_text() == "7"
    ours.close()
    theirs.close()


def test_the_folder_of_the_list_of_fonts_ends_with_its_process():
    """A process of a pool ends without Python's own clean-up: a folder a process, in /tmp, for ever."""
    ours, theirs = multiprocessing.Pipe()
    made = multiprocessing.get_context("fork").Process(target=lambda: theirs.send(sandbox.fonts.__wrapped__()) or theirs.recv())
    made.start()
    place = Path(ours.recv())
    assert place.is_dir()
    ours.send("seen")
    made.join()
    assert not place.exists()


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


# -- one sandbox, many submissions -----------------------------------------------------------------


@pytest.fixture
def shared():
    """A sandbox that serves many."""
    made = sandbox.Sandbox(QUICK)
    yield made
    made.close()


def in_turn(shared, *sources):
    """What ``found`` is after each source ran as a submission of its own, of one sandbox."""
    values = []
    for source in sources:
        with Process(QUICK, sandbox=shared) as process:
            values.append(after(process, source))
            assert process.alive
    return values


def each_submission_has_name_spaces_of_its_own():
    """None of the six kinds is shared: not with the machine, not with the stem, not with the submission before."""
    shared, held = sandbox.Sandbox(QUICK), []
    kinds = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
    look = lambda pid: held.append([os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in kinds])
    try:
        look(os.getpid())
        for first in (True, False):
            with Process(QUICK, sandbox=shared) as process:
                process.fresh()
                process.meet()
                look(process.usage.pid)
                if first:
                    look(list(descendants(shared.process.pid))[1])  # the stem, below bubblewrap's own first process
        for kind, there in zip(kinds, zip(*held)):
            assert len({os.fstat(file).st_ino for file in there}) == 4, kind
    finally:
        shared.close()
        for file in sum(held, []):
            os.close(file)


def test_each_submission_has_name_spaces_of_its_own():
    each_submission_has_name_spaces_of_its_own()


def test_everything_of_a_submission_has_ended_before_the_next_one_begins(shared):
    """No waiting: when the next nursery is there, the kernel has let go of the last one with all its threads."""
    busy = (
        "import threading\ndef work():\n    while True: pass\nfor _ in range(3): threading.Thread(target=work).start()\nfound = 1"
    )
    first = Process(QUICK, sandbox=shared)
    assert after(first, busy) == 1
    below = set(descendants(shared.process.pid))
    child = first.usage.pid
    assert child in below
    with Process(QUICK, sandbox=shared) as second:  # the first one was not even closed
        assert not Path(f"/proc/{child}").exists() and not first.alive
        assert after(second, "found = 2") == 2
    first.close()
    assert shared.alive and not first.alive, "to close what has been replaced ends nothing"


def test_a_stem_keeps_nothing_of_the_submissions_that_were(shared):
    """No process that nobody waits for, no descriptor; and a nursery is in no group of the stem's, which a signal could reach."""
    held = []
    for _ in range(6):
        with Process(QUICK, sandbox=shared) as process:
            assert after(process, "found = 1") == 1
            below = list(descendants(shared.process.pid))
            assert not any(map(gone, below)) and os.getsid(process.usage.pid) != os.getsid(below[1])
            held.append(len(os.listdir(f"/proc/{below[1]}/fd")))
    assert held[-1] <= held[0] + 2, "the two of the last submission it may be about to close"


def test_a_closed_submission_ends_though_no_other_comes(shared):
    process = Process(QUICK, sandbox=shared)
    assert after(process, "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,)).start()\nfound = 1") == 1
    child, deadline = process.usage.pid, time.monotonic() + HANG
    process.close()
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(child) and shared.alive


LITTER = {
    "files": """
import os
os.makedirs("a/b")
open("a/b/mine", "w").write("x")
os.chmod("a", 0)
""",
    "a full folder": """
with open("big", "wb") as file:
    while True:
        file.write(bytes(2**20))
""",
    "as many files as there may be": """
for number in range(10**6):
    open(str(number), "w").close()
""",
    "the list of fonts taken away": """
import os
for name in os.listdir("."):
    os.remove(name)
""",
}
ROOMY = """
import os
found = [name for name in os.listdir(".") if not name.startswith("fontlist")]
open("x", "wb").write(bytes(2**23))
"""


@pytest.mark.parametrize("what", LITTER)
def test_the_next_submission_finds_an_empty_folder_of_full_size(shared, what):
    with Process(QUICK, sandbox=shared) as process:
        process.fresh()
        reply = process.ask({"op": "run", "cell": "c", "source": LITTER[what], "limit": 20}, 22)
        assert ("error" in reply) == (what != "files"), reply
    fonts = len(list(Path(sandbox.fonts()).glob("fontlist-*.json")))
    assert in_turn(shared, ROOMY, "import os\nfound = len(os.listdir('.'))") == [{"list": []}, fonts]


PATCHES = """
import builtins, math, os, sys, numpy as np, momentum_lib.rules as rules
np.random.seed(3)
np.exp = os.getppid = math.hypot = lambda *a, **k: 7.0
rules.heavy_ball.title = "patched"
sys.path.insert(0, "/mine")
os.environ["HOME"] = "/mine"
found = 1
builtins.round = lambda x: 7
"""
UNPATCHED = """
import os, sys, numpy as np, momentum_lib.rules as rules
found = [float(np.exp(0.0)), round(2.2), rules.heavy_ball.title != "patched", "/mine" in sys.path, os.environ["HOME"]]
"""


def test_what_a_submission_patches_is_its_own(shared):
    clean = {"list": [1.0, 2, True, False, sandbox.WORK]}
    assert in_turn(shared, UNPATCHED, PATCHES, UNPATCHED) == [clean, 1, clean]


SIGNALS = """
import fcntl, os, signal, socket, struct, time
found = []
for owner in (1, -1, -os.getpgrp(), os.getppid(), -(2**31 - 1), 2**31 - 1):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGIO, signal.SIGSTOP):
        ours, theirs = socket.socketpair()
        try:
            fcntl.fcntl(ours, 10, number)  # F_SETSIG: the kernel itself sends this signal ...
            fcntl.fcntl(ours, 8, owner)    # F_SETOWN: ... to whom this names ...
            fcntl.fcntl(ours, fcntl.F_SETFL, fcntl.fcntl(ours, fcntl.F_GETFL) | os.O_ASYNC)
            theirs.send(b"x")              # ... when something comes
        except OSError:
            pass
"""


def test_no_signal_reaches_a_nursery_or_the_stem(shared):
    """A filter of calls refuses `kill`; a descriptor has an owner whom the kernel tells, by any signal, that something came."""
    with Process(QUICK, sandbox=shared) as process:
        process.fresh()
        with contextlib.suppress(sandbox.Lost):  # it may hit itself
            process.ask({"op": "run", "cell": "c", "source": SIGNALS, "limit": 2}, 3)
        assert after(process, "found = 1") == 1 and process.alive, "the nursery lives"
    assert in_turn(shared, "found = 2") == [2], "and so does the stem"


def test_neither_nursery_nor_stem_imports_what_a_submission_wrote(shared):
    """What is imported late (IPython, for the first cell with a command of its own) comes from where ours does."""
    trap = "for name in ('IPython', 'traitlets', 'traceback', 'tempfile', 'ast'):\n    open(f'{name}.py', 'w').write('import os')"
    with Process(QUICK, sandbox=shared) as process:
        assert after(process, f"{trap}\nfound = 1") == 1
        process.prepare()
        assert after(process, "x = %time 1\nfound = x") == 1 and process.alive
        own = "open('mine.py', 'w').write('a = 5')\nimport mine\nfound = mine.a"
        assert after(process, own) == 5, "a notebook imports what it has written"
    assert in_turn(shared, "found = 2") == [2]


def test_one_that_takes_its_nursery_down_costs_the_next_nothing(shared):
    """A folder that cannot be emptied ends the nursery, with its last words, and not the sandbox."""
    first = Process(QUICK, sandbox=shared)
    assert after(first, "for n in range(3000): open(str(n), 'w').close()\nfound = 1") == 1
    with pytest.raises(sandbox.Lost, match="the sandbox ended: OSError: too many files"):
        first.fresh()
        first.meet()
    assert not first.alive and shared.alive
    first.close()
    assert in_turn(shared, "import os\nfound = len(os.listdir('.')) < 9") == [True]


def test_a_sandbox_that_is_closed_at_once_leaves_no_process():
    """However far bubblewrap has come: half of these once stayed for ever."""
    mark = 2**31 + 4096 * os.getpid()  # in the command lines of these and of no others
    for moment in range(24):
        made = sandbox.Sandbox(limits_of(memory=mark))
        time.sleep(moment / 2000)
        made.close()
    deadline = time.monotonic() + 60
    while (left := running(f'"memory": {mark}')) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def running(words):
    """The processes that have these words in their command lines."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if words in (place / "cmdline").read_text("utf-8", "replace"):
                found.append(place.name)
    return found


def test_a_sandbox_that_has_ended_says_so(shared):
    assert in_turn(shared, "found = 1") == [1]  # one that is killed while it starts may go on
    shared.process.kill()
    shared.control.settimeout(HANG)
    assert shared.control.recv(1) == b"", "all that could answer is gone, which takes the system a moment"
    with pytest.raises(sandbox.Lost, match="the sandbox ended"):
        Process(QUICK, sandbox=shared)
    assert not shared.alive


def test_bubblewrap_with_the_bit_of_another_user_gets_no_right(monkeypatch, tmp_path):
    """One that is set-user-ID refuses to leave rights to anyone but root: then submissions have sandboxes of their own."""
    program = tmp_path / "bwrap"
    program.touch()
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: str(program))
    for mode, user, may in ((0o4755, 1000, False), (0o4755, 0, True), (0o755, 1000, True)):
        program.chmod(mode)
        monkeypatch.setattr(sandbox.os, "geteuid", partial(int, user))
        assert sandbox.may_divide() is may and ("--cap-add" in sandbox.bubblewrap(Limits(), 7)) is may


# -- the grader's end ------------------------------------------------------------------------------


def test_of_each_channel_the_grader_keeps_its_own_end_alone(shared, monkeypatch):
    """The other end held open, and a process that has gone looks like one that says nothing."""
    made, pair = [], socket.socketpair
    monkeypatch.setattr(sandbox.socket, "socketpair", lambda *kind: made.append(pair(*kind)) or made[-1])
    with Process(QUICK, sandbox=shared) as process:
        assert process.spent == 0.0 and shared.control.gettimeout() == 600
        assert after(process, "found = 1") == 1
        first = process.channel
        process.fresh()
        assert first.fileno() == -1, "a process that was given up is not held"
        process.meet()
        assert process.channel.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED) == 0, "whose a message is, the first one says"
        assert len(made) == 3 and [theirs.fileno() for _, theirs in made] == [-1] * 3
    with pytest.raises(sandbox.Lost):
        sandbox.Sandbox.nursery(SimpleNamespace(control=pair()[0], last_words=str), io.BytesIO())
    assert len(made) == 4 and [one.fileno() for one in made[-1]] == [-1] * 2


def test_the_first_message_says_which_process_it_is_on_this_side(monkeypatch):
    """As the kernel writes it: three numbers of four bytes, of which the process is the first."""
    said = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", 7, 1000, 1000))
    monkeypatch.setattr(sandbox.select, "select", lambda reading, *rest: (reading, [], []))
    told = dict.fromkeys(("setsockopt", "setblocking"), lambda *given: None)
    for message, beside, pid in ((b'{"ready": 5}', [said], 7), (b'{"ready": 5}', [], 5)):
        process = object.__new__(Process)
        process.channel = SimpleNamespace(recvmsg=lambda *room, found=(message, beside, 0, None): found, **told)
        process.meet()
        assert process.usage.pid == pid


def test_a_process_has_a_future_while_its_sandbox_lives_and_its_nursery_is_silent(monkeypatch):
    waits, select = [], sandbox.select.select
    monkeypatch.setattr(sandbox.select, "select", lambda *given: waits.append(given[3]) or select(*given))
    process, (ours, theirs) = object.__new__(Process), socket.socketpair()
    with ours, theirs:
        process.control, process.sandbox = ours, SimpleNamespace(process=SimpleNamespace(poll=lambda: None))
        assert process.alive and waits == [0], "nobody waits for a look"
        process.sandbox.process.poll = lambda: 0
        assert not process.alive
        process.sandbox.process.poll = lambda: None
        theirs.close()
        assert not process.alive
    assert not process.alive, "closed"


def test_a_sandbox_is_ended_once_with_all_of_its_group(monkeypatch):
    """A number that has gone to another group meanwhile would be hit by a second time."""
    killed = []
    monkeypatch.setattr(sandbox.os, "killpg", lambda *given: killed.append(given))
    one = object.__new__(sandbox.Sandbox)
    one.control, one.errors, one.folder = socket.socketpair()[0], io.BytesIO(), None
    one.process = SimpleNamespace(pid=7, wait=lambda: killed.append("waited for"))
    one.close()
    one.close()
    assert killed == [(7, signal.SIGKILL), "waited for"]


def test_the_last_words_are_read_when_they_are_said():
    """Of whatever bytes they are, and whatever blank lines follow; who says nothing for two seconds has said it."""
    one = object.__new__(sandbox.Sandbox)
    one.errors = io.BytesIO()

    def wait(seconds):
        one.errors.write(b"first\nb\xffd\n \n")
        raise subprocess.TimeoutExpired("bwrap", seconds) if seconds == 2.0 else ValueError(seconds)

    one.process = SimpleNamespace(wait=wait)
    assert one.last_words() == "the sandbox ended: b\ufffdd"


def test_the_filter_goes_into_the_sandbox_whole_and_through_one_descriptor(monkeypatch):
    opened, pipe = [], os.pipe
    monkeypatch.setattr(sandbox.os, "pipe", lambda: opened.append(pipe()) or opened[-1])

    def started(command, pass_fds, **options):
        ((reading, writing),) = opened
        assert pass_fds == [reading] and command[command.index("--seccomp") + 1] == str(reading) and options == {"stdin": 5}
        with pytest.raises(OSError):
            os.fstat(writing)
        assert os.read(reading, 10_000) == syscalls.outer(allowed=("unshare", "mount")) and os.read(reading, 1) == b""
        assert command[-4:] == ["momentum_lib.grade.stem", command[-3], "sandboxed", "numpy"] and "words" in command
        return "the process"

    monkeypatch.setattr(sandbox.subprocess, "Popen", started)
    assert sandbox.shut_in(Limits(), ["words"], ("numpy",), {"stdin": 5}) == "the process"
    with pytest.raises(OSError):
        os.fstat(opened[0][0])


def test_what_a_sandbox_shows_is_known_under_every_name(tmp_path, monkeypatch):
    """The library by a link, a submission by a link: where they lie decides."""
    (tmp_path / "library" / "grade").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "library")
    for shown in ("library", "link"):
        monkeypatch.setattr(sandbox, "PACKAGE", tmp_path / shown)
        for place in ("library", "link"):
            assert sandbox.readable_from_inside(tmp_path / place / "grade" / "x") == tmp_path / shown
        assert sandbox.readable_from_inside(tmp_path / "x") is None
    (tmp_path / "momentum_lib").symlink_to(ROOT / "momentum_lib")
    for name, constant, place in (("sandbox", "PACKAGE", "momentum_lib"), ("editions", "PUBLIC", "notebooks/homework")):
        path = tmp_path / "momentum_lib" / "grade" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"momentum_lib.grade.{name}_by_a_link", path)
        linked = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, linked)
        spec.loader.exec_module(linked)
        assert getattr(linked, constant) == (ROOT / place).resolve()


# -- a child and its nursery, told -----------------------------------------------------------------


def test_a_limit_holds_while_it_is_asked_for_and_no_longer():
    before = signal.getsignal(signal.SIGPROF)
    try:
        with worker.time_limit(500):
            assert 400 < signal.getitimer(signal.ITIMER_PROF)[0] < 501 and callable(signal.getsignal(signal.SIGPROF))
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0) and signal.getsignal(signal.SIGPROF) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGPROF, before)


def test_a_child_whose_nursery_has_gone_before_it_could_ask_ends(monkeypatch):
    asked, parents = [], iter([7, 1])
    monkeypatch.setattr(worker, "close_but", lambda channel: channel)
    monkeypatch.setattr(worker.syscalls, "die_with_parent", lambda *given: asked.append(given))
    monkeypatch.setattr(worker.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(worker, "restrain", lambda: asked.append("lived on"))

    def gone_for_good(code):
        raise InterruptedError

    monkeypatch.setattr(worker.os, "_exit", gone_for_good)
    with pytest.raises(InterruptedError):
        worker.live(None, {}, False, "libc", None)
    assert asked == [("libc", signal.SIGKILL)]


def test_a_child_that_is_about_to_end_is_given_the_time(monkeypatch, tmp_path):
    """One that has just hung up says how it ended, a moment later; one that stays is ended, and all moments are short."""
    monkeypatch.chdir(tmp_path)
    for listens, code in ((True, 5), (False, -signal.SIGKILL)):
        nursery, (reading, writing), pauses = worker.Nursery(None, {}, False), os.pipe(), []
        nursery.child = child = os.fork()
        if child == 0:
            signal.alarm(20)  # one that nobody ends ends otherwise than it should
            os.read(reading, 1)
            os._exit(5)

        def sleep(seconds, listens=listens, child=child, writing=writing, pauses=pauses):
            pauses.append(seconds)
            if listens:
                os.write(writing, b"x")
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

        monkeypatch.setattr(worker.time, "sleep", sleep)
        assert nursery.end() == code and nursery.child is None and sum(pauses) < 0.05
        for one in (reading, writing):
            os.close(one)


def test_a_child_that_fails_at_its_start_ends_with_an_error(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker, "live", lambda *given: 1 / 0)
    monkeypatch.setattr(sys, "stderr", open(os.devnull, "w"))
    nursery, (reading, writing) = worker.Nursery(None, {}, False), os.pipe()
    nursery.fork(writing)
    assert os.read(reading, 1) == b"", "the nursery has handed it over"
    os.waitid(os.P_PID, nursery.child, os.WEXITED | os.WNOWAIT)
    assert nursery.end() == 1
    os.close(reading)


def test_a_folder_that_is_shut_is_opened_before_it_is_removed(monkeypatch, tmp_path):
    """Who grades as root may remove it anyway, and nobody else."""
    monkeypatch.chdir(tmp_path)
    nursery, modes, remove = worker.Nursery(None, {}, False), [], worker.shutil.rmtree
    monkeypatch.setattr(worker.shutil, "rmtree", lambda path: modes.append(os.stat(path).st_mode & 0o777) or remove(path))
    (tmp_path / "shut").mkdir(mode=0)
    nursery.sweep()
    assert modes == [0o700] and os.listdir(tmp_path) == []


def test_two_thousand_files_are_worth_removing_and_no_more(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    nursery = worker.Nursery(None, {}, False)
    for number in range(2001):
        Path(str(number)).touch()
    with pytest.raises(OSError, match="too many files"):
        nursery.sweep()
    os.unlink("0")
    nursery.sweep()
    assert os.listdir() == []


# -- what is used, told ----------------------------------------------------------------------------


def test_who_has_worked_for_a_twentieth_of_a_look_has_slept_through_it(monkeypatch):
    clock, looks = [0.0], []
    monkeypatch.setattr(usage.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(usage.Usage, "look", lambda self: looks.pop() if len(looks) > 1 else looks[0])
    for share, slept in ((0.05, 0.25), (0.06, 0.0)):
        looks[:] = [(0.0, True)]
        used = usage.Usage(7)
        assert used.over() is False, "no request has begun"
        looks[:] = [(share * 0.25, True)]
        clock[0] += 0.25
        used.update()
        assert used.slept == slept


def test_what_was_not_seen_at_first_counts_from_nothing(monkeypatch):
    looks = iter([None, (0.5, False)])
    monkeypatch.setattr(usage.Usage, "look", lambda self: next(looks))
    assert usage.Usage(7).spent() == 0.5
