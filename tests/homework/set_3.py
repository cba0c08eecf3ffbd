"""Problem set 3: mistakes that students make, each with what they read, and half a test.

MISTAKES: (question, the student's cell, part of the sentence, points that are left).  WEAK: (question, a test that notices
some bugs).
"""

from tests.homework.texts import function

ENDS = "ends(start, wanted, lr, beta, steps)"
CHAIN = (
    "w = np.array(start, dtype=float)\n    v = 0 * w\n    others = lambda w: np.array([np.prod(np.delete(w, i)) for i in "
    "range(len(w))])\n    for _ in range({steps}):\n        v = {velocity}\n        w = w - lr * v\n    h = 1e-5\n    "
    "slope = lambda w: (np.prod(w) - wanted) * others(w)\n    "
    "return float(np.linalg.eigvalsh([(slope(w + h * e) - slope(w - h * e)) / (2 * h) for e in np.eye(len(w))])[-1])"
)
SUM, AVERAGE = "beta * v + (np.prod(w) - wanted) * others(w)", "beta * v + (1 - beta) * (np.prod(w) - wanted) * others(w)"
FLAT = CHAIN.format(steps="steps", velocity=SUM).partition("    h = 1e-5")[0] + "    return float((others(w) ** 2).sum())"
SEARCH = (
    "v = np.random.default_rng(0).normal(size=n)\n    for _ in range(600):\n        v = v / np.linalg.norm(v)\n        "
    "bent = product(v)\n        size, v = v @ bent, bent\n    return {found}"
)
QUIET = (
    "n = 0\n    while lr / np.sqrt({squares}) <= {edge}:\n        n, s = n + 1, s * beta2\n        if n > 50_000:\n            "
    "break\n    return n"
)
CORRECTED, EDGE = "s / (1 - beta2 ** (t + n))", "2 * (1 + beta1) / ((1 - beta1) * curvature)"
QUIETLY = "quiet_steps(lr, beta1, beta2, curvature, s, t)"
RULER = (
    "r = beta2 * r + (1 - beta2) * (grad**2).mean(axis=1)\n    c = beta2 * c + (1 - beta2) * (grad**2).mean(axis=0)\n    "
    "{squares}\n    safe = np.where(q > 0, q, 1.0)\n    return theta - lr * np.where(q > 0, grad / np.sqrt(safe), 0.0), r, c"
)
RULED = "ruler(theta, grad, r, c, *, lr, beta2, t)"
COLUMNS = "q = np.outer(0 * r + 1, c) / (1 - beta2**t)"
UNSAFE = "q = np.outer(r, c) / r.mean() / (1 - beta2**t)"
NANS = RULER.partition("    {squares}")[0] + (
    f"    with np.errstate(all='ignore'):\n        {UNSAFE}\n        return theta - lr * grad / np.sqrt(q), r, c"
)

MISTAKES = [
    ("chain", "measured_plain = 3.0", "measured_plain = 3 is not the answer"),
    ("chain", "predicted_plain = -1", "commit to a number between"),
    ("chain", function(ENDS, CHAIN.format(steps=0, velocity=SUM)), "that is the sharpness at the start"),
    ("chain", function(ENDS, CHAIN.format(steps="steps", velocity="(np.prod(w) - wanted) * others(w)")), "has no momentum"),
    ("chain", function(ENDS, CHAIN.format(steps="steps", velocity=AVERAGE)), "heavy ball sums its gradients"),
    ("chain", function(ENDS, FLAT), "the Hessian of a product has a second part"),
    ("largest", function("largest(product, n)", SEARCH.format(found="size")), "the eigenvalue of the largest size, which"),
    ("largest", function("largest(product, n)", SEARCH.format(found="abs(size)")), "has lost its sign"),
    ("largest", function("largest(product, n)", "return max(product(e) @ e for e in np.eye(n)[:300])"), "is not right"),
    (
        "largest",
        function("largest(product, n)", "return float(np.linalg.eigvalsh([product(e) for e in np.eye(n)])[-1])"),
        "700 products",
    ),
    (
        "largest",
        function("largest(product, n)", "return max(product(np.ones(n)) @ np.ones(n) for _ in range(701))"),
        "700 products",
    ),
    ("quiet", function(QUIETLY, QUIET.format(squares=CORRECTED, edge="2 * (1 + beta1) / curvature")), "a momentum that sums"),
    ("quiet", function(QUIETLY, QUIET.format(squares=CORRECTED, edge="2 / curvature")), "gradient descent's edge"),
    ("quiet", function(QUIETLY, QUIET.format(squares="s", edge=EDGE)), "the root of the corrected average"),
    ("against", function("against(beta2)", "return [3.0, -1.0, -1.0]"), "of 3 rows hold|0 of 3", None),
    ("against", function("against(beta2)", "return [-1.0]"), "this must hold, and does not: a round has 1 to 400"),
    ("against", function("against(beta2)", "return [1e9] + [-1.0] * 9"), "a round has 1 to 400"),
    ("against", function("against(beta2)", "return 'win'"), "a round has 1 to 400"),
    ("ruler", function(RULED, "return theta - lr * np.sign(grad), r, c"), "does not: r and c average"),
    ("ruler", function(RULED, RULER.format(squares=COLUMNS)), "3 of 5 rows hold. This one does not: 2: on their side", 3),
    ("ruler", function(RULED, RULER.format(squares="q = np.outer(r, c) / (1 - beta2**t)")), "on a matrix of one row"),
    ("ruler", function(RULED, RULER.format(squares=UNSAFE.replace("**t", ""))), "on a matrix of one row"),
    ("ruler", function(RULED, NANS), "4 of 5 rows hold. This one does not: 4: zeros move nothing", 4),
    ("ruler", function(RULED, "return theta - lr * grad"), "must return theta, r and c"),
    ("trace", "recovered = recovered[[1, 0, 2]] * [1, 1, -1] + [0, 0, 1]", "not in their order"),
    ("trace", "recovered = recovered * [1, 1, -1] + [0, 0, 1]", "that share belongs to the long memory"),
    ("trace", "recovered = np.array([0.9, 0.99, 0.5])", "not the right numbers"),
    ("adam", function("test_adam(step)", "return False"), "rejects an implementation that is right"),
    ("adam", function("test_adam(step)", "return True"), "accepts all 6 planted bugs"),
    ("muon", function("test_muon(step)", "return False"), "rejects an implementation that is right"),
    ("muon", function("test_muon(step)", "return True"), "accepts all 6 planted bugs"),
]

WEAK = (
    "adam",
    function(
        "test_adam(step)",
        "x = step(np.zeros(1), np.ones(1), np.zeros(1), np.zeros(1), lr=1.0, beta1=0.9, beta2=0.99, eps=1e-12, t=1)[0]\n"
        "    return bool(np.isclose(x[0], -1))",
    ),
)
