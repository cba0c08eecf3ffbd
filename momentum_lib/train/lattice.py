"""A search over rates, and momenta where there are several: a few tries far apart, then the neighbours of the best.

A point is (u, k): the rate is the centre's times 2^u, the momentum the k-th of a ladder.  A side whose best lies at the edge of
what it tried goes on beyond it, so that no grid is cut where it is best unless the budget is.
"""

import math

LADDER = (0.5, 0.8, 0.9, 0.95, 0.98)  # each remembers about twice as long as the one before: 2, 5, 10, 20, 50 steps
ROUNDS = (4, 3, 3)  # tries a round
FIRST = ((-3.0, 0), (-1.0, 0), (1.0, 0), (3.0, 0))  # one momentum: rates four times apart
FIRST_OF_LADDER = ((-1.0, 0), (1.0, 0), (-1.0, 2), (1.0, 2))  # of a ladder's momenta, 0.5 and 0.9
AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.5, 0), (-0.5, 0), (2, 0), (-2, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
AROUND += ((3, 0), (-3, 0), (0.25, 0), (-0.25, 0))


def next_points(outcomes, rungs, rounds=ROUNDS):
    """The points of the next round, none after the last; outcomes: point -> loss, infinite where the run diverged.

    ``rungs``: how many momenta the ladder has, 1 for a side without one.
    """
    sizes = [sum(rounds[: k + 1]) for k in range(len(rounds))]
    if len(outcomes) not in sizes[:-1]:
        return []
    u, k = best_point(outcomes)
    beside = [(u + right, k + up) for right, up in AROUND]
    return [point for point in beside if 0 <= point[1] < rungs and point not in outcomes][
        : rounds[sizes.index(len(outcomes)) + 1]
    ]


def best_point(outcomes):
    """The point with the lowest loss; where every run diverged, that with the lowest rate."""
    ended = {point: loss for point, loss in outcomes.items() if math.isfinite(loss)}
    return min(ended, key=ended.get) if ended else min(outcomes)
