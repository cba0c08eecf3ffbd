"""Races as moving pictures: the right length and size, real motion, small files, clear refusals."""

import shutil
import subprocess

import numpy as np
import pytest

pytest.importorskip("matplotlib")
PIL = pytest.importorskip("PIL.Image")

from momentum_lib import animate, descend, rules, surfaces


def runs(steps=40):
    return [
        descend(rules.gradient_descent, surfaces.ravine, steps=steps, lr=0.0762),
        descend(rules.heavy_ball, surfaces.ravine, steps=steps, lr=0.108, beta=0.46),
    ]


@pytest.fixture(scope="module")
def gif(tmp_path_factory):
    return animate.save(runs(), tmp_path_factory.mktemp("film") / "race.gif", fps=10, seconds=3, progress=False)


def frames_of(path):
    """All frames as RGB arrays, and how long each lasts in milliseconds."""
    image, frames, lasts = PIL.open(path), [], []
    for k in range(image.n_frames):
        image.seek(k)
        frames.append(np.asarray(image.convert("RGB")).astype(int))
        lasts.append(image.info["duration"])
    return np.array(frames), lasts


def test_length_and_size(gif):
    frames, lasts = frames_of(gif)
    assert frames.shape[1:] == (animate.HEIGHT, animate.WIDTH, 3) == (320, 640, 3)
    assert sum(lasts) == 3000  # frames that look alike are stored as one that lasts longer
    assert 20 <= len(frames) <= animate.frames(10, 3) == 30


@pytest.mark.parametrize(("fps", "seconds", "count"), [(25, 6, 150), (30, 2.5, 75), (7, 1, 7), (1, 0.1, 2)])
def test_number_of_frames(fps, seconds, count):
    assert animate.frames(fps, seconds) == count


def test_the_clock_gathers_speed_slows_down_and_rests():
    clock = animate.clock(100, 40)
    assert clock[0] == 0 and clock[-1] == 40
    stride = np.diff(clock)
    assert (stride >= 0).all() and stride[2] < stride[42] > stride[80]
    assert (clock[-14:] == 40).all() and clock[-20] < 40


def test_the_head_moves_between_the_steps():
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_array_equal(animate.between(points, 1.25), [[0, 0], [1, 2], [1.5, 2]])
    np.testing.assert_array_equal(animate.between(points, 7.0), points)
    np.testing.assert_array_equal(animate.between(points, 0.0), points[:1])


def test_it_shows_motion(gif):
    """Neighbouring frames differ, in the picture and in the curve; the first frame has no path yet, the last all of it."""
    frames, _ = frames_of(gif)
    for a, b in zip(frames[:-1], frames[1:], strict=True):
        assert (a != b).any()
    changed = np.abs(frames[1:] - frames[:-1]).sum(axis=(0, 3))
    assert (changed[:, :390] > 0).sum() > 2000 and (changed[:, 440:] > 0).sum() > 1000
    coloured = (np.abs(frames - frames.mean(axis=3, keepdims=True)).max(axis=3) > 40)[:, 50:, :390].sum(axis=(1, 2))
    assert coloured[0] < 200 < 1500 < coloured[-1]


def test_the_path_is_where_the_run_was(gif):
    """Colour of heavy ball stands at its own points in the last frame."""
    frames, _ = frames_of(gif)
    last = frames[-1]
    (x0, x1), (y0, y1) = surfaces.ravine.domain
    blue = (last[..., 2] - last[..., 0] > 60) & (last[..., 2] > 120)
    for x, y in runs()[1].points[2:8]:
        column, row = 640 * (0.012 + 0.6 * (x - x0) / (x1 - x0)), 320 * (1 - 0.03 - 0.8 * (y - y0) / (y1 - y0))
        near = blue[max(0, int(row) - 4) : int(row) + 5, int(column) - 4 : int(column) + 5]
        assert near.any(), (x, y)


def test_the_same_call_gives_the_same_bytes(gif, tmp_path):
    again = animate.save(runs(), tmp_path / "again.gif", fps=10, seconds=3, progress=False)
    assert again.read_bytes() == gif.read_bytes()


def test_a_full_film_is_small(tmp_path):
    file = animate.save(runs(100), tmp_path / "full.gif", progress=False)
    assert file.stat().st_size < 1.5e6
    assert sum(frames_of(file)[1]) == 6000


def test_paper_is_white_and_the_style_of_others_stays(gif):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    animate.save(runs(5), gif.with_name("short.gif"), fps=4, seconds=1, progress=False)
    assert dict(mpl.rcParams) == before
    assert tuple(frames_of(gif)[0][0][315, 3]) == (255, 255, 255)


def test_progress_bar_counts_the_frames(tmp_path, capsys):
    pytest.importorskip("tqdm")
    animate.save(runs(5), tmp_path / "a.gif", fps=5, seconds=1)
    assert "5/5" in capsys.readouterr().err
    animate.save(runs(5), tmp_path / "a.gif", fps=5, seconds=1, progress=False)
    assert capsys.readouterr().err == ""


def test_a_run_that_diverges_and_a_surface_without_a_minimum(tmp_path):
    wild = descend(rules.gradient_descent, surfaces.ravine, steps=100, lr=0.1)
    assert wild.diverged_at
    assert animate.save([wild, *runs()], tmp_path / "wild.gif", fps=5, seconds=1, progress=False).stat().st_size > 5000
    down = descend(rules.heavy_ball, surfaces.saddle, steps=60, lr=0.05)
    assert animate.save({"heavy_ball": down}, tmp_path / "down.gif", fps=5, seconds=1, progress=False).stat().st_size > 5000


def test_mp4(tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not on the PATH (Debian: apt-get install ffmpeg)")
    file = animate.save(runs(), tmp_path / "race.mp4", fps=10, seconds=2, progress=False)
    assert file.read_bytes()[4:8] == b"ftyp"
    probe = shutil.which("ffprobe")
    if probe:
        found = subprocess.run(
            [probe, "-v", "error", "-count_frames", "-show_entries",
                "stream=width,height,nb_read_frames", "-of", "csv=p=0", file],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert found.stdout.strip() == "640,320,20"


def test_mp4_without_ffmpeg_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeError, match="ffmpeg.*Install it, or write a .gif"):
        animate.save(runs(), tmp_path / "race.mp4", progress=False)
    assert not (tmp_path / "race.mp4").exists()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"file": "race.avi"}, ValueError, r"race.avi ends in '.avi'; allowed: .gif"),
        ({"fps": 0}, ValueError, "fps is 0; allowed"),
        ({"fps": float("nan")}, ValueError, "fps is nan"),
        ({"seconds": -1}, ValueError, "seconds is -1"),
        ({"paths": []}, ValueError, "no run to show"),
        ({"labels": ["one"]}, ValueError, "1 labels for 2 runs"),
        ({"paths": [*runs(3), descend(rules.heavy_ball, surfaces.bowl, steps=3, lr=0.1)]}, ValueError, "different surfaces"),
        (
            {"paths": [*runs(3), descend(rules.heavy_ball, surfaces.ravine(kappa=9), steps=3, lr=0.1)]},
            ValueError,
            "different surfaces",
        ),
        ({"paths": [descend(rules.heavy_ball, surfaces.lessard, steps=3, lr=0.01)]}, ValueError, "1 dimension"),
    ],
)
def test_bad_input(tmp_path, change, error, words):
    given = {"paths": runs(3), "file": "a.gif", "progress": False, **change}
    with pytest.raises(error, match=words):
        animate.save(given.pop("paths"), tmp_path / given.pop("file"), **given)
    assert list(tmp_path.iterdir()) == []


def test_the_race_saves_itself(tmp_path):
    pytest.importorskip("anywidget")
    from momentum_lib.widgets import Race

    file = Race(surface="rosenbrock", rules=["heavy_ball", "adam"], steps=30).save(
        tmp_path / "r.gif", fps=5, seconds=1, progress=False
    )
    assert frames_of(file)[0].shape[1:] == (320, 640, 3)
