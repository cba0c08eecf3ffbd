"""Problem set 1: mistakes that students make, each with what they read, and half a test.

MISTAKES: (question, the student's cell, part of the sentence, points that are left).  WEAK: (question, a test that notices
some bugs).
"""

from tests.homework.texts import function

RULE = "my_rule(theta, grad, v, *, lr, beta)"
RUN = (
    "momenta_run = {momenta}\n"
    "path = descend(rules.heavy_ball, surfaces.quadratic([1, kappa]), (kappa**0.5, 1.0), 120, lr=rate, beta=momenta_run)\n"
    "losses = {log}((path.points**2 @ [1, kappa]) / (2 * kappa))\n"
    "measured = np.array([{value} for t in at])\n"
)
RIGHT = {"momenta": "np.repeat([0.0, on], 60)", "log": "np.log10", "value": "losses[t - 9 : t + 1].max()"}
WEIGHTS = '{"steady": 1 - beta, "noise": np.sqrt(1 - beta**2), "strong": 1 - beta**2, "total": (1 - beta) / (1 + beta)}[size]'
OTHER_DROP = (
    f"w = {WEIGHTS}\n    if drop == 'outside':\n        v = beta * v + lr * w * grad\n        return theta - v, v\n"
    "    v = beta * v + w * grad\n    return theta - lr * v, v"
)
AVERAGE = (
    "out = []\n    for n in range(len(times)):\n        w = {weights}\n        out.append(w @ values[: n + 1]{norm})\n"
    "    return np.array(out)"
)
IRREGULAR = (
    "m, lost, out, last = 0.0, 1.0, [], times[0] - 1\n    for now, value in zip(times, values):\n"
    "        kept, last = 0.5 ** ((now - last) / half_life), now\n"
    "        m, lost = kept * m + (1 - kept) * value, lost * kept\n        out.append({out})\n    return np.array(out)"
)

MISTAKES = [
    ("sketch", RUN.format(**RIGHT | {"momenta": "on"}), "momentum is off for the first 60 steps"),
    ("sketch", RUN.format(**RIGHT | {"momenta": "0.0"}), "switch momentum on after step 60"),
    ("sketch", RUN.format(**RIGHT | {"log": "np.log"}), "a decade is a factor of ten"),
    ("sketch", RUN.format(**RIGHT | {"value": "losses[t]"}), "take the largest loss of the last ten steps"),
    ("sketch", "drawn = measured", "is the measurement itself"),
    ("sketch", "drawn = measured + 0.002 * (-1) ** np.arange(12)", "is the measurement itself"),
    ("sketch", "drawn = np.zeros(12)", "decades from the run on average: 0 of 5"),
    ("sketch", "drawn = np.zeros(13)", "has shape (13,); it must have shape (12,)"),
    ("sketch", "drawn = measured + 0.5", "drawn is 0.5 decades from the run on average: 2.5 of 5 points", 2.5),
    ("table", function(RULE, "return theta - lr * grad, grad"), "every step is beta times the one before"),
    ("table", function(RULE, "return theta, v"), "with beta = 0 it is gradient descent"),
    ("table", function(RULE, "v = beta * v + lr * grad\n    return theta - v, v"), "of 2 rows hold|0 of 2 rows", None),
    ("table", function(RULE, OTHER_DROP), "1 of 2 rows hold. This one does not: A change of lr", 3),
    ("table", function(RULE, "v = beta * v + grad\n    return theta - lr * v"), "must return two arrays"),
    ("table", function(RULE, "v *= beta\n    v += grad\n    return theta - lr * v, v"), "in place"),
    ("kill", function("test_run(run)", "return False"), "rejects an implementation that is right"),
    ("kill", function("test_run(run)", "return True"), "accepts all 8 planted bugs"),
    ("kill", function("test_run(run)", "return 1"), "must return True or False"),
    ("detect", function("plain(losses)", "return True"), "0 of 10 rows hold. This one does not: it rejects every run"),
    ("detect", function("plain(losses)", "return False"), "it accepts every run of gradient descent"),
    ("detect", function("plain(losses)", "return bool((np.diff(losses) < 0).all())"), "4 of 10 rows hold", 2),
    ("detect", function("plain(losses)", "return 1"), "must return True or False"),
    ("port", function("port(lrs, beta)", "return np.full(len(lrs), beta)"), "with an unchanged momentum the two forms part"),
    ("port", function("port(lrs, beta)", "return np.concatenate([[beta], beta * lrs[1:] / lrs[:-1]])"), "upside down"),
    ("port", function("port(lrs, beta)", "return beta * lrs[0] / lrs"), "only the last change counts"),
    ("port", function("port(lrs, beta)", "return np.concatenate([beta * lrs[:-1] / lrs[1:], [beta]])"), "one step later"),
    (
        "gaps",
        function(
            "smooth(times, values, half_life)",
            AVERAGE.format(weights="0.5 ** (np.arange(n, -1, -1) / half_life)", norm=" / w.sum()"),
        ),
        "the gaps are ignored",
    ),
    (
        "gaps",
        function(
            "smooth(times, values, half_life)",
            AVERAGE.format(weights="np.exp(-(times[n] - times[: n + 1]) / half_life)", norm=" / w.sum()"),
        ),
        "fades to 1/e in one half_life",
    ),
    ("gaps", function("smooth(times, values, half_life)", IRREGULAR.format(out="m / (1 - lost)")), "must not grow with the gap"),
    ("gaps", function("smooth(times, values, half_life)", IRREGULAR.format(out="m")), "do not add up to one"),
    ("edge", function("edge(beta, curvature)", "return 2 * (1 + beta) / curvature"), "that is heavy ball's edge"),
    ("edge", function("edge(beta, curvature)", "return 2 / (curvature * (a + b))"), "that holds without memory"),
    ("edge", function("edge(beta, curvature)", "return 2 / (curvature * (a / (1 - beta) + b))"), "the gradients alternate"),
    ("tune", function("tune(gradient, dim)", "return 0.1"), "what tune returns has shape (); it must have shape (2,)"),
    ("tune", function("tune(gradient, dim)", "return 1e-3, 0.9"), "it is nearly as fast as the best setting", None),
    ("tune", function("tune(gradient, dim)", "return 1e9, 0.9"), "0 of 6 rows hold"),
]

WEAK = (
    "kill",
    "def test_run(run):\n    found = run(np.ones((2, 1)), np.zeros(1), np.array([0.1, 0.2]), 0.5, 0.0)\n"
    "    return bool(np.allclose(found, [[-0.1], [-0.4]]))\n",
)
