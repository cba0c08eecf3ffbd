"""The first process of a sandbox: it imports what submissions need, and makes for each of them a nursery of its own.

The stem runs our code alone, before and after.  A nursery is its copy in name spaces of its own (processes, mounts, network,
shared memory), with an empty work folder in memory and without any right to divide the sandbox further; when it ends, all that
ran in it has ended.  Where the system does not let the stem divide the sandbox, it becomes the nursery of one submission, and
the sandbox ends with it.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys

from . import later, syscalls
from .wire import dumps
from .worker import Nursery

NEXT = "/next"  # where a nursery's work folder is made ready
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")  # the machine's own, which bubblewrap shows
ENTRY = 4096  # bytes of the work folder for which it may hold one more file


class Stem:
    """The process that makes nurseries, one at a time."""

    def __init__(self, control, limits, sandboxed):
        self.control, self.limits, self.sandboxed = control, limits, sandboxed
        self.libc = syscalls.system() if sys.platform == "linux" else None
        self.nursery = None  # its process
        if sandboxed:
            syscalls.adopt_orphans(self.libc)
            self.protect_devices()

    def serve(self):
        """Do what the grader says until it hangs up, or is no more."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 4)
            if not message:
                return
            self.end()
            if json.loads(message)["op"] == "nursery":
                divided = self.sandboxed and self.divide(*descriptors)
                self.control.send(dumps({"divided": divided}))
                if not divided:
                    if self.sandboxed:
                        self.shut()
                    return self.nurse(*descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)

    def protect_devices(self):
        """See that a submission that is graded by root cannot change the mode or the owner of the machine's devices."""
        for place in (f"/dev/{name}" for name in DEVICES if os.path.exists(f"/dev/{name}")):
            kept = os.statvfs(place).f_flag & (syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
            with contextlib.suppress(OSError):  # without the right to, as who is not root may be
                syscalls.mount(self.libc, "none", place, syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | kept)

    def end(self):
        """End the nursery that there is: the kernel lets go of it when everything in it is gone."""
        if self.nursery is not None:
            os.kill(self.nursery, signal.SIGKILL)
            os.waitpid(self.nursery, 0)
            self.nursery = None

    def divide(self, channel, errors):
        """Make a nursery in name spaces of its own; returns whether that is possible here."""
        reading, writing = os.pipe()
        between = os.fork()  # what becomes first in a name space of processes is a child of the one that made it
        if between == 0:
            try:
                self.move()
                self.shut()
                made = os.fork()
                if made == 0:
                    os.setsid()  # no signal to a group reaches the stem
                    self.nurse(channel, errors)
                else:
                    os.write(writing, str(made).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(between, 0)
        said = os.read(reading, 32)
        os.close(reading)
        self.nursery = int(said) if said else None
        return bool(said)

    def move(self):
        """Go to name spaces of one's own, with a work folder that holds what the stem's does and can be filled up alone."""
        place, size = os.getcwd(), self.limits["file_size"]
        syscalls.divide(self.libc)
        options = f"size={size},nr_inodes={size // ENTRY + 64},mode=0700"
        syscalls.mount(self.libc, "tmpfs", NEXT, syscalls.MS_NOSUID | syscalls.MS_NODEV, "tmpfs", options)
        for name in filter(os.path.isfile, os.listdir(".")):  # shown there, too, and to be written as little as here
            os.close(os.open(f"{NEXT}/{name}", os.O_CREAT))
            syscalls.mount(self.libc, f"{place}/{name}", f"{NEXT}/{name}", syscalls.MS_BIND)
        syscalls.mount(self.libc, NEXT, place, syscalls.MS_MOVE)
        os.chdir(place)

    def shut(self):
        """Give up what only a stem may do."""
        syscalls.drop_rights(self.libc)
        syscalls.install(syscalls.outer(), self.libc)

    def nurse(self, channel, errors):
        """Be a nursery from now on: it holds its channel to the grader, and a file for its last words."""
        self.control.detach()
        channel, errors = os.dup2(channel, 200), os.dup2(errors, 201)
        os.dup2(errors, 2)
        os.closerange(3, 200)
        os.closerange(201, 256)
        nursery = Nursery(socket.socket(fileno=channel), self.limits, self.sandboxed)
        try:
            nursery.serve()
        except Exception as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        finally:
            nursery.kill()


def main():
    limits, sandboxed, *preload = sys.argv[1:]
    control = socket.socket(fileno=os.dup(0))
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(silence, descriptor)
    sys.path.remove(os.getcwd())  # neither stem nor nursery imports what a submission has written
    if later.POSTPONE in preload:
        later.postpone()
    for text in preload:  # all of it ours: what the master's own cells import, and every submission with them
        with contextlib.suppress(ImportError):
            module, _, name = text.partition(":")
            if name and not hasattr(importlib.import_module(module), name):
                module = f"{module}.{name}"
            importlib.import_module(module)
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what is there before a fork stays shared
    Stem(control, json.loads(limits), sandboxed == "sandboxed").serve()


if __name__ == "__main__":
    main()
