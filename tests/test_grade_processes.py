"""Processes: the two ends of a channel, a nursery, what is asked of the kernel, a pool."""

import concurrent.futures
import contextlib
import ctypes
import io
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from grading_parts import ask, bare_process, child_that

from momentum_lib.grade import (
    parallel,
    sandbox,
    stem,
    syscalls,
    wire,
    worker,
)

# -- the two ends of a channel -----------------------------------------------------------------------


def test_why_there_is_no_sandbox(monkeypatch):
    """Not installed, installed and of no use, and a Python that does not run inside: each with its own words."""
    asked, told = [], []

    class Trial:
        def __init__(self, limits, **options):
            asked.append((limits.total, options["checked"], options["preload"], options["work"][0], options["work"][2]))
            if isinstance(told[-1], Exception):
                raise told[-1]

        __enter__, __exit__ = (lambda self: self), (lambda self, *error: None)

        def ask(self, request, seconds):
            assert (request["op"], request["source"], request["limit"], seconds) == ("run", "import numpy", 50, 55)
            return told[-1]

    monkeypatch.setattr(sandbox, "Process", Trial)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "/usr/bin/bwrap" if name == "bwrap" else None)
    refusal = sandbox.refusal.__wrapped__
    for answer, says_so in (
        ({"id": 1}, None),
        ({"error": {"text": "no numpy"}}, "the grader's Python does not work in the sandbox: no numpy"),
        (sandbox.Lost("gone"), "bubblewrap is installed and does not work here: gone"),
        (OSError("denied"), "bubblewrap is installed and does not work here: denied"),
        (sandbox.syscalls.UnknownMachine("a toaster"), "bubblewrap is installed and does not work here: a toaster"),
    ):
        told.append(answer)
        assert refusal() == says_so and asked[-1] == (60, True, ["matplotlib.font_manager"], "--bind", sandbox.WORK)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert refusal().startswith("bubblewrap (bwrap) is not installed; on Debian and Ubuntu: apt install bubblewrap")
    for why in (None, "it is Sunday"):
        monkeypatch.setattr(sandbox, "refusal", lambda why=why: why)
        if why:
            with pytest.raises(sandbox.NoSandbox, match="no sandbox: it is Sunday. Submissions are programs;.*say --trust"):
                sandbox.require_sandbox()
        else:
            sandbox.require_sandbox()


def test_what_is_no_answer(monkeypatch):
    """Nonsense, too much, nothing in time, and an end: each is Lost with its own words."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = bare_process(ours, usage=SimpleNamespace(over=lambda: True), last_words=lambda: "its last words")
        theirs.send(b'{"a": 1}\n[2]\nno message\n' + b"[" * 100_000 + b"\n")
        assert process._read() == {"a": 1} and process._read() == [2]
        for _ in range(2):
            with pytest.raises(sandbox.Lost, match="it answered with something that is no message"):
                process._read()
        with pytest.raises(sandbox.Lost, match="the time limit was reached"):
            process._read()
        process.usage.over = lambda: theirs.send(b"3\n") and False
        assert process._read() == 3, "one that has time is waited for"
        process.buffer = b"x" * (2 * wire.LARGEST_MESSAGE + 1)
        with pytest.raises(sandbox.Lost, match="its answer was too large"):
            process._read()
        process.buffer = b" " * (2 * wire.LARGEST_MESSAGE)
        theirs.send(b"4\n")
        assert process._read() == 4, "as large as that it may be"
        theirs.close()
        with pytest.raises(sandbox.Lost, match="its last words"):
            process._read()


def test_a_child_that_never_comes_or_goes_at_once_is_lost(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = bare_process(ours, last_words=lambda: "its last words")
        monkeypatch.setattr(sandbox, "HANG", 0.0)
        with pytest.raises(sandbox.Lost, match="no process came to be in the sandbox"):
            process.meet()
        theirs.close()
        with pytest.raises(sandbox.Lost, match="its last words"):
            process.meet()
        assert process.usage is None


def test_a_sandbox_that_makes_no_nursery_is_closed_by_whom_it_belongs_to(monkeypatch):
    closed = []

    class Dead:
        spent = False

        def nursery(self, errors):
            self.errors = errors
            raise sandbox.Lost("it ended at once")

        def close(self):
            closed.append(self)

    lent = Dead()
    with pytest.raises(sandbox.Lost, match="it ended at once"):
        sandbox.Process(sandbox.Limits(), sandbox=lent)
    assert closed == [] and lent.errors.closed
    monkeypatch.setattr(sandbox, "Sandbox", lambda limits, **options: own)
    own = Dead()
    with pytest.raises(sandbox.Lost, match="it ended at once"):
        sandbox.Process(sandbox.Limits())
    assert closed == [own] and own.errors.closed


def test_a_sandbox_that_has_gone_forks_no_child():
    process = bare_process(None, control=socket.socket(socket.AF_UNIX), last_words=lambda: "its last words")
    with process.control:
        with pytest.raises(sandbox.Lost, match="its last words"):
            process.fresh()
    process.channel.close()


def test_how_a_child_ended_is_said(monkeypatch):
    """By its processor's time, by itself, or with its whole sandbox; the channel to the nursery waits as before afterwards."""
    for code, words in ((-signal.SIGXCPU, "it used up its processor time"), (3, "the process ended by itself (code 3)")):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            theirs.send(wire.dumps({"code": code}))
            process = bare_process(None, control=ours)
            assert process.last_words() == words and ours.gettimeout() is None
            assert json.loads(theirs.recv(100)) == {"op": "end"}
    gone = SimpleNamespace(last_words=lambda: "the sandbox ended")
    for said, words in ((b"", "the sandbox ended"), (b"first\nlast\n", "the sandbox ended: last")):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.close()
        with ours:
            process = bare_process(None, control=ours, errors=io.BytesIO(said), sandbox=gone)
            process.errors.read()
            assert process.last_words() == words


def test_an_error_of_a_value_or_of_a_call_is_an_answer(mine):
    """A class whose name cannot be read, a function that stops, ends or takes too long: the worker serves on."""
    cell = "class M(type):\n    __name__ = property(lambda cls: 1 / 0)\nclass C(metaclass=M): pass\nodd = C()\n"
    cell += "def f(how):\n    if how == 'slow':\n        while True: pass\n    raise how if how is not None else SystemExit(2)\n"
    assert ask(mine, op="run", cell="c", source=cell) == {"id": 1}
    assert ask(mine, op="get", name="odd")["error"]["kind"] == "ZeroDivisionError"
    call = lambda how, **more: ask(mine, op="call", name="f", args=[how], kwargs={}, **more)["error"]
    assert call(None) == {"kind": "SystemExit", "text": "2", "line": 8} and call(1)["kind"] == "TypeError"
    assert call("slow", limit=0.05) == {"kind": "OutOfTime", "text": "the time limit was reached"}
    assert ask(mine, op="call", name="odd", args=[], kwargs={})["error"]["text"] == "odd is no function"
    built = ask(mine, op="call", name="str", args=[], kwargs={})
    assert built == {"id": 1, "missing": True}, "what a notebook has not made is not there"
    mine[0].names["ran"] = lambda program, *, also: program(2) + also(1)
    given = wire.encode(wire.Program("def g(x):\n    return 10 * x", "g"))
    assert ask(mine, op="call", name="ran", args=[given], kwargs={"also": given})["value"] == 30


def test_what_does_not_cross_back():
    """What no encoding writes: a text that is to be run, a dtype of objects or of wide numbers, a key that is none."""
    program = {"program": "def g(): return 1", "name": "g"}
    assert wire.decode(program, programs=True)() == 1 and wire.decode({"list": [program]}, programs=True)[0]() == 1
    assert wire.decode({"tuple": [program]}, programs=True)[0]() == 1
    assert wire.decode({"dict": [["g", program]]}, programs=True)["g"]() == 1
    for data, says_so in (
        (program, "not a value that may cross"), ({"list": [program]}, "not a value"), ({"float": "1e5"}, "not a value"),
        ({"scalar": 1, "dtype": "object"}, "dtype 'object' may not cross"), ({"scalar": 1, "dtype": "longdouble"}, "may not"),
        ({"array": [1], "shape": [1], "dtype": "complex64"}, "'complex64' may not cross"), ([1], "not a value that may cross"),
        ({"dict": [[{"list": []}, 1]]}, "a dictionary's keys must be strings or numbers"), ({"dict": [[None, 1]]}, "keys must"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says_so):
            wire.decode(data)
    assert [wire.decode({"dict": [[key, 1]]}) for key in ("a", 2, 0.5, True)] == [{"a": 1}, {2: 1}, {0.5: 1}, {True: 1}]
    for dtype in ("int64", "uint8", "bool", "float16", "float64"):
        found = wire.decode({"array": [0, 1], "shape": [2, 1], "dtype": dtype})
        assert found.dtype == dtype and found.shape == (2, 1) and wire.decode({"scalar": 1, "dtype": dtype}).dtype == dtype


# -- a nursery -------------------------------------------------------------------------------------


def test_a_nursery_ends_its_child_and_says_how(monkeypatch, tmp_path):
    """One that ended by itself, one that does not, one that somebody else waited for, and none."""
    monkeypatch.chdir(tmp_path)
    nursery = worker.Nursery(None, {}, False)
    assert nursery.end() is None and nursery.kill() is None
    nursery.child = child_that(lambda: 5)
    os.waitid(os.P_PID, nursery.child, os.WEXITED | os.WNOWAIT)
    assert nursery.end() == 5 and nursery.child is None
    for end, code in ((nursery.end, -signal.SIGKILL), (nursery.kill, None)):
        nursery.child = pid = child_that(signal.pause)
        assert end() == code and nursery.child is None
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)
        nursery.child = pid
        assert end() is None, "somebody waited for it before"
    nursery.child = None


def test_a_work_folder_is_emptied_of_all_but_what_lay_there_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fonts.json").write_text("{}")
    outside = tmp_path.with_name(tmp_path.name + "-outside")
    outside.mkdir()
    (outside / "kept").write_text("x")
    nursery = worker.Nursery(None, {}, False)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "file").write_text("x")
    os.chmod(tmp_path / "deep", 0)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "broken").symlink_to("nowhere")
    nursery.sweep()
    assert os.listdir(tmp_path) == ["fonts.json"] and (outside / "kept").exists()
    monkeypatch.setattr(worker, "MOST_LEFT", 3)
    for k in range(4):
        (tmp_path / f"{k}").write_text("x")
    with pytest.raises(OSError, match="too many files"):
        nursery.sweep()
    os.unlink(tmp_path / "3")
    nursery.sweep()
    assert os.listdir(tmp_path) == ["fonts.json"]


# -- what is asked of the kernel ---------------------------------------------------------------------


class Kernel:
    """A C library that keeps what it is asked; ``no``: the names of calls that it refuses."""

    def __init__(self, *no):
        self.asked, self.no = [], no

    def __getattr__(self, name):
        def call(*arguments):
            self.asked.append((name, *(getattr(one, "value", one) for one in arguments)))
            return -1 if name in self.no else 0

        return call


def test_each_right_is_given_up_by_its_own_call(monkeypatch):
    """The numbers are the kernel's, from linux/prctl.h, sched.h, mount.h and capability.h."""
    libc, end = Kernel(), (0, 0, 0)
    syscalls.die_with_parent(libc, 9)
    syscalls.adopt_orphans(libc)
    assert libc.asked == [("prctl", 1, 9, *end), ("prctl", 36, 1, *end)]
    libc = Kernel()
    syscalls.divide(libc)
    spaces = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
    assert libc.asked == [("unshare", spaces), ("mount", b"none", b"/", None, 0x4000 | 1 << 18, None)]
    libc = Kernel()
    syscalls.mount(libc, "tmpfs", "/there", 2 | 4, "tmpfs", "size=5")
    assert libc.asked == [("mount", b"tmpfs", b"/there", b"tmpfs", 6, b"size=5")]
    libc = Kernel()
    syscalls.drop_rights(libc)
    version = struct.pack("II", 0x20080522, 0)
    assert libc.asked == [*(("prctl", 24, number, *end) for number in range(64)), ("capset", version, bytes(24))]
    for errno, tried in ((1, 1), (22, 64)):
        monkeypatch.setattr(syscalls.ctypes, "get_errno", lambda errno=errno: errno)
        libc = Kernel("prctl")
        syscalls.drop_rights(libc)
        assert len(libc.asked) == tried + 1, "who may not give one up has none; one that there is not is passed over"
    monkeypatch.setattr(syscalls.ctypes, "get_errno", lambda: 7)
    for call, words in (
        (lambda: syscalls.divide(Kernel("unshare")), "the kernel refused name spaces of one's own"),
        (lambda: syscalls.divide(Kernel("mount")), "the kernel refused a mount at /"),
        (lambda: syscalls.mount(Kernel("mount"), "a", "/b", 0), "the kernel refused a mount at /b"),
        (lambda: syscalls.drop_rights(Kernel("capset")), "the kernel refused no capabilities"),
        (lambda: syscalls.adopt_orphans(Kernel("prctl")), "the kernel refused children of children"),
        (lambda: syscalls.install(b"12345678", Kernel("prctl")), "the kernel refused the system-call filter"),
    ):
        with pytest.raises(OSError, match=words) as refused:
            call()
        assert refused.value.errno == 7


def test_a_filter_is_installed_whole_and_for_good():
    libc, programs = Kernel(), []

    def prctl(what, how, *rest):
        if what == 22:
            count, address = struct.unpack("HP", rest[0].raw[: struct.calcsize("HP")])
            programs.append((how, count, ctypes.string_at(address, 8 * count), rest[1:]))
        else:
            programs.append((what, how, *rest))
        return 0

    libc.prctl = prctl
    text = syscalls.outer("x86_64")
    syscalls.install(text, libc)
    assert programs == [(38, 1, 0, 0, 0), (2, len(text) // 8, text, (0, 0))]


@pytest.fixture
def nursing(monkeypatch, tmp_path):
    """A stem in this process, whose kernel and folder are told; it has rights to lose alone."""
    monkeypatch.chdir(tmp_path)
    done = []
    for name in ("adopt_orphans", "divide", "mount", "drop_rights", "install"):
        monkeypatch.setattr(stem.syscalls, name, lambda *given, name=name: done.append((name, *given)))
    monkeypatch.setattr(stem.syscalls, "system", lambda: "libc")
    monkeypatch.setattr(stem.syscalls, "outer", lambda: "the filter")
    monkeypatch.setattr(stem, "DEVICES", ("null", "no such device"))
    return done


def test_a_stem_prepares_a_folder_and_gives_up_its_rights(nursing, monkeypatch, tmp_path):
    """What lies in the work folder is shown in the new one; a device keeps its flags and becomes read-only."""
    ours = stem.Stem(None, {"file_size": 8192}, True)
    kept = os.statvfs("/dev/null").f_flag & (2 | 4 | 8)
    assert nursing == [("adopt_orphans", "libc"), ("mount", "libc", "none", "/dev/null", 32 | 4096 | 1 | kept)]
    nursing.clear()
    assert stem.Stem(None, {}, False).nursery is None and nursing == [], "one that is trusted has none"
    (tmp_path / "fonts.json").write_text("x")
    (tmp_path / "folder").mkdir()
    following = tmp_path.with_name(tmp_path.name + "-next")
    following.mkdir()
    monkeypatch.setattr(stem, "NEXT", str(following))
    ours.move()
    assert nursing == [
        ("divide", "libc"),
        ("mount", "libc", "tmpfs", str(following), 2 | 4, "tmpfs", "size=8192,nr_inodes=66,mode=0700"),
        ("mount", "libc", f"{tmp_path}/fonts.json", f"{following}/fonts.json", 4096),
        ("mount", "libc", str(following), str(tmp_path), 8192),
    ]
    assert os.listdir(following) == ["fonts.json"] and Path.cwd() == tmp_path
    nursing.clear()
    ours.shut()
    assert nursing == [("drop_rights", "libc"), ("install", "the filter", "libc")]


def test_a_stem_ends_the_last_nursery_and_says_whether_there_can_be_more(nursing, monkeypatch):
    """Undivided it becomes the one nursery there is; a sandbox loses its rights before, one that is trusted has none."""
    for sandboxed, divides, says_so, then in (
        (True, True, True, []), (True, False, False, ["shut", "nursed"]), (False, True, False, ["nursed"]),
    ):  # fmt: skip
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one, did = stem.Stem(theirs, {}, sandboxed), []
        monkeypatch.setattr(one, "end", lambda did=did: did.append("ended"))
        monkeypatch.setattr(one, "divide", lambda *descriptors, divides=divides: divides)
        monkeypatch.setattr(one, "shut", lambda did=did: did.append("shut"))
        monkeypatch.setattr(one, "nurse", lambda *descriptors, did=did: did.append("nursed") or [*map(os.close, descriptors)])
        reading, writing = os.pipe()
        with ours, theirs:
            socket.send_fds(ours, [wire.dumps({"op": "nursery"})], [reading, writing])
            ours.send(wire.dumps({"op": "end"}))
            ours.shutdown(socket.SHUT_WR)
            os.close(writing)
            one.serve()
            assert json.loads(ours.recv(100)) == {"divided": says_so}
        assert did == ["ended", *then] + ["ended"] * (not then)
        assert os.read(reading, 1) == b"", "nobody else holds what was handed over"
        os.close(reading)
    monkeypatch.undo()
    one = object.__new__(stem.Stem)
    one.nursery = None
    one.end()
    one.nursery = pid = child_that(signal.pause)
    one.end()
    assert one.nursery is None
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_the_last_words_of_a_nursery_are_in_its_file(tmp_path):
    """What it fails at, and what the C library says: descriptor 2 is the file that the grader reads."""
    words, (ours, theirs), control = tmp_path / "words", socket.socketpair(), socket.socketpair()[0]

    class Nursery:
        def __init__(self, *given):
            pass

        def serve(self):
            assert control.fileno() == -1, "nobody closes its number, which is another one's soon"
            os.write(2, b"of its own; ")
            raise ValueError("no more")

        def kill(self):
            os.write(2, b"; killed")

    def nurse():
        stem.Nursery = Nursery
        stem.Stem(control, {}, False).nurse(theirs.fileno(), os.open(words, os.O_CREAT | os.O_WRONLY))

    os.waitpid(child_that(nurse), 0)
    assert words.read_bytes() == b"of its own; ValueError: no more\n; killed"
    for one in (ours, theirs, control):
        one.close()


# -- processes of a pool ---------------------------------------------------------------------------


def test_a_process_of_a_pool_ends_with_its_parent_and_at_ctrl_c(monkeypatch):
    did = []

    class Thread:
        def __init__(self, target, args, daemon):
            self.run = lambda: target(*args)
            did.append(("thread", args, daemon))

        def start(self):
            did.append("started")
            self.run()

    monkeypatch.setattr(parallel.threading, "Thread", Thread)
    monkeypatch.setattr(parallel, "parent_process", lambda: SimpleNamespace(sentinel=55))
    monkeypatch.setattr(parallel, "wait_for", lambda sentinels: did.append(("waited for", sentinels)))
    monkeypatch.setattr(parallel.os, "_exit", lambda code: did.append("gone"))
    monkeypatch.setattr(parallel.signal, "signal", lambda number, handler: did.append((number, handler)))
    monkeypatch.setattr(parallel.signal, "pthread_sigmask", lambda how, which: did.append((how, which)) or "before")
    parallel.ready()
    assert did == [
        ("thread", (55,), True), "started", ("waited for", [55]), "gone", (signal.SIGINT, parallel.leave),
        (signal.SIG_UNBLOCK, {signal.SIGINT}),
    ]  # fmt: skip
    did.clear()
    with contextlib.suppress(KeyError), parallel.interruptions_later():
        did.append("inside")
        raise KeyError
    assert did == [(signal.SIG_BLOCK, {signal.SIGINT}), "inside", (signal.SIG_SETMASK, "before")]
    monkeypatch.delattr(parallel.signal, "pthread_sigmask")
    did.clear()
    with parallel.interruptions_later():
        did.append("inside")
    parallel.ready()
    assert did[0] == "inside" and did[-1] == (signal.SIGINT, parallel.leave)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    with pytest.raises(SystemExit):
        parallel.leave(signal.SIGINT, None)
    assert sys.stderr.name == os.devnull
    sys.stderr.close()


def test_tasks_of_a_process_that_died_are_tried_once_more_each_alone(monkeypatch):
    """Pools in this process: who was under way with the one that died is a suspect, and only who dies alone is named."""
    pools = []

    class Pool:
        def __init__(self, workers, mp_context, initializer):
            self.workers, self.tasks, self.ended = workers, [], None
            assert mp_context.get_start_method() == "spawn" and initializer is parallel.ready
            pools.append(self)

        def submit(self, function, *arguments):
            self.tasks.append(arguments[0])
            future = concurrent.futures.Future()
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future

        def shutdown(self, cancel_futures):
            self.ended = cancel_futures

    def work(number, factor):
        if number in (2, 5):
            raise parallel.BrokenProcessPool
        if number == 3:
            raise KeyError(number)
        return factor * number

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Pool)
    found = dict(parallel.in_turn(work, {f"t{k}": (k, 10) for k in range(1, 7)}, 2))
    assert {key: found[key] for key in ("t1", "t4", "t6")} == {"t1": 10, "t4": 40, "t6": 60} and len(found) == 6
    assert isinstance(found["t3"], KeyError) and type(found["t2"]) is type(found["t5"]) is parallel.Died
    assert "see --jobs and --memory-mb if memory was short" in str(found["t2"])
    alone = [pool for pool in pools if pool.workers == 1]
    assert {pool.workers for pool in pools} == {1, 2} and pools[0].tasks == [1, 2] and all(pool.ended is True for pool in pools)
    assert {2, 5} <= {number for pool in alone for number in pool.tasks}
    assert len({number for pool in pools for number in pool.tasks}) == 6
    pools.clear()
    assert list(parallel.in_turn(work, {}, 2)) == [] and pools == []
    taken = parallel.in_turn(work, {"a": (1, 1), "b": (4, 1)}, 1)
    assert next(taken) == ("a", 1)
    taken.close()
    assert pools[0].ended is True and pools[0].tasks == [1], "whoever stops asking ends the pool"


def test_what_a_person_must_see_to_is_said_at_the_end(place, tmp_path, capsys):
    """Each with its number and its names, one line each: nobody's file, two for one place, a stranger, who handed nothing in."""
    places = {name: f"{name}_{number}_assignsubmission_file" for name, number in (("Ada", 1), ("Bob", 2), ("Eve", 3))}
    place.put(
        f"{places['Ada']}/a.ipynb",
        f"{places['Ada']}/again.ipynb",
        f"{places['Bob']}/b.ipynb",
        f"{places['Eve']}/e.ipynb",
        "x.zip",
    )
    sheet = tmp_path / "w.csv"
    sheet.write_text("Identifier,Grade,Maximum Grade\nParticipant 1,,11\nParticipant 2,,11\n")
    roster = place.roster("student,moodle,file\nada,1,\nbob,2,\neve,3,\nzoe,4,\n")
    assert place.run("--moodle-worksheet", sheet, *roster, "--trust") == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line and "%|" not in line]
    assert [line for line in lines if "root" not in line and "notebook/s" not in line] == [
        "No sandbox, as you asked: the submissions run with your rights.",
        "1 file is left out (all are in left-out.csv): x.zip (an archive; unpack it)",
        "1 participant does not stand in the worksheet: 3",
        f"2 stand in no import file, since several are for one place: {places['Ada']}/a.ipynb, {places['Ada']}/again.ipynb",
        "1 on the roster handed in no notebook: zoe",
    ]
    assert said.out.splitlines()[-1] == f"4 graded; the tables and pages are in {place.out}."
    assert (place.out / "moodle-worksheet.csv").read_text().splitlines()[1:] == ["Participant 1,,11", "Participant 2,9.00,11"]
