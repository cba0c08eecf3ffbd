"""Ctrl-C that loses nothing: the first one asks, the second one insists."""

import signal
import threading


class StopRequest:
    """Notes SIGINT and SIGTERM while it is entered, so that a loop ends at a place of its own choosing.

    ``number`` is the signal that came (0: none).  A second SIGINT raises KeyboardInterrupt at once.
    Outside the main thread, where Python takes no signals, it notes nothing.
    """

    def __init__(self):
        self.number = 0
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
