"""The playground in a notebook: what its state takes, what it refuses, and that the browser's side is one module."""

import json

import pytest
import traitlets

from momentum_lib.widgets import Playground, bundle


def test_friendly_values_become_the_browsers():
    play = Playground(
        surface={"name": "ravine", "kappa": 50}, rules=["adam", "v = beta*v + grad; theta = theta - lr*v"], starts=[(1, 2)]
    )
    assert play.surface == {"kind": "library", "name": "ravine", "params": {"kappa": 50.0}}
    assert play.rules == [{"rule": "adam", "hyper": {}}, {"text": "v = beta*v + grad; theta = theta - lr*v", "hyper": {}}]
    assert play.starts == [[1.0, 2.0]] and play.picked == 0
    play.surface = "x^2 + 3*y^2"
    play.rules = [{"rule": "heavy_ball", "lr": 0.1, "beta": 0.5}]
    assert play.surface == {"kind": "formula", "text": "x^2 + 3*y^2", "params": {}}
    assert play.rules == [{"rule": "heavy_ball", "hyper": {"lr": 0.1, "beta": 0.5}}]
    assert json.loads(json.dumps(play.state())) == play.state()
    again = Playground(**play.state())
    assert again.state() == play.state()  # what it tells, it takes
    assert "heavy ball on x^2 + 3*y^2" in play._repr_html_()
    play.surface = {"net": "digits"}
    assert play.surface == {"kind": "net", "name": "digits"} and Playground(surface=play.surface).surface == play.surface
    play.steps, play.noise = 5000, -1
    assert (play.steps, play.noise) == (1000, 0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"surface": "ravin"}, "did you mean 'ravine'"),
        ({"surface": {"name": "ravine", "kapa": 3}}, "a number of ravine; did you mean 'kappa'"),
        ({"surface": {"name": "ravine", "kappa": float("nan")}}, "a finite number for kappa"),
        ({"surface": "x+" * 200 + "x"}, "at most 400 characters"),
        ({"surface": 3}, "a formula of x and y"),
        ({"surface": {"net": "digit"}}, "did you mean 'digits'"),
        ({"rules": []}, "1 to 6 rules"),
        ({"rules": ["adan"]}, "did you mean 'adam'"),
        ({"rules": [{"rule": "adam", "betta1": 0.5}]}, "did you mean 'beta1'"),
        ({"rules": [{"lr": 0.5}]}, "a rule's name, a typed rule"),
        ({"starts": [[1, 2, 3]]}, "1 to 5 points"),
        ({"starts": [1, 2]}, "1 to 5 points"),
        ({"view": "maps"}, "did you mean 'map'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(wrong, sentence):
    with pytest.raises(traitlets.TraitError, match=r"allowed: ") as refused:
        Playground(**wrong)
    assert sentence in str(refused.value)


def test_an_unknown_keyword_names_the_nearest():
    with pytest.raises(TypeError, match="did you mean 'surface'"):
        Playground(surfaces="ravine")


def test_the_notebook_gets_one_module_and_its_own_sheet():
    source = Playground()._source
    assert source.module.rstrip().endswith("export default { render: m_play_widget.render };")
    assert "import " not in source.module.split("\n")[0]
    assert ".pg-stage" in source.styles and "rem" not in source.styles.split(".pg-stage")[1].split("}")[0]
    assert set(bundle.figure_names()) & {"playground", "widget"} == set()
