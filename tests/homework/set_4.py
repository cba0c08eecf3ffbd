"""Problem set 4: mistakes that students make, each with what they read, and half a test.

MISTAKES: (question, the student's cell, part of the sentence, points that are left).  WEAK: (question, a test that notices
some bugs).
"""

from tests.homework.texts import function


def rows(change):
    """The master's rows, changed one by one: ``change`` assigns to ``row``, whose place is ``k``.

    Which four of the fourteen are made again hangs on their bytes, and so on the machine: a change that is to be found there
    changes all.
    """
    return (
        "import json\nchanged = []\nfor k, line in enumerate(rows.splitlines()):\n    row = json.loads(line)\n"
        f"    {change}\n    changed.append(row)\nrows = ''.join(json.dumps(row) + '\\n' for row in changed if row)\n"
    )


FADE = "keep(s, c, square, beta2)"
PATH = (
    "p = np.array(shares)\n    x, copies, path = 1.0, np.ones(len(p)), [1.0]\n    for _ in range(steps):\n        {update}\n"
    "        path.append(x)\n    return np.array(path)"
)
MEAN = "x = x - product * (p @ copies)\n        copies = (1 - p) * copies + p * x"
EXACT = "after = x - product * copies\n        x, copies = p @ after, (1 - p) * copies + p * after"
ROOTS = (
    "def stable(p):\n        m = np.eye(max(delay, 1) + 1, k=-1)\n        m[0, :2] += [1 + beta, -beta]\n        "
    "m[0, delay] -= {p}\n        return np.abs(np.linalg.eigvals(m)).max() < 1\n    "
    "low, high = 1e-9, {high}\n    for _ in range(50):\n        "
    "mid = (low + high) / 2\n        low, high = (mid, high) if stable(mid) else (low, mid)\n    return low"
)
MEET = "meeting_rate(inner, steps, curvature, outer, beta)"
FACTOR = "return float(np.abs(np.linalg.eigvals([[1 + {b} - outer * ({seen}), -{b}], [1.0, 0.0]])).max())"
SEEN = "1 - (1 - inner * curvature) ** steps"

MISTAKES = [
    ("runs", "rows = 'held out 2.9'", "line 1 is no row of a run"),
    ("runs", "rows = ['a row']", "must be a text"),
    ("runs", "rows = ' ' * 300_000", "the text is too long"),
    ("runs", "rows = rows.replace('heavy_ball', 'adamw')", "a run of adamw; your rule is heavy_ball"),
    ("runs", rows("row['seed'] += 1"), "its key is not that of its settings"),
    ("runs", rows("row['code'] = '0' * 12"), "another version of the library"),
    ("runs", rows("row['hyper'] = {}"), "the plan's runs set beta alone"),
    ("runs", rows("row = row if k != 2 else None"), "rate 0.5 and seed"),
    ("runs", rows("row = row if k < 13 else None"), "its best rate"),
    ("runs", rows("row['held_out'] = 1.0 if k == 0 else row['held_out']"), "you judge at another rate than the best"),
    ("runs", rows("row['first_losses'][0] += 0.1 * (k == 9)"), "begin with different losses"),
    (
        "runs",
        rows("row['held_out'] = None if row['held_out'] is None else row['held_out'] - 0.2"),
        "made again, this run is another one",
    ),
    ("runs", rows("row['first_losses'][-1] += 0.05"), "made again, this run is another one"),
    ("compare", function("test_compare(compare)", "return False"), "rejects an implementation that is right"),
    ("compare", function("test_compare(compare)", "return True"), "accepts all 6 planted bugs"),
    ("short", function(FADE, "return beta2 * (s + c) + (1 - beta2) * square, 0.0"), "which scale.bf16 leaves as they are"),
    ("short", function(FADE, "return float(scale.bf16(beta2 * s + (1 - beta2) * square)), 0.0"), "of 5 rows hold", None),
    ("short", function(FADE, "return float(scale.bf16(square)), 0.0"), "of 5 rows hold", None),
    ("short", function(FADE, "return s"), "must return s and c, two finite numbers"),
    ("parallel", function("test_step(step)", "return False"), "rejects an implementation that is right"),
    ("parallel", function("test_step(step)", "return True"), "accepts all 6 planted bugs"),
    ("unequal", function("mean_path(shares, product, steps)", PATH.format(update=MEAN)), "takes along the point that its own"),
    (
        "unequal",
        function(
            "mean_path(shares, product, steps)",
            f"shares = 0 * np.array(shares) + 1 / len(shares)\n    {PATH.format(update=EXACT)}",
        ),
        "equal workers",
    ),
    (
        "unequal",
        function("mean_path(shares, product, steps)", "return (1 - product) ** np.arange(steps + 1)"),
        "gradient descent",
    ),
    ("delay", "predicted_ratio = 0", "commit to a number between"),
    ("delay", "measured_ratio = 1.0", "measured_ratio = 1 is not the answer"),
    ("delay", function("edge(delay, beta)", "return 2 * (1 + beta)"), "that is the edge on time"),
    (
        "delay",
        function("edge(delay, beta)", "beta = 0.0\n    " + ROOTS.format(p="p", high=5.0)),
        "knows the delay and no momentum",
    ),
    ("delay", function("edge(delay, beta)", ROOTS.format(p="(1 - beta) * p", high=99.0)), "that momentum averages"),
    ("meet", function(MEET, FACTOR.format(b="beta", seen="inner * curvature * steps")), "steps on a parabola do not add up"),
    ("meet", function(MEET, FACTOR.format(b="beta", seen="inner * curvature")), "one inner step for each meeting"),
    ("meet", function(MEET, FACTOR.format(b="0.0", seen=SEEN)), "no memory of meetings"),
    ("batch", "least_steps = measured[-1][1]", "at the largest batch"),
    ("batch", "critical_batch = slope", "that is the slope against 1/B"),
]

WEAK = (
    "parallel",
    function(
        "test_step(step)",
        "v = step([np.ones(2), 3 * np.ones(2)], np.zeros(2), np.zeros(2), lr=0.1, beta=0.5, clip=9.0)[1]\n"
        "    return bool(np.allclose(v, 2))",
    ),
)
