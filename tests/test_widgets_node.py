"""The pure JavaScript of the live figures: tests/js/*.test.js, each under Node."""

import re
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "js").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=[path.name.removesuffix(".test.js") for path in FILES])
def test_under_node(node, file):
    said = node("--test", file)
    text = file.read_text(encoding="utf-8")
    assert int(re.search(r"pass (\d+)", said)[1]) == len(re.findall(r"^test\(", text, re.M)) > 0
