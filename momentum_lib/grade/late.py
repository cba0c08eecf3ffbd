"""Late and repeated submissions: what the instructor says, and nothing without being asked."""

import math
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Policy:
    """What is asked for: ``due`` (a time with its zone, or None), ``grace`` minutes, ``deduction`` in percent for each started
    day, and whether of several files for one place the latest counts.
    """

    due: datetime | None = None
    grace: float = 0.0
    deduction: float = 0.0
    latest: bool = False

    def minutes(self, at, due=None):
        """Minutes after the time that is due (or the student's own, ``due``); None where nothing is known."""
        due = due or self.due
        return None if at is None or due is None else (at - due).total_seconds() / 60

    def lost(self, minutes):
        """The percent that so many minutes cost."""
        if not minutes or minutes <= self.grace:
            return 0.0
        return min(100.0, self.deduction * math.ceil(minutes / (24 * 60)))


def moment(text, what):
    """A time with its zone from a text; one without a zone is of this machine's.  Raises ValueError that says the form."""
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ValueError(f"{what} is {text!r}; allowed: a time such as 2026-10-05T23:59 or 2026-10-05T23:59+02:00.") from None


def settle(graded, policy):
    """The results with the policy's say: ``late`` minutes, ``lost`` percent, ``superseded``, and notes on each."""
    settled = {}
    for key, result in graded.items():
        minutes = policy.minutes(result.get("at"), result.get("due"))
        lost, said = policy.lost(minutes), []
        if minutes is not None and minutes > 0:
            said = [f"{duration(minutes)} late" + (f": {lost:g} % is deducted." if lost else ".")]
        elif minutes is None and result.get("late"):
            end = ", and nothing is deducted." if policy.deduction else "."
            said = [f"Late, says Canvas; by how much it does not say{end}"]
        settled[key] = told(result | {"lost": lost}, *said)
    return choose_latest(settled) if policy.latest else settled


def told(result, *said):
    """The result with notes for the table and for the student's page."""
    return result | {"notes": [*result["notes"], *said], "told": [*result.get("told", ()), *said]}


def duration(minutes):
    """Minutes in words, the exact number of them first."""
    minutes = math.ceil(minutes)
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = [f"{amount} {unit}" for amount, unit in ((days, "d"), (hours, "h"), (rest, "min")) if amount]
    return f"{minutes} {'minute' if minutes == 1 else 'minutes'}" + (f" ({' '.join(parts)})" if minutes >= 60 else "")


def choose_latest(graded):
    """The results in which, of several files for one place, all but the latest are ``superseded``.

    Only where the system itself orders them: Gradescope's times, and Canvas' numbers of files with one name (``hw.ipynb``,
    ``hw-1.ipynb``).  Others stay for a person to choose.
    """
    groups = {}
    for key, result in graded.items():
        place = place_of(result)
        if place:
            groups.setdefault(place, []).append(key)
    for keys in groups.values():
        orders = {key: graded[key].get("order") for key in keys}
        if len(keys) < 2 or None in orders.values() or len({order[:2] for order in orders.values()}) > 1:
            continue
        *older, last = sorted(keys, key=orders.get)
        for key in older:
            graded[key] = told(graded[key] | {"superseded": True}, f"A later submission counts: {graded[last]['file']}.")
        graded[last] = told(graded[last], f"The latest of {len(keys)} submissions.")
    return graded


def place_of(result):
    """The one whom a result is for: the roster's student, or the user of Canvas, or the address that Gradescope gives."""
    ids = result.get("ids", {})
    canvas = f"canvas {ids['canvas']}" if ids.get("canvas") else None
    return result.get("owner") or canvas or (ids.get("email") if ids.get("gradescope") else None)
