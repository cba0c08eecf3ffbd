"""What changes at scale: the data file, half-lives in tokens, bytes derived from the rules, bfloat16 to the bit."""

import math
import re
from dataclasses import fields

import numpy as np
import pytest

from momentum_lib import rules, scale, theory
from momentum_lib.scale.state import count, from_rule, size, stated, three

# -- the data file ----------------------------------------------------------------------------

NUMBERS = {
    "momentum": (0, 1),
    "beta2": (0, 1),
    "eps": (0, 1e-3),
    "weight_decay": (0, 1),
    "clip": (0, 10),
    "tokens_per_step": (1e4, 1e9),
}
SILENT = ["Llama 3.1 405B", "Kimi K2 1T", "Mistral 7B", "Gemma 3", "Qwen3", "Chinchilla 70B"]


@pytest.mark.parametrize("run", scale.RUNS, ids=lambda run: run.name)
def test_every_row_has_its_source_and_its_mark(run):
    assert all(isinstance(getattr(run, f.name), (str, int, float)) for f in fields(run))
    assert run.name and run.optimiser and run.source.strip() and run.mark in scale.MARKS
    assert 2017 <= run.year <= 2026
    assert re.fullmatch(r"https://(arxiv\.org/abs/\d{4}\.\d{5}|github\.com/[\w.-]+/[\w.-]+)", run.url)
    found = re.search(r"arXiv:(\d{4}\.\d{5})", run.source)
    assert (found is not None) == ("arxiv.org" in run.url)
    assert found is None or run.url.endswith(found[1])
    if run.mark == "code read":
        assert run.url.removeprefix("https://github.com/") in run.source


@pytest.mark.parametrize("run", scale.RUNS, ids=lambda run: run.name)
def test_a_value_is_a_number_in_its_range_or_says_why_there_is_none(run):
    for name, (low, high) in NUMBERS.items():
        value = getattr(run, name)
        if isinstance(value, str):
            assert value in scale.UNKNOWN or re.search(r"\d", value), (name, value)
        else:
            assert low < value < high, (name, value)


def test_names_are_unique_and_in_the_order_of_years():
    assert len({run.name for run in scale.RUNS}) == len(scale.RUNS)
    assert [run.year for run in scale.RUNS] == sorted(run.year for run in scale.RUNS)


@pytest.mark.parametrize("name", SILENT)
def test_nobody_guesses_what_a_report_does_not_state(name):
    (run,) = [run for run in scale.RUNS if run.name == name]
    assert run.momentum == "not stated"


def test_what_must_not_be_printed_is_not_there():
    assert not [run.name for run in scale.RUNS if re.search("Gopher|Falcon|Streaming", run.name)]
    (apertus,) = [run for run in scale.RUNS if "Apertus" in run.name]
    assert apertus.momentum == apertus.beta2 == "not recorded" and not apertus.note


def test_every_adam_since_gpt3_that_states_its_betas_uses_the_same():
    found = scale.runs("momentum", "beta2", family="adam", since=2020)
    assert len(found) == 12 and {(run.momentum, run.beta2) for run in found} == {(0.9, 0.95)}
    muon = scale.runs("momentum", family="muon")
    assert len(muon) == 4 and {run.momentum for run in muon} == {0.95}


def test_tokens_per_step_are_products_of_what_the_note_says():
    known = {run.name: run.tokens_per_step for run in scale.runs("tokens_per_step")}
    assert known["nanoGPT"] == 12 * 1024 * 5 * 8 == 491520
    assert known["DeepSeek-V3 671B"] == 15360 * 4096
    assert known["Pythia 12B"] == 8 * 2 * 64 * 2048
    assert known["OLMo 1, 2 and 3"] == 1024 * 4096 and known["BLOOM 176B"] == 2048 * 2048


def test_questions_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="unknown family 'adm'; known: .*adam"):
        scale.runs(family="adm")
    with pytest.raises(ValueError, match="unknown field 'beta1'; known: .*momentum"):
        scale.runs("beta1")


# -- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beta", "tokens", "million"),
    [
        (0.9, 3.2e6, 21),
        (0.95, 3.2e6, 43),
        (0.95, 4e6, 54),
        (0.95, 491520, 6.6),
        (0.9, 62914560, 414),
        (0.95, 62914560, 850),
        (0.95, 75.5e6, 1020),
    ],
)
def test_half_lives_of_published_trainings(beta, tokens, million):
    assert scale.half_life(beta, tokens) / 1e6 == pytest.approx(million, rel=0.01)
    assert scale.half_life(beta, tokens) == pytest.approx(theory.half_life(beta) * tokens)


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("ratio", [1e-3, 0.5, 1, 128])
def test_the_same_memory_at_another_batch_size(beta, ratio):
    moved = scale.same_memory(beta, 4e5, 4e5 * ratio)
    if moved > 1e-300:
        assert scale.half_life(moved, 4e5 * ratio) == pytest.approx(scale.half_life(beta, 4e5), rel=1e-9)
        assert scale.beta_for(scale.half_life(beta, 4e5), 4e5 * ratio) == pytest.approx(moved, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scale.half_life(1.0, 1e6), "beta is 1.0; allowed: a number in (0, 1), so that a memory has a half-life"),
        (lambda: scale.half_life(0, 1e6), "beta is 0; allowed"),
        (lambda: scale.half_life(0.9, -1), "tokens is -1; allowed: a finite number > 0, in tokens per step"),
        (lambda: scale.half_life(math.nan, 1), "beta is nan"),
        (lambda: scale.beta_for(math.inf, 1), "half_life_tokens is inf"),
        (lambda: scale.same_memory(0.9, 1, 0), "new_tokens is 0"),
    ],
)
def test_refusals_in_words(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_sutskevers_schedule():
    """The formula, its closed form 1 - 1/(2k), and the limit."""
    t = np.arange(0, 20000)
    found = scale.sutskever(t, limit=0.995)
    assert found[:250].tolist() == [0.5] * 250 and found[250] == 0.75 and found[500] == pytest.approx(5 / 6)
    np.testing.assert_allclose(found, np.minimum(1 - 1 / (2 * (t // 250 + 1)), 0.995), rtol=1e-14)
    assert scale.sutskever(10**6, limit=0.99) == 0.99 and (np.diff(found) >= -1e-15).all()
    with pytest.raises(ValueError, match="t is -1; allowed"):
        scale.sutskever([-1])
    with pytest.raises(ValueError, match="limit is 1"):
        scale.sutskever(3, limit=1)


# -- bytes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(rules.RULES))
def test_state_is_what_the_rule_really_keeps(name):
    """Bytes per parameter against the arrays that ``init`` makes, in float32."""
    theta = np.zeros((6, 5), dtype=np.float32)
    kept = sum(part.nbytes for part in rules.RULES[name].init(theta))
    assert scale.state_bytes(name, matrix=theta.shape) * theta.size == pytest.approx(kept, rel=1e-12)


def test_bytes_of_the_methods_without_a_rule():
    assert scale.state_bytes("amsgrad") == scale.state_bytes("ademamix") == 12
    assert 2 < scale.state_bytes("adam8bit") < 2.01
    assert scale.state_bytes("adam8bit", "bf16") == scale.state_bytes("adam8bit")
    assert scale.state_bytes("adafactor", matrix=(1000, 4000)) == pytest.approx(4 * 5000 / 4e6)
    assert scale.state_bytes("soap_released", matrix=(1000, 4000)) == pytest.approx(8 + 8 * (1e6 + 16e6) / 4e6)
    assert scale.state_bytes("soap", matrix=(1000, 4000)) == pytest.approx(8 + 4 * (1e6 + 16e6) / 4e6)
    assert set(stated()) & set(rules.RULES) == set(), "a method with a rule is derived from it, not stated"
    assert set(scale.MENU) <= set(scale.OPTIMISERS) and len(scale.MENU) >= 7


def test_zero_by_stage():
    """Row 33: 16 bytes, then 4 + 12/N, 2 + 14/N, 16/N; 7.5 billion on 64 GPUs."""
    found = [scale.memory(7.5e9, "adam", stage=stage, gpus=64) for stage in range(4)]
    for memory, each, total in zip(found, (16, 4 + 12 / 64, 2 + 14 / 64, 16 / 64), (120, 31.4, 16.6, 1.88), strict=True):
        assert memory.per_parameter == pytest.approx(each)
        assert three(memory.total) / 1e9 == total
        assert sum(memory.bytes.values()) == pytest.approx(memory.total)
    assert found[1].line == "7.5 billion × (2 + 2 + (4 + 4 + 4)/64) bytes = 31.4 GB"
    assert found[3].line == "7.5 billion × (2 + 2 + 4 + 4 + 4)/64 bytes = 1.88 GB"
    assert scale.memory(7e9).total == 112e9 and scale.memory(70e9).total == 1120e9
    assert not found[0].fits(80e9) and found[0].fits(141e9) and found[1].fits(80e9)


def test_mixed_precision_saves_no_model_state():
    """Adam: 4 + 4 + 8 in 32 bits, 2 + 2 + 4 + 8 mixed; 16-bit moments save a quarter, 16 bits throughout half."""
    each = {name: scale.memory(1.0, precision=name).total for name in scale.PRECISIONS}
    assert each == {"fp32": 16, "mixed": 16, "mixed_state16": 12, "bf16": 8}


@pytest.mark.parametrize("stage", range(4))
def test_on_one_gpu_nothing_is_shared_and_shares_add_up(stage):
    whole, one = scale.memory(3e9, "adam"), scale.memory(3e9, "adam", stage=stage, gpus=1)
    assert one.total == whole.total
    cut = scale.memory(3e9, "adam", stage=stage, gpus=7)
    for name, value in cut.bytes.items():
        assert value * (7 if name in cut.shared else 1) == pytest.approx(whole.bytes[name])


def test_the_line_computes_to_its_total():
    """The arithmetic that is shown is the arithmetic that is done: evaluated, it gives the total, for every choice."""
    for name in scale.MENU:
        for precision in scale.PRECISIONS:
            for stage in range(4):
                memory = scale.memory(2e9, name, precision=precision, stage=stage, gpus=8)
                left, right = memory.line.split(" bytes = ")
                value = eval(left.replace("2 billion", "2e9").replace("×", "*"))
                assert value == pytest.approx(memory.total, rel=2e-3), memory.line
                number, unit = right.split()
                assert float(number) * {"GB": 1e9, "MB": 1e6, "TB": 1e12}[unit] == pytest.approx(memory.total, rel=5e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "adma"}, "unknown optimiser 'adma'. Did you mean 'adam'?"),
        ({"precision": "fp64"}, "unknown precision 'fp64'"),
        ({"stage": 4}, "stage is 4; allowed: a whole number in [0, 3]"),
        ({"gpus": 1.5}, "gpus is 1.5; allowed: a whole number >= 1"),
        ({"gpus": 0}, "gpus is 0"),
        ({"parameters": -1}, "parameters is -1; allowed: a finite number > 0"),
        ({"parameters": math.nan}, "parameters is nan"),
    ],
)
def test_what_memory_refuses(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        scale.memory(**{"parameters": 1e9, **change})
    with pytest.raises(ValueError, match="matrix is"):
        scale.state_bytes("adafactor", matrix=(0, 3))
    with pytest.raises(ValueError, match="matrix is"):
        scale.state_bytes("shampoo", matrix=(0, 3))


def test_a_new_rule_is_counted_by_its_slots():
    from momentum_lib import rule

    @rule(m=0, w="theta", family="averaged", title="Two slots")
    def two_slots(theta, grad, m, w, *, lr):
        """Two slots. Source: this test."""
        return theta - lr * grad, m, w

    @rule(m=0, left="rows", right="columns", matrix=True, family="matrix")
    def squares(theta, grad, m, left, right, *, lr):
        """A slot of the point's shape, and a square of each side. Source: this test."""
        return theta - lr * grad, m, left, right

    assert from_rule(squares, (1000, 4000)).state("fp32") == {"m": 4, "left": 1, "right": 16}
    assert scale.state_bytes("shampoo", matrix=(1000, 4000)) == 21 and scale.state_bytes("shampoo") == 12
    found = from_rule(two_slots)
    assert found.state("fp32") == {"m": 4, "w": 4} and found.arrays[0].title == "first moment" and found.rule


def test_numbers_in_words():
    assert (three(1.625), three(-1.625), three(0.0019531)) == (1.63, -1.63, 0.00195)
    assert (size(999.6e6), size(1.88e9), size(120e9), size(16e12), size(12)) == ("1 GB", "1.88 GB", "120 GB", "16 TB", "0.012 kB")
    assert (count(7.5e9), count(124e6), count(1e12), count(491520)) == (
        "7.5 billion",
        "124 million",
        "1 trillion",
        "492 thousand",
    )


# -- sixteen bits -----------------------------------------------------------------------------


def test_bf16_against_the_definition():
    """Every bfloat16 that is finite stays; a number between two neighbours goes to the nearer, a tie to the even one."""
    all_of_them = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    finite = all_of_them[np.isfinite(all_of_them)]
    assert (scale.bf16(finite).view(np.uint32) == finite.view(np.uint32)).all()
    rng = np.random.default_rng(0)
    sample = np.sort(np.unique(finite[np.abs(finite) < 1e38]))
    k = rng.integers(0, len(sample) - 1, 50_000)
    low, high = sample[k].astype(float), sample[k + 1].astype(float)
    x = (low + (high - low) * rng.random(len(k))).astype(np.float32).astype(float)
    nearer = np.where(x - low < high - x, low, high)
    sure = np.abs((x - low) - (high - x)) > 1e-6 * (high - low)
    np.testing.assert_array_equal(scale.bf16(x)[sure], nearer[sure].astype(np.float32))
    middle = ((low + high) / 2).astype(np.float32)
    exact = middle.astype(float) == (low + high) / 2
    even = scale.bf16(middle[exact]).view(np.uint32) >> 16 & 1
    assert exact.sum() > 10_000 and not even.any()


def test_bf16_against_torch():
    torch = pytest.importorskip("torch")
    bits = np.random.default_rng(1).integers(0, 1 << 32, 200_000, dtype=np.uint32)
    x = bits.view(np.float32)
    theirs = torch.from_numpy(x.copy()).bfloat16().float().numpy()
    np.testing.assert_array_equal(scale.bf16(x), theirs)


def test_bf16_edges():
    assert scale.bf16(0.999) == 1.0 and scale.bf16(0.95) == np.float32(0.94921875) and np.signbit(scale.bf16(-0.0))
    assert np.isnan(scale.bf16(np.nan)) and scale.bf16(-np.inf) == -np.inf and scale.bf16(3.4e38) == np.inf
    assert scale.bf16(1.5).dtype == np.float32 and scale.bf16(np.ones((2, 3))).shape == (2, 3)
    assert np.isnan(scale.bf16(np.array([0x7F800001], dtype=np.uint32).view(np.float32)))[0]
    x = np.array([1.0])
    scale.bf16(x)
    assert x[0] == 1.0
    assert (scale.bf16_gap(1.0), scale.bf16_gap(-1.99), scale.bf16_gap(2.5), scale.bf16_gap(256.0)) == (2**-7, 2**-7, 2**-6, 2.0)


def test_stochastic_rounding_is_right_on_average():
    rng = np.random.default_rng(2)
    found = scale.bf16_stochastic(np.full(200_000, 1.003), rng)
    assert set(np.unique(found)) == {np.float32(1.0), np.float32(1.0078125)}
    assert found.mean(dtype=float) == pytest.approx(1.003, abs=5 * 0.0038 / math.sqrt(200_000))
    assert (scale.bf16_stochastic(np.full(1000, 0.5), rng) == 0.5).all()
    edge = scale.bf16_stochastic([np.inf, -np.inf, np.nan, -1.003], rng)
    assert edge[0] == np.inf and edge[1] == -np.inf and np.isnan(edge[2]) and edge[3] < 0


@pytest.mark.parametrize(("beta", "stalls"), [(0.9, False), (0.95, False), (0.99, False), (0.999, True), (0.9999, True)])
def test_an_average_in_sixteen_bits_stalls(beta, stalls):
    """No gradient any more: the average should fade; in bfloat16 it stays where 1 - beta is below the rounding."""
    m = np.float32(1.0)
    for _ in range(1000):
        m = scale.bf16(np.float32(beta) * m)
    assert (m == 1.0) == stalls
