"""What a program in the sandbox may ask of the kernel: two system-call filters (seccomp), written as programs of BPF.

``outer()`` holds for everything inside, but for the stem, which may also divide the sandbox.  ``inner(pid)`` is added, for
good, by the process in which a student's code runs: it can start threads and no processes, and reaches no process but itself.
"""

import ctypes
import platform
import struct

# audit architecture, then the numbers of fork, vfork (None where the machine has none), clone, clone3
CALLS = {"x86_64": (0xC000003E, 57, 58, 56, 435), "aarch64": (0xC00000B7, None, None, 220, 435)}
# What no answer needs: (x86_64, aarch64).  Memory that RLIMIT_AS does not count, name spaces of one's own with
# mounts in them, other processes, and the parts of the kernel that most escapes have gone through.
REFUSED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
# What would reach another process of the sandbox, refused to the student's code alone.
REACHING = {
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "setpgid": (109, 154),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "process_madvise": (440, 440),
}
SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}  # allowed for the family AF_UNIX alone
SIGNALS = {"kill": (62, 129), "tgkill": (234, 131)}  # allowed to the process itself
PRLIMIT = (302, 261)  # allowed to the process itself, which is also called 0

LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, JUMP_IF_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, EAGAIN, ENOSYS = 1, 11, 38
CLONE_THREAD, OTHER_CALLING_CONVENTION = 0x00010000, 0x40000000
FIRST_ARGUMENT = 16  # bytes into what the kernel shows to a filter
AF_UNIX = 1
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 1, 22, 38, 2
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, CAPABILITIES_VERSION = 24, 36, 0x20080522
NAME_SPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Mounts, control groups, the machine's name, shared memory, processes, network."""
DIVIDING = ("unshare", "mount")
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18
ENDS = {"refuse": REFUSE | EAGAIN, "forbid": REFUSE | EPERM, "unknown": REFUSE | ENOSYS, "allow": ALLOW, "kill": KILL}


class UnknownMachine(ValueError):
    """A machine whose system-call numbers are not known here."""


def assembled(body):
    """The bytes of a filter.

    ``body`` holds instructions (code, operand, where to jump if so, and if not): a jump names one of ENDS, a number
    of instructions to leave out, or is None (go on).
    """
    places = {name: 1 + len(body) + i for i, name in enumerate(ENDS)}
    program = [struct.pack("HBBI", LOAD, 0, 0, 4)]  # the architecture
    for at, (code, operand, *jumps) in enumerate(body, start=1):
        yes, no = (places[name] - at - 1 if name in places else name or 0 for name in (jumps or (None, None)))
        program.append(struct.pack("HBBI", code, yes, no, operand))
    return b"".join(program + [struct.pack("HBBI", RETURN, 0, 0, value) for value in ENDS.values()])


def only(number, *values):
    """Instructions that forbid a call whose first argument is none of the values."""
    tests = [(JUMP_IF_EQUAL, value, "allow", None) for value in values[:-1]]
    tests.append((JUMP_IF_EQUAL, values[-1], "allow", "forbid"))
    return [(JUMP_IF_EQUAL, number, None, 1 + len(tests)), (LOAD, FIRST_ARGUMENT), *tests]


def machine_of(machine):
    """The column of the tables for a machine (default: this one).  Raises UnknownMachine."""
    machine = machine or platform.machine()
    if machine not in CALLS:
        raise UnknownMachine(
            f"the sandbox knows the system calls of {', '.join(CALLS)}; this machine is {machine}. Grade on one of those."
        )
    return list(CALLS).index(machine), CALLS[machine]


def start(arch):
    """The head of both filters: another architecture's calls, or another convention's, end the process."""
    return [
        (JUMP_IF_EQUAL, arch, None, "kill"),
        (LOAD, 0),
        (JUMP_IF_AT_LEAST, OTHER_CALLING_CONVENTION, "kill", None),
    ]


def outer(machine=None, *, allowed=()):
    """The filter for all that runs in the sandbox: the calls of REFUSED, and sockets that are not local, do not exist.

    ``allowed``: those of REFUSED that do; the stem's are DIVIDING.  Raises UnknownMachine.
    """
    column, (arch, *_) = machine_of(machine)
    refused = [numbers[column] for name, numbers in REFUSED.items() if name not in allowed]
    body = start(arch) + [(JUMP_IF_EQUAL, number, "forbid", None) for number in refused]
    for numbers in SOCKETS.values():
        body += only(numbers[column], AF_UNIX)
    return assembled([*body, (JUMP_IF_EQUAL, 0, "allow", "allow")])


def inner(pid, machine=None):
    """The filter for the process ``pid`` in which a student's code runs: no new processes, and no hand on another one.

    Raises UnknownMachine.
    """
    column, (arch, fork, vfork, clone, clone3) = machine_of(machine)
    body = start(arch) + [(JUMP_IF_EQUAL, call, "refuse", None) for call in (fork, vfork) if call is not None]
    body += [(JUMP_IF_EQUAL, numbers[column], "forbid", None) for numbers in REACHING.values()]
    for numbers in SIGNALS.values():
        body += only(numbers[column], pid)
    body += only(PRLIMIT[column], 0, pid)
    return assembled(
        [
            *body,
            (JUMP_IF_EQUAL, clone3, "unknown", None),  # the C library then falls back to clone, whose flags can be read
            (JUMP_IF_EQUAL, clone, None, "allow"),
            (LOAD, FIRST_ARGUMENT),
            (JUMP_IF_BITS, CLONE_THREAD, "allow", "refuse"),
        ]
    )


def system():
    """The C library.  Loaded before a fork, so that the child need not."""
    return ctypes.CDLL(None, use_errno=True)


def install(program, libc):
    """Put this process, for good, under a filter.  Raises OSError where the kernel refuses."""
    code = ctypes.create_string_buffer(program, len(program))
    described = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, described, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refused the system-call filter")


def die_with_parent(libc, signal_number):
    """Have the kernel send this process a signal when its parent ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def divide(libc):
    """Move this process into name spaces of its own; that of processes holds for its children.  Raises OSError."""
    sure(libc.unshare(NAME_SPACES), "name spaces of one's own")
    mount(libc, "none", "/", MS_REC | MS_PRIVATE)


def mount(libc, what, there, flags, kind=None, options=None):
    """Mount, show in a second place, or move, as the flags say.  Raises OSError."""
    words = [text and text.encode() for text in (what, there, kind, options)]
    sure(libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]), f"a mount at {there}")


def drop_rights(libc):
    """Give up, for good, every capability that this process has or could get.  Raises OSError."""
    for number in range(64):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() == EPERM:
            break  # it has not the right to give this up, hence none; what it may yet get is nothing, by PR_SET_NO_NEW_PRIVS
    sure(libc.capset(struct.pack("II", CAPABILITIES_VERSION, 0), bytes(24)), "no capabilities")


def adopt_orphans(libc):
    """Become the parent of the children of one's children that end.  Raises OSError."""
    sure(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "children of children")


def sure(done, what):
    """Raise OSError where the kernel refused."""
    if done != 0:
        raise OSError(ctypes.get_errno(), f"the kernel refused {what}")
