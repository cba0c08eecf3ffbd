"""Every chapter in a rehearsal of Colab: see tests/test_colab.py, which runs the shortest ones in `make test`."""

from tests.test_colab import CHAPTERS, colab, run_as_in_colab  # noqa: F401  (a fixture)


def test_every_chapter_runs_as_in_colab(colab, tmp_path):  # noqa: F811
    run_as_in_colab(CHAPTERS, colab, tmp_path)
