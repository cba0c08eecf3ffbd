"""A student's answer, in this process or in another one: the same three questions to both.

A check is written once.  In a student's notebook it is handed the function or the number itself; when
submissions are graded it is handed a :class:`Remote`, which asks the sandbox.  Either way :func:`answer`
turns it into something to :meth:`~Answer.call` or to take the :meth:`~Answer.value` of.
"""

import copy

import numpy as np

from .wire import Alien, Program, decode, encode


class Wrong(AssertionError):
    """An answer that does not hold; the message is written for the student.

    ``why`` names the misconception that was recognised, or is None; ``kind`` is the type of the error that the student's
    function stopped with, or None.
    """

    def __init__(self, message, why=None, kind=None):
        super().__init__(message)
        self.why, self.kind = why, kind


class Answer:
    """An answer in this process."""

    seed = ""  # what the order of questions hangs on, where nobody knows whose answer it is

    def __init__(self, given, name=None):
        self.given, self.name = given, name or getattr(given, "__name__", "your answer")

    def fresh(self):
        """What is asked next is asked anew; in this process there is but one answer."""

    def value(self):
        """The answer as plain data, as it would look from outside."""
        return crossed(self.name, self.given)

    def call(self, *args, **kwargs):
        """Call the answer with copies of the arguments.  Raises Wrong where that fails or changes an argument."""
        reject_blank(self.name, self.given)
        if not callable(self.given):
            raise Wrong(f"{self.name} must be a function; it is {article(type(self.given).__name__)}.")
        args = [item.build() if isinstance(item, Program) else copy.deepcopy(item) for item in args]
        before = [encode(item) for item in args]
        try:
            value = self.given(*args, **kwargs)
        except Exception as error:
            raise stopped(self.name, type(error).__name__, f"{error}") from error
        reject_changes(self.name, [i for i, item in enumerate(args) if encode(item) != before[i]])
        return crossed(self.name, value)


class Remote:
    """A name in the student's process; :func:`answer` makes an Answer of it that asks there."""

    def __init__(self, name, ask, limit, fresh=lambda: None, seed=""):
        self.name, self.ask, self.limit, self.fresh, self.seed = name, ask, limit, fresh, seed

    def reply(self, request):
        """What came back: the decoded value.  Raises Wrong for an error, a missing name or nonsense."""
        reply = self.ask(request)
        if reply.get("missing"):
            raise Wrong(f"{self.name} is not there. Keep the name that the question gives, and run all cells before you hand in.")
        if "error" in reply:
            error = reply["error"] if isinstance(reply["error"], dict) else {}
            line = f" (line {error['line']} of its cell)" if isinstance(error.get("line"), int) else ""
            raise stopped(self.name, str(error.get("kind"))[:80], f"{str(error.get('text'))[:500]}{line}")
        if reply.get("blank"):
            reject_blank(self.name, ...)
        changed = reply.get("changed")
        return decoded(self.name, reply.get("value")), [i for i in changed if type(i) is int] if isinstance(changed, list) else []

    def value(self):
        """The value of the name."""
        return self.reply({"op": "get", "name": self.name})[0]

    def call(self, *args, **kwargs):
        """The result of calling the name there."""
        request = {"op": "call", "name": self.name, "limit": self.limit}
        request |= {"args": [encode(item) for item in args], "kwargs": {key: encode(item) for key, item in kwargs.items()}}
        value, changed = self.reply(request)
        reject_changes(self.name, changed)
        return value


def crossed(name, value):
    """A value as it would look from another process.  Raises Wrong where it cannot be read there."""
    return decoded(name, encode(value))


def decoded(name, data):
    """The value of what crossed.  Raises Wrong where that is nothing that may cross."""
    try:
        return decode(data)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Wrong(f"{name} gave something that cannot be read: {str(error)[:200]}") from None


def answer(given):
    """An Answer of a function, a value or a Remote."""
    return given if isinstance(given, (Answer, Remote)) else Answer(given)


def stopped(name, kind, text):
    """The Wrong of a function that stopped with an error."""
    if kind == "NotImplementedError" and "still blank" in text:
        return Wrong(f"{name} is still blank.", kind=kind)
    return Wrong(f"{name} stopped with {kind}: {text}", kind=kind)


def reject_blank(name, value):
    """Raise Wrong where an answer is as the student's copy has it: the three dots."""
    if value is Ellipsis or (isinstance(value, Alien) and value.kind == "ellipsis"):
        raise Wrong(f"{name} is still blank.")


def reject_changes(name, changed):
    """Raise Wrong where a call changed its arguments in place."""
    if changed:
        raise Wrong(
            f"{name} changed its argument number {changed[0] + 1} in place. An update must leave its inputs as they were: "
            "write v = beta * v + grad, not v *= beta.",
            why="in-place",
        )


def article(kind):
    """The name of a type with its article."""
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def as_number(name, value):
    """The value as a float.  Raises Wrong that says what it is instead."""
    reject_blank(name, value)
    if isinstance(value, Alien):
        raise Wrong(f"{name} must be a number; it is {article(value.kind)}.")
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) not in (int, float):
        raise Wrong(f"{name} must be a number; it is {article(type(value).__name__)}.")
    if not np.isfinite(value):
        raise Wrong(f"{name} is {value}; it must be a finite number.")
    return float(value)


def as_array(name, value, shape=None):
    """The value as a float array.  Raises Wrong that says what it is instead: type first, then shape, then numbers."""
    reject_blank(name, value)
    if isinstance(value, (float, int, np.generic)) and not isinstance(value, bool):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        kind = value.kind if isinstance(value, Alien) else type(value).__name__
        raise Wrong(f"{name} must be an array; it is {article(kind)}.")
    if shape is not None and value.shape != tuple(shape):
        raise Wrong(f"{name} has shape {value.shape}; it must have shape {tuple(shape)}.")
    return value.astype(float)
