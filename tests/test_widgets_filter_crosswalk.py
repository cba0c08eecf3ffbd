"""The filter and the crosswalk: their numbers against the theory, and the browser's arithmetic against Python's."""

import itertools
import json
import math

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import convert, rules, theory
from momentum_lib.conventions import CONVENTIONS
from momentum_lib.draws import draw_noise
from momentum_lib.widgets import Crosswalk, Filter
from momentum_lib.widgets.crosswalk import largest_difference
from momentum_lib.widgets.filter import SIGNALS, clean, gradients

MODULES = {
    "measure": "measure",
    "theory": "generated/theory",
    "filter": "filter",
    "noise": "noise",
    "crosswalk": "crosswalk",
    "rules": "generated/rules",
    "conventions": "generated/conventions",
}


# -- the filter -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 77, 9999])
def test_noise_is_the_same_in_the_browser_bit_for_bit(js, seed):
    assert js(f"Array.from(noise.drawNoise(1000, {seed}))") == draw_noise(1000, seed).tolist()


def test_noise_is_noise():
    """Mean 0, variance 1, no memory, the kurtosis of twelve uniforms (3 - 1.2/12), and another seed is another noise."""
    draws = draw_noise(200_000, 5)
    n = len(draws)
    assert abs(draws.mean()) < 4 / math.sqrt(n)
    assert draws.var() == pytest.approx(1, abs=4 * math.sqrt(2 / n))
    assert (draws**4).mean() == pytest.approx(2.9, abs=0.06)
    assert np.abs(draws).max() <= 6
    for lag in (1, 2, 12):
        assert abs((draws[lag:] * draws[:-lag]).mean()) < 4 / math.sqrt(n)
    assert abs(np.corrcoef(draw_noise(n, 6), draws)[0, 1]) < 4 / math.sqrt(n)
    assert draw_noise(0).shape == (0,)


@pytest.mark.parametrize("signal", SIGNALS)
def test_signals_are_the_same_in_the_browser(js, signal):
    found = js(f"Array.from({{length: filter.STEPS}}, (_, t) => filter.clean('{signal}', 0.31, t))")
    np.testing.assert_allclose(found, clean(signal, 0.31), rtol=0, atol=1e-14)


def test_an_unknown_signal_is_refused():
    with pytest.raises(ValueError, match="'square'; allowed: wave, zigzag"):
        clean("square")


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
def test_average_sum_and_response_are_the_same_in_the_browser(js, beta):
    grads = gradients(seed=3).tolist()
    for form, name in (("average", "averaged_momentum"), ("sum", "heavy_ball")):
        expected = Filter(beta=beta, form=form, seed=3).filtered()
        np.testing.assert_allclose(
            js(f"Array.from(measure.filter(rules.RULES.{name}, {grads}, {beta}))"), expected, rtol=1e-13, atol=1e-15
        )
    omega = [1e-6, 0.01, 0.5, 3.0, math.pi]
    gain, late = js(f"[{omega}.map((w) => theory.waveGain({beta}, w)), {omega}.map((w) => theory.waveDelay({beta}, w))]")
    exact = theory.frequency_response(beta, omega)
    np.testing.assert_allclose(gain, abs(exact), rtol=1e-9)
    np.testing.assert_allclose(late, -np.angle(exact) / omega, rtol=1e-9, atol=1e-15)


def test_the_average_is_the_rule_and_the_sum_is_bigger():
    """The same gradients through the checked rule; the sum is 1/(1 - beta) times the average, step for step."""
    figure, m = Filter(beta=0.9, seed=4), 0.0
    for grad, kept in zip(figure.gradients(), figure.filtered(), strict=True):
        _, m = rules.averaged_momentum(0.0, grad, m, lr=0.1, beta=0.9)
        assert kept == m
    np.testing.assert_allclose(Filter(beta=0.9, seed=4, form="sum").filtered(), 10 * figure.filtered(), rtol=1e-12)


def test_bias_correction_takes_the_start_away():
    """On a constant gradient the corrected average is right from the first step; the plain one starts at 1 - beta."""
    plain = Filter(signal="constant", noise=0).filtered()
    fixed = Filter(signal="constant", noise=0, corrected=True).filtered()
    assert plain[0] == pytest.approx(0.1) and plain[6] < 0.53 < plain[7]
    np.testing.assert_allclose(fixed, 1, rtol=1e-12)
    np.testing.assert_array_equal(Filter(form="sum", corrected=True).filtered(), Filter(form="sum").filtered())


def test_filter_numbers_meet_the_theory():
    found = Filter(beta=0.9).numbers()
    assert found["half_life"] == pytest.approx(6.5788, abs=1e-4)
    assert found["sample_size"] == pytest.approx(19)
    assert found["nyquist"] == pytest.approx(0.1 / 1.9)
    assert Filter(beta=0.9, form="sum").numbers()["total_weight"] == pytest.approx(10)
    for beta in (0.0, 0.5, 0.9, 0.98):
        found = Filter(beta=beta, seed=2).numbers()
        spread = math.sqrt(2 * found["sample_size"] / 15_000)  # of a variance from so many independent draws
        assert found["measured"] == pytest.approx(found["sample_size"], rel=4 * spread + 1e-12)


@pytest.mark.parametrize(("frequency", "beta"), [(2 * math.pi / 40, 0.9), (2 * math.pi / 10, 0.8)])
def test_gain_and_lag_are_what_the_wave_shows(frequency, beta):
    """Fit the wave that comes out, once it is steady: its height and its lateness are the read-outs."""
    figure = Filter(signal="wave", frequency=frequency, beta=beta, noise=0)
    t, out, found = np.arange(120, 200), figure.filtered()[120:], figure.numbers()
    a, b = np.linalg.lstsq(np.column_stack([np.cos(frequency * t), np.sin(frequency * t)]), out, rcond=None)[0]
    assert math.hypot(a, b) == pytest.approx(found["gain"], rel=1e-3)
    assert math.atan2(b, a) / frequency == pytest.approx(found["lag"], rel=1e-3)


def test_noise_is_called_measured_where_the_draws_hold_a_hundred_memories(js):
    found = js("[100, 150, 150.1].map((sampleSize) => filter.measuredWords({ measured: 19.234, sampleSize }))")
    assert found == ["measured 19.2", "measured 19.2", "too long a memory to measure here"]


def test_ends_of_the_frequencies():
    assert Filter(signal="zigzag").numbers()["gain"] == pytest.approx(0.1 / 1.9)
    assert Filter(signal="zigzag").numbers()["lag"] == 0
    assert Filter(signal="constant").numbers()["gain"] == 1
    assert Filter(signal="constant").numbers()["lag"] == pytest.approx(9)  # the mean age of the weights


def test_filter_words_carry_its_numbers():
    assert "6.58 steps" in Filter().alt() and "0.797" in Filter().alt() and "by 19" in Filter().alt()
    assert "multiplies the noise variance by 5.26" in Filter(form="sum").alt()  # 1/(1 - beta^2)
    assert "keeps the newest gradient alone" in Filter(beta=0).alt() and "0 steps" not in Filter(beta=0).alt()
    assert "its weights halve every 1 step." in Filter(beta=0.5).alt()
    for signal, form, beta in itertools.product(SIGNALS, ("average", "sum"), (0, 0.995)):
        figure = Filter(signal=signal, form=form, beta=beta)
        assert "nan" not in figure.alt() and "inf" not in figure.alt()
        figure.picture().draw_without_rendering()


# -- the crosswalk ----------------------------------------------------------------------------


def _convert(source, target, lr, beta, **how):
    extra = {"dampening": 0.0} if source == "dampened_momentum" else {}
    return convert(source, target, lr=lr, beta=beta, **extra, **how)


def test_conversion_in_the_browser_is_pythons_for_every_pair(js):
    """Every pair, many settings: the same learning rate bit for bit, or refused with the same sentence."""
    rng = np.random.default_rng(0)
    cases = [
        (s, t, float(lr), float(b))
        for s, t in itertools.product(CONVENTIONS, repeat=2)
        for lr, b in zip([*10 ** rng.uniform(-5, 2, 6), 0.1], [*rng.uniform(0, 0.999, 6), 0.0], strict=True)
    ]
    found = js(f"{json.dumps(cases)}.map(c => crosswalk.convert(...c))")
    refusals = 0
    for (source, target, lr, beta), answer in zip(cases, found, strict=True):
        try:
            expected, sentence = _convert(source, target, lr, beta)["lr"], None
        except ValueError as error:
            expected, sentence = None, str(error)
            refusals += 1
        assert answer["lr"] == expected  # JSON has no NaN: null where refused
        said = answer["refused"] and answer["refused"].replace("{source}", source).replace("{target}", target)
        assert said == sentence
    assert refusals == 2 * 5 * 3 * 6


def test_what_parts_when_the_rate_changes_is_pythons(js):
    found = js("conventions.PAIRS")
    for source, target in itertools.product(CONVENTIONS, repeat=2):
        try:
            _convert(source, target, 0.1, 0.5, constant_rate=False)
            parts = False
        except ValueError:
            parts = True
        assert (found[source][target]["parts"] is not None) == parts


@pytest.mark.parametrize("source", ["heavy_ball", "averaged_momentum", "nesterov", "nesterov_lerp"])
@pytest.mark.parametrize("drop", [False, True])
def test_paths_in_the_browser_are_pythons(js, source, drop):
    figure = Crosswalk(source=source, drop=drop, shown=list(CONVENTIONS), lr=0.05)
    found = figure.numbers()
    state = json.dumps(figure.state())
    for name, path in found["paths"].items():
        drawn = js(f"Array.from(crosswalk.run('{name}', {state}, {found['settings'][name]!r}).points)")
        np.testing.assert_allclose(np.reshape(drawn, (-1, 2)), path, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("source", CONVENTIONS)
def test_at_a_constant_rate_all_that_converts_is_one_run(source):
    figure = Crosswalk(source=source, shown=list(CONVENTIONS), lr=0.01)
    found = figure.numbers()
    assert len(found["drawn"]) == (3 if CONVENTIONS[source].measures == "ahead" else 5)
    assert found["difference"] < 1e-14
    assert len(Crosswalk(source=source, shown=list(CONVENTIONS), lr=0.01, beta=0).drawn()) == 8


def test_a_drop_parts_inside_from_outside():
    """After a tenfold drop the next step is 0.10 of the last outside and about 0.91 inside; within each side nothing parts."""
    figure = Crosswalk(drop=True, shown=list(CONVENTIONS))
    found = figure.numbers()
    for name, ratio in found["ratios"].items():
        assert ratio == pytest.approx({"inside": 0.91, "outside": 0.1}[CONVENTIONS[name].rate], abs=0.003)
    assert found["difference"] > 0.3
    for side in ("inside", "outside"):
        same = [p for n, p in found["paths"].items() if CONVENTIONS[n].rate == side]
        assert len(same) >= 2 and largest_difference(same) < 1e-14
    np.testing.assert_array_equal(*(found["paths"][n][: figure.turn + 1] for n in ("heavy_ball", "dampened_momentum")))


def test_the_drop_stays_inside_the_run():
    figure = Crosswalk(drop=True, drop_at=299, steps=20)
    assert figure.turn == 19 and figure.numbers()["ratios"]["heavy_ball"] is not None
    assert (figure.rates(1.0) == [1.0] * 19 + [0.1]).all()


def test_the_source_is_always_drawn_and_refusals_never():
    figure = Crosswalk(source="nesterov", shown=["heavy_ball", "nesterov_lerp"])
    assert figure.drawn() == ["nesterov", "nesterov_lerp"]
    assert "measure the gradient at different points" in figure.settings()["heavy_ball"]
    assert Crosswalk(shown=[]).drawn() == ["heavy_ball"]
    assert Crosswalk(shown=[]).numbers()["difference"] == 0


def test_a_diverging_setting_stays_finite():
    figure = Crosswalk(lr=900, drop=True)
    found = figure.numbers()
    assert all(np.isfinite(p).all() for p in found["paths"].values())
    assert found["ratios"]["heavy_ball"] is None
    figure.picture().draw_without_rendering()
    assert "nan" not in figure.alt()


def test_crosswalk_words_carry_its_numbers():
    assert "identical up to rounding" in Crosswalk().alt() and "the setting of heavy ball: learning" in Crosswalk().alt()
    assert "0.910 times the last with the rate inside and 0.100" in Crosswalk(drop=True).alt()
    assert "after step 13" in Crosswalk(drop=True).alt()


def test_dashes_are_those_of_the_static_figures(js):
    pytest.importorskip("matplotlib")
    from momentum_lib.notation import LOOKS
    from momentum_lib.plot import rule_style

    found = js("Object.fromEntries(Object.values(rules.RULES).map(rule => [rule.name, rule.dash]))")
    for name, dash in found.items():
        look, style = LOOKS[rules.get(name).family], rule_style(rules.get(name))["linestyle"]
        if name in (look.lead, "nesterov"):
            assert dash == (look.dash or "none"), "the family's plain look"
        pixels = "none" if style == "-" else " ".join(f"{round(part * look.width, 2):g}" for part in style[1])
        assert pixels == dash, name
    families = [(rules.get(name).family, dash) for name, dash in found.items()]
    assert len(set(families)) == len(families), "two rules look alike"


def test_from_the_minimum_nothing_moves():
    figure = Crosswalk(start=(0, 0), drop=True)
    found = figure.numbers()
    assert found["difference"] == 0 and found["ratios"]["heavy_ball"] is None
    figure.picture().draw_without_rendering()
    assert "next step" not in figure.alt()


def test_a_measurement_is_shown_where_the_draws_are_enough(js):
    """At momentum 0.999 the draws hold seven memories: what they say of the variance is chance (3335 where theory has 1999)."""
    words = lambda beta: js(f"filter.measuredWords({{ measured: 18.6, sampleSize: {theory.sample_size(beta)} }})")  # noqa: E731
    assert words(0.9) == "measured 18.6"
    assert words(0.999) == "too long a memory to measure here"
