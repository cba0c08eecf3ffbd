"""``muon_with_adamw``: what goes to Muon and what to AdamW, over torch's own modules and models as people build them."""

import sys
import types
import warnings
from pathlib import Path

import pytest
import torch
from syntax import python_mutant
from torch import nn

from momentum_lib.optim import _recipes, matrices_with_adamw, muon_with_adamw
from momentum_lib.train import model as train_model


class Named(nn.Module):
    """A module of the given parts, in their order; sorting asks for no forward pass."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def sorted_by(recipe, model, **options):
    """({group: names}, [warnings' texts])."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer = recipe(model, **options)
    for group in optimizer.param_groups:
        assert set(group["reasons"]) == set(group["param_names"]) and all(group["reasons"].values())
    found = {group["name"]: set(group["param_names"]) for group in optimizer.param_groups}
    return {name: found.get(name, set()) for name in ("hidden", "embedding and head", "vectors")}, [
        str(w.message) for w in caught
    ]


def blocks(n=2):
    return nn.ModuleList(nn.ModuleDict({"up": nn.Linear(8, 16), "down": nn.Linear(16, 8)}) for _ in range(n))


def decoder():
    layers = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)
    return Named(embedding=nn.Embedding(11, 8), decoder=layers, project=nn.Linear(8, 11))


def tied():
    model = Named(wte=nn.Embedding(8, 8), h=blocks(1), mix=nn.Linear(8, 8), out=nn.Linear(8, 8, bias=False))
    model.out.weight = model.wte.weight
    return model


def head_first():
    model = Named(out=nn.Linear(8, 11, bias=False), tokens=nn.EmbeddingBag(11, 8), mix=nn.Linear(8, 9), layers=blocks())
    model.tokens.weight = model.out.weight
    return model


def convnet():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def towers():
    parts = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(2)]
    return nn.Sequential(*parts, nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 3)))


def bare():
    return Named(places=nn.ParameterList([torch.zeros(5, 8)]), layers=blocks(), norm=nn.LayerNorm((2, 8)), value=nn.Linear(8, 1))


def several():
    heads = nn.ModuleList(nn.Linear(8, 11) for _ in range(2))
    return Named(tokens=nn.Embedding(11, 8), early=nn.Linear(8, 11), layers=blocks(), heads=heads, classifier=nn.Linear(8, 3))


def parametrized():
    model = decoder()
    nn.utils.parametrizations.orthogonal(model.embedding)
    nn.utils.parametrizations.orthogonal(model.project)
    return model


ATTENTION = {
    f"decoder.layers.{k}.{a}.{w}"
    for k in (0, 1)
    for a in ("self_attn", "multihead_attn")
    for w in ("in_proj_weight", "out_proj.weight")
}
FEED = {f"decoder.layers.{k}.{w}.weight" for k in (0, 1) for w in ("linear1", "linear2")}
BLOCKS = {f"layers.{k}.{w}.weight" for k in (0, 1) for w in ("up", "down")}
ORTHOGONAL = {"embedding.parametrizations.weight.original", "project.parametrizations.weight.original"}
SORTED = {  # what is sorted: the model, its matrices for Muon, its matrices and tensors for AdamW, which of them are guesses
    "torch's decoder": (decoder, ATTENTION | FEED, {"embedding.weight", "project.weight"}, set()),
    "parametrized": (parametrized, ATTENTION | FEED, ORTHOGONAL, set()),
    "attention alone": (
        lambda: nn.MultiheadAttention(8, 2, kdim=4, add_bias_kv=True),
        {"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"}, set(), set(),
    ),
    "recurrent": (
        lambda: Named(tokens=nn.Embedding(11, 8), rnn=nn.LSTM(8, 8), to=nn.Linear(8, 11)),
        {"rnn.weight_ih_l0", "rnn.weight_hh_l0"}, {"tokens.weight", "to.weight"}, set(),
    ),
    "head called output": (
        lambda: Named(tokens=nn.Embedding(11, 8), layers=blocks(), output=nn.Linear(8, 11)),
        BLOCKS, {"tokens.weight", "output.weight"}, set(),
    ),
    "head called classifier": (
        lambda: Named(tokens=nn.Embedding(11, 8), layers=blocks(), classifier=nn.Linear(8, 3)),
        BLOCKS, {"tokens.weight", "classifier.weight"}, {"classifier.weight"},
    ),
    "blocks as tall as the vocabulary": (
        lambda: Named(tokens=nn.Embedding(8, 8), layers=blocks(), output=nn.Linear(8, 8)),
        BLOCKS, {"tokens.weight", "output.weight"}, set(),
    ),
    "tied, and a square matrix": (tied, {"h.0.up.weight", "h.0.down.weight"}, {"wte.weight", "mix.weight"}, {"mix.weight"}),
    "tied, head first": (head_first, BLOCKS | {"mix.weight"}, {"out.weight"}, set()),
    "heads in lists of their own": (
        lambda: Named(
            tokens=nn.Embedding(11, 8),
            aux=nn.ModuleList([nn.Linear(8, 11)]),
            layers=blocks(),
            heads=nn.ModuleList([nn.Linear(8, 11)]),
        ),
        BLOCKS | {"aux.0.weight"}, {"tokens.weight", "heads.0.weight"}, {"aux.0.weight"},
    ),
    "several heads": (
        several, BLOCKS | {"early.weight"}, {"tokens.weight", "heads.0.weight", "heads.1.weight", "classifier.weight"},
        {"early.weight", "classifier.weight"},
    ),
    "convnet": (convnet, {"3.weight"}, {"0.weight", "5.weight"}, {"5.weight"}),
    "towers": (towers, {"0.0.weight", "1.0.weight"}, {"2.1.weight"}, {"2.1.weight"}),
    "bare": (bare, BLOCKS | {"places.0"}, set(), set()),
}  # fmt: skip


def check(recipe, name):
    make, muon, adamw, guesses = SORTED[name]
    model = make()
    found, said = sorted_by(recipe, model)
    assert found == {
        "hidden": muon,
        "embedding and head": adamw,
        "vectors": {key for key, _ in model.named_parameters()} - muon - adamw,
    }
    text = " ".join(said)
    assert {key for key in muon | adamw if f"'{key}'" in text} == guesses and len(said) == bool(guesses)


@pytest.mark.parametrize("name", SORTED)
def test_it_sorts_by_what_a_module_is(name):
    check(muon_with_adamw, name)


def test_the_course_own_model_is_no_guess():
    for positions in train_model.POSITIONS:
        model = train_model.GPT(train_model.size("pico", positions=positions))
        found, said = sorted_by(muon_with_adamw, model)
        assert not said and len(found["hidden"]) == 6
        assert found["embedding and head"] == {name for name, _ in model.named_parameters()} & {
            "embedding.weight",
            "positions.weight",
        }


def test_a_frozen_parameter_is_left_out_and_still_tells_the_vocabulary():
    model = decoder()
    model.embedding.weight.requires_grad_(False)
    found, said = sorted_by(muon_with_adamw, model)
    assert found["embedding and head"] == {"project.weight"} and not said


def test_explicit_words_overrule_silently():
    """Either way, a string as one word; vectors of that name stay vectors; `not_hidden`, even empty, ends all guesses."""
    model = convnet()
    assert sorted_by(muon_with_adamw, model, hidden=("5.", "3."))[0]["hidden"] == {"3.weight", "5.weight"}
    for options, muon in (
        ({"hidden": "5."}, {"3.weight", "5.weight"}),
        ({"hidden": iter(["5."])}, {"3.weight", "5.weight"}),
        ({"not_hidden": ()}, {"3.weight", "5.weight"}),
        ({"not_hidden": "5."}, {"3.weight"}),
        ({"not_hidden": ("3.",)}, {"5.weight"}),
    ):
        found, said = sorted_by(muon_with_adamw, model, **options)
        assert found["hidden"] == muon and not said and "5.bias" in found["vectors"]
    found, said = sorted_by(muon_with_adamw, decoder(), hidden="embedding")
    assert "embedding.weight" in found["hidden"] and not said


def test_names_alone_are_a_guess():
    found, said = sorted_by(muon_with_adamw, decoder().named_parameters())
    assert found["hidden"] == ATTENTION | FEED and found["embedding and head"] == {"embedding.weight", "project.weight"}
    assert "'embedding.weight' (11, 8) to AdamW" in said[0] and "'project.weight' (11, 8) to AdamW" in said[0]
    assert "embedding.weight" in sorted_by(muon_with_adamw, decoder().named_parameters(), not_hidden=())[0]["hidden"]
    found, said = sorted_by(muon_with_adamw, decoder(), not_hidden=())
    assert "embedding.weight" in found["embedding and head"] and not said, "a module is known by its class, whatever is told"
    capital = [(name.replace("embedding", "Embedding"), p) for name, p in decoder().named_parameters()]
    assert "Embedding.weight" in sorted_by(muon_with_adamw, capital)[0]["embedding and head"]


def test_what_a_name_alone_says():
    """A word that begins as an embedding's does, whatever stands before it; a number on the way, but not the last module's."""
    square, vector = torch.zeros(4, 4), torch.zeros(4)
    said = {
        "wte.weight": (True, False), "model.tok_embeddings.weight": (True, False), "Embed.weight": (True, False),
        "wpe.0.weight": (True, False), "reembed.weight": (False, False), "h.0.up.weight": (False, True),
        "h.0.weight": (False, False), "a.h1.up.weight": (False, False), "2.1.0.weight": (False, True), "weight": (False, False),
    }  # fmt: skip
    places = {place.name: place for place in _recipes._places([(name, square) for name in said])}
    assert {name: (_recipes._reads_in(place), place.inside) for name, place in places.items()} == said
    assert not any(_recipes._reads_in(_recipes.Place("wte.weight", p)) for p in (vector, torch.zeros(2, 3, 4)))
    shapes = {(4, 4): True, (9, 4): True, (2, 4): True, (4, 2): True, (4,): False, (1, 4): False, (4, 1): False, (2, 2, 2): False}
    assert {shape: _recipes.Place("w", torch.zeros(shape)).matrix for shape in shapes} == shapes


def test_a_bare_matrix_is_a_guess_unless_the_caller_wants_none():
    """A matrix of a module that torch does not know, before the last one: taken for a weight, and said so, or told to be one."""

    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.zeros(4, 5))

    model = Named(first=Mixer(), second=nn.Linear(5, 3))
    for options, certain in (({}, False), ({"not_hidden": ()}, True), ({"not_hidden": "second"}, True)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            groups = muon_with_adamw(model, **options).param_groups
        reasons = {name: why for group in groups for name, why in group["reasons"].items()}
        said = "matrix of a Mixer" if certain else "a bare matrix of Mixer, taken for a weight"
        assert (
            reasons["first.matrix"] == said and any("'first.matrix' (4, 5) to Muon" in str(w.message) for w in caught) != certain
        )


@pytest.mark.parametrize(
    "make, options, error, words",
    [
        (lambda: nn.LayerNorm(3), {}, ValueError, "none of the 2 parameters is a hidden matrix"),
        (lambda: nn.Linear(3, 2), {}, ValueError, "hidden matrix.*hidden="),
        (
            convnet,
            {"not_hidden": "hed"},
            ValueError,
            "not_hidden has 'hed', which is in no parameter's name; .*3.weight, 5.weight",
        ),
        (convnet, {"hidden": "hed"}, ValueError, "hidden has 'hed'"),
        (
            convnet,
            {"hidden": "5.", "not_hidden": "weight"},
            ValueError,
            "'5.' and not_hidden 'weight', and '5.weight' holds both",
        ),
        *(
            (lambda given=given: given, {}, TypeError, "give a module, or its named_parameters")
            for given in (
                [torch.ones(2, 2)],
                [("a", torch.ones(2, 2), 1)],
                [("a",)],
                [(torch.ones(2, 2), "a")],
                ["ab"],
                {"ab": 1},
            )
        ),
    ],
)
def test_what_it_refuses(make, options, error, words):
    with pytest.raises(error, match=words):
        muon_with_adamw(make(), **options)


def test_the_rates_that_a_recipe_has_unless_it_is_told_others():
    """Published defaults: Muon's 0.02 at momentum 0.95, AdamW's 3e-4 at 0.9 and 0.95, a hundredth of decay but on vectors."""
    beside = {"rule": "adamw", "lr": 3e-4, "beta1": 0.9, "beta2": 0.95}
    hidden = {"rule": "muon", "lr": 0.02, "beta": 0.95, "rms": 0.0, "weight_decay": 0.01}
    for optimizer in (muon_with_adamw(decoder()), matrices_with_adamw(decoder(), "muon", lr=0.02)):
        first, second, third = optimizer.param_groups
        for group, wanted in (
            (first, hidden),
            (second, beside | {"weight_decay": 0.01}),
            (third, beside | {"weight_decay": 0.0}),
        ):
            assert {name: group[name] for name in wanted} == wanted
    others = {"lr": 0.5, "adamw_lr": 0.25, "beta": 0.5, "beta1": 0.6, "beta2": 0.7, "weight_decay": 0.125, "rms": 0.2}
    first, second, third = muon_with_adamw(decoder(), **others).param_groups
    assert [first[name] for name in ("lr", "beta", "rms", "weight_decay")] == [0.5, 0.5, 0.2, 0.125]
    for group, decay in ((second, 0.125), (third, 0.0)):
        assert [group[name] for name in ("lr", "beta1", "beta2", "weight_decay")] == [0.25, 0.6, 0.7, decay]


def test_a_guess_is_told_where_the_recipe_was_called():
    """A line of the library's own would send the reader to the wrong file."""
    for call in (lambda: muon_with_adamw(convnet()), lambda: matrices_with_adamw(convnet(), "muon", lr=0.1)):
        with pytest.warns(UserWarning, match="the sorting guesses: .*Confirm or change it") as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]


def test_a_row_and_a_number_have_their_own_reasons():
    reasons = {name: why for group in muon_with_adamw(bare()).param_groups for name, why in group["reasons"].items()}
    assert reasons["value.weight"] == "a single row or column" and reasons["value.bias"] == "a vector or a number"
    assert reasons["norm.weight"] == "scale, shift or bias of a LayerNorm"


def test_a_saved_state_without_reasons_gets_this_models():
    optimizer = muon_with_adamw(decoder())
    saved = optimizer.state_dict()
    for group in saved["param_groups"]:
        del group["reasons"]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[1]["reasons"]["project.weight"] == "the last projection onto the vocabulary"


MUTANTS = {  # what is wrong -> the right text, the wrong text, the model whose sorting tells
    "blocks do not count": ("any(id(module) in blocks for module in path)", "False", "blocks as tall as the vocabulary"),
    "attention is no block": ("return [module]", "return []", "attention alone"),
    "any Sequential's child repeats": ("kinds.count(kind) > 1", "True", "towers"),
    "sees an embedding by its own name only": ("(tables | tied).get(id(p), ())", "()", "tied, head first"),
    "no sharing is seen": ("(tables | tied)", "tables", "tied, and a square matrix"),
    "a square matrix beside a shared head is sure": (
        "not shared or place.p.shape[0] != place.p.shape[1]",
        "True",
        "tied, and a square matrix",
    ),
    "any row count is the vocabulary's": ("place.p.shape[0] in entries", "True", "convnet"),
    "the last matrix is never a guess": ("outside and not shared", "False", "convnet"),
    "only one head": ("isinstance(place.path[-2], nn.ModuleList)", "False", "several heads"),
    "moves one row by Muon": ("min(self.p.shape) > 1", "True", "bare"),
    "a norm of two dimensions is a matrix": ("(nn.LayerNorm, nn.RMSNorm)", "()", "bare"),
    "a bias of three dimensions decays": ("isinstance(owner, nn.MultiheadAttention)", "False", "attention alone"),
    "reads the parametrization's name": ("'.parametrizations.' in name", "False", "parametrized"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_sorting_of_its_model_kills(name):
    """Each line of the sorting broken on purpose."""
    right, wrong, model = MUTANTS[name]
    source = Path(_recipes.__file__).read_text(encoding="utf-8")
    broken = types.ModuleType("momentum_lib.optim.broken")
    broken.__package__ = "momentum_lib.optim"
    sys.modules[broken.__name__] = broken
    try:
        exec(compile(python_mutant(source, "_recipes", right, wrong), "broken", "exec"), broken.__dict__)
        with pytest.raises((AssertionError, ValueError, KeyError)):  # KeyError: the place of a tensor that is gone
            check(broken.muon_with_adamw, model)
    finally:
        del sys.modules[broken.__name__]
