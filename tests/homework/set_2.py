"""Problem set 2: mistakes that students make, each with what they read, and half a test.

MISTAKES: (question, the student's cell, part of the sentence, points that are left; None where some are).  WEAK: (question, a
test that notices some bugs).
"""

from tests.homework.texts import function

RATE = "rate(lr, beta, gamma, curvature)"
RULE = "my_rule(theta, grad, v, *, lr, beta)"
EIGEN = "m = np.array([[1 - lr * curvature, -lr * kept], [curvature, kept]])\n    return float(abs(np.linalg.eigvals(m)).max())"
RECORD = (
    "a = np.stack([record[3:-1], record[2:-2], record[1:-3], record[:-4]], axis=1)\n"
    "    p, q, _, s = np.linalg.lstsq(a, record[4:], rcond=None)[0]\n    beta = np.sqrt(-s)\n"
    "    roots = np.roots([1, -p, -q - 2 * beta]).real\n    return np.array({answer})"
)
BUDGET = (
    "low, high = 0.0, 2 * (1 + beta) / max(curvatures)\n    for _ in range(80):\n        lr = (low + high) / 2\n"
    "        loss = {loss}\n        low, high = (lr, high) if loss <= limit else (low, lr)\n    return low"
)
CLOUD = (
    "found, square = [], np.array([[1.0, 0.0], [0.0, 0.0]])\n"
    "for lr in {rates}:\n"
    "    step = np.array([[1 - lr * curve_of, -lr * {beta}], [curve_of, {beta}]])\n"
    "    kick = sigma * np.array([-lr, 1.0])\n"
    "    square = step @ square @ step.T + np.outer(kick, kick)\n"
    "    found.append(square[0, 0])\n"
    "measured = {answer}(np.array(found))[at - 1]{half}\n"
)
RIGHT = {"rates": "np.repeat([high, high / cut], 180)", "beta": "beta_noise", "answer": "np.log10", "half": ""}
STEEP_FLAT_STEEP = "return {steep} * min(x, 1.0) + min(max(x - 1, 0.0), flat_end - 1) + {steep} * max(x - flat_end, 0.0){more}"

MISTAKES = [
    ("family", function(RATE, "kept = beta\n    " + EIGEN), "gamma changes nothing there"),
    ("family", function(RATE, "kept = beta - lr * beta * curvature\n    " + EIGEN), "gamma need not be beta"),
    ("family", function(RATE, "return np.sqrt(abs(beta - lr * gamma * curvature))"), "right in ripples alone"),
    ("family", function(RATE, "kept = beta + lr * gamma * curvature\n    " + EIGEN), "with a minus sign"),
    ("record", function("constants(record)", RECORD.format(answer="[beta, *np.sort(1 + beta - roots)[::-1]]")), "comes first"),
    ("record", function("constants(record)", RECORD.format(answer="[beta**2, *np.sort(1 + beta**2 - roots)]")), "beta squared"),
    (
        "record",
        function("constants(record)", RECORD.format(answer="[beta, *np.sort(roots)[::-1]]")),
        "solve for lr * curvature",
    ),
    (
        "record",
        function("constants(record)", "beta, product, _ = theory.fit_momentum(record)\n    return beta, product, product"),
        "is not right. Work this case out by hand",
    ),
    ("record", function("constants(record)", "return 0.9, 0.1"), "has shape (2,); it must have shape (3,)"),
    ("correlated", function("worth(beta, rho)", "return (1 + beta) / (1 - beta)"), "neighbours that agree tell less"),
    (
        "correlated",
        function("worth(beta, rho)", "return (1 + beta) / (1 - beta) * (1 + beta * rho) / (1 - beta * rho)"),
        "the other way round",
    ),
    (
        "correlated",
        function("worth(beta, rho)", "return (1 + beta) / (1 - beta) * (1 - rho) / (1 + rho)"),
        "right for a very long memory",
    ),
    (
        "budget",
        function(
            "largest_lr(limit, beta, curvatures, sigma)",
            BUDGET.format(loss="max(curvatures) * theory.noise_ball(lr, beta, max(curvatures), sigma) / 2"),
        ),
        "keeps the steepest direction within the limit",
    ),
    (
        "budget",
        function(
            "largest_lr(limit, beta, curvatures, sigma)",
            BUDGET.format(loss="sum(theory.noise_ball(lr, beta, c, sigma) for c in curvatures)"),
        ),
        "in the loss each counts with half its curvature",
    ),
    (
        "budget",
        function(
            "largest_lr(limit, beta, curvatures, sigma)",
            BUDGET.format(loss="sum(c * theory.noise_ball(lr, beta, c, sigma) for c in curvatures)"),
        ),
        "the half of the loss is missing",
    ),
    (
        "budget",
        function(
            "largest_lr(limit, beta, curvatures, sigma)",
            "beta = 0.0\n    " + BUDGET.format(loss="sum(c * theory.noise_ball(lr, 0.0, c, sigma) for c in curvatures) / 2"),
        ),
        "that cloud knows no momentum",
    ),
    ("sketch", CLOUD.format(**RIGHT | {"rates": "[high] * 360"}), "the rate falls after 180 steps"),
    ("sketch", CLOUD.format(**RIGHT | {"beta": "0.0"}), "that is gradient descent"),
    ("sketch", CLOUD.format(**RIGHT | {"answer": "np.log"}), "a decade is a factor of ten"),
    ("sketch", CLOUD.format(**RIGHT | {"half": " / 2"}), "leave the square"),
    ("sketch", "measured = np.zeros(12)", "not the right numbers"),
    ("sketch", "drawn = measured", "is the measurement itself"),
    ("sketch", "measured = measured + 0.01 * (-1) ** np.arange(12)\ndrawn = measured", "is the measurement itself"),
    ("sketch", "drawn = np.zeros(12)", "decades from the run on average: 0 of 5 points"),
    ("sketch", "drawn = measured - 0.4", "drawn is 0.4 decades from the run on average: 2.5 of 5 points", 2.5),
    ("kill", function("test_run(run)", "return 1"), "must return True or False"),
    ("kill", function("test_run(run)", "return True"), "accepts all 8 planted bugs"),
    ("kill", function("test_run(run)", "return False"), "rejects an implementation that is right"),
    (
        "table",
        function(RULE, "v = beta * v + grad\n    return theta - lr * v, v"),
        "0 of 2 rows hold. This one does not: no step",
    ),
    ("table", function(RULE, "return theta - lr * grad, grad"), "it is heavy ball"),
    ("table", function(RULE, "v = beta * v + grad\n    return theta - lr * v, grad"), "the velocity is the step divided by lr"),
    (
        "table",
        function(
            RULE,
            "new = beta * v + grad\n    if repair == 'some':\n        new = new if new @ grad >= 0 else grad\n"
            "    else:\n        new = np.where(new * grad < 0, grad, new)\n    return theta - lr * new, new",
        ),
        "1 of 2 rows hold. This one does not",
        3,
    ),
    ("cycle", function("bend(x)", "return x"), "heavy ball from begin never arrives"),
    ("cycle", function("bend(x)", STEEP_FLAT_STEEP.format(steep="(2 * L)", more="")), "rises by 1 to L times"),
    ("cycle", function("bend(x)", STEEP_FLAT_STEEP.format(steep="L", more=" + 1")), "bend(0) is 0, and between any two"),
    ("cycle", function("bend(x)", "return L * x if abs(x) > 3 else x"), "rises by 1 to L times"),
    ("cycle", "import random\ndef bend(x):\n    return x * random.uniform(1, L)", "rises by 1 to L times"),
    ("cycle", "begin = 1e9", "begin is 1e+09; it must lie between -100 and 100"),
    ("cycle", "begin = 'left'", "begin must be an array; it is a str"),
]

WEAK = (
    "kill",
    "def test_run(run):\n    found = run(lambda x: x, np.ones(1), np.array([0.1, 0.1]), 0.5)\n"
    "    return bool(np.isclose(found[-1][0], 0.6975))\n",
)
