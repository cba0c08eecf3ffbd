"""The chapters in a real JupyterLab in headless Chromium: every cell runs, live figures are drawn, traits go both ways.

The reader's edition is opened as `make lab` opens it. A picture of each chapter is kept in _build/clients.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser import live

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "_build" / "clients"
EDITIONS = sorted((ROOT / "book" / "reader").glob("[0-9]*.ipynb"))
RUN = """async () => {
  const { commands, shell } = window.jupyterapp;
  await shell.currentWidget.context.ready;
  await shell.currentWidget.sessionContext.ready;
  await commands.execute("notebook:run-all-cells");
}"""
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell) => {
  const outputs = cell.model.type === "code" ? cell.model.outputs.toJSON() : [];
  return outputs.filter((output) => output.output_type === "error").map((output) => `${output.ename}: ${output.evalue}`); })"""
FACES = """() => [...document.querySelectorAll(".jp-OutputArea-output *")].filter((node) => node.shadowRoot?.querySelector(".lf"))
  .map((node) => node.shadowRoot.firstElementChild.__figure)"""
ASK = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel, future = kernel.requestExecute({ code });
  let said = "";
  future.onIOPub = ({ content }) => { said += content.name === "stderr" ? "" : (content.text ?? content.evalue ?? ""); };
  await future.done;
  return said;
}"""
FIND = """
import gc, json
from momentum_lib.widgets._base import LiveFigure, Number
_live = [one for one in gc.get_objects() if issubclass(type(one), LiveFigure)][0]
_name, _kind = next((name, kind) for name, kind in _live.spec().items() if kind["kind"] == "number")
print(json.dumps([_live.figure, _name, _kind["min"], _kind["max"], getattr(_live, _name)]))
"""


class Lab(NamedTuple):
    """Where a JupyterLab answers, and the folder that it shows."""

    address: str
    folder: Path


def command(arguments, folder):
    """What `make lab` starts, in a folder of our own."""
    spec = importlib.util.spec_from_file_location("course_lab", ROOT / "book" / "lab.py")
    lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lab)
    return lab.command(arguments, folder)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running JupyterLab whose folder holds the reader's edition."""
    if importlib.util.find_spec("jupyterlab") is None:
        pytest.fail("JupyterLab is not installed here; say: make clients", pytrace=False)
    folder, home = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")
    for path in EDITIONS:
        shutil.copy(path, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home)}
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command(settings, folder), env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address + "/api/status", server, home / "log")
        yield Lab(address, folder)
    finally:
        server.terminate()
        server.wait()


def wait_for(address, server, log):
    """Ask until the server answers."""
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address, timeout=120):
                return
        except urllib.error.URLError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail("JupyterLab does not start:\n" + log.read_text("utf-8")[-2000:], pytrace=False)
            time.sleep(0.1)


@pytest.fixture(scope="module")
def chromium():
    with live.browser() as launched:
        yield launched


def opened(context, lab, name):
    """A chapter in JupyterLab, all its cells laid out at once; a list of what the console calls an error."""
    page, errors = context.new_page(), []

    def hear(message):  # the server of JupyterLab's code helpers is not installed, and JupyterLab asks for it all the same
        if message.type == "error" and "/lsp/status" not in message.location["url"]:
            errors.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{lab.address}/lab/tree/{name}?reset")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.isReady")
    page.evaluate("() => { const book = window.jupyterapp.shell.currentWidget.content;"
                  " book.notebookConfig = { ...book.notebookConfig, windowingMode: 'none' }; }")  # fmt: skip
    return page, errors


@pytest.mark.parametrize("path", EDITIONS, ids=lambda path: path.stem)
def test_a_chapter_runs_in_jupyterlab(chromium, lab, path):
    with live.new_context(chromium, viewport={"width": 1366, "height": 1000}) as context:
        context.set_default_timeout(600_000)
        page, errors = opened(context, lab, path.name)
        page.evaluate(RUN)
        assert page.evaluate(ERRORS) == []
        page.wait_for_function(f"({FACES})().length > 0")
        both_ways(page)
        assert errors == []
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"lab-{path.stem}.png")
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")


SAVED = {
    "cells": [
        {"cell_type": "code", "id": "figure", "metadata": {}, "execution_count": None, "outputs": [],
         "source": "from momentum_lib.widgets import Ravine\n\nRavine()"},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
SEEN = """() => [...document.querySelectorAll(".jp-OutputArea-child")].filter((one) => one.offsetHeight > 0)
  .map((one) => one.querySelector(".momentum-live") ? "figure" : one.querySelector(".momentum-picture img") ? "picture"
    : one.innerText)"""


@pytest.mark.parametrize("states", [False, True], ids=["as JupyterLab saves", "with states"])
def test_a_saved_notebook_shows_its_figures_again(chromium, lab, states):
    """Run, saved, its kernel ended, opened again: a picture and what to do, or the figure itself; never "model not found"."""
    path = lab.folder / f"saved-{states}.ipynb"
    path.write_text(json.dumps(SAVED), "utf-8")
    with live.new_context(chromium, viewport={"width": 1366, "height": 1000}) as context:
        context.set_default_timeout(120_000)
        page, errors = opened(context, lab, path.name)
        page.evaluate(RUN)
        page.wait_for_function(f"JSON.stringify(({SEEN})()) === '[\"figure\"]' && document.querySelector('.momentum-picture')")
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")
        assert errors == []
    kept = json.loads(path.read_text("utf-8"))
    assert "Run this cell" in "".join(kept["cells"][0]["outputs"][1]["data"]["text/html"])
    assert "widgets" in kept["metadata"]  # make lab's setting
    if not states:
        del kept["metadata"]["widgets"]
        path.write_text(json.dumps(kept), "utf-8")
    with live.new_context(chromium, viewport={"width": 1366, "height": 1000}) as context:
        context.set_default_timeout(120_000)
        page, _ = opened(context, lab, path.name)
        wanted = "figure" if states else "picture"
        page.wait_for_function(f"JSON.stringify(({SEEN})().filter(Boolean)) === '[\"{wanted}\"]'")
        assert "not found" not in page.evaluate("document.querySelector('.jp-Notebook').innerText")
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"lab-saved-{states}.png")
        page.evaluate(RUN)
        page.wait_for_function(f"JSON.stringify(({SEEN})()) === '[\"figure\"]'")
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")


def both_ways(page):
    """A value that Python sets is drawn; a value set in the figure is Python's."""
    figure, name, low, high, now = json.loads(page.evaluate(ASK, FIND))
    faces = f"({FACES})().filter((face) => face && face.numbers().state[{json.dumps(name)}] !== undefined)"
    for part in (0.25, 0.4):
        page.evaluate(ASK, f"_live.{name} = {low + part * (high - low)}")
        kept = json.loads(page.evaluate(ASK, f"print(_live.{name})"))
        page.wait_for_function(f"(value) => {faces}.some((face) => face.numbers().state[{json.dumps(name)}] === value)", arg=kept)
    chosen = page.evaluate(
        f"(value) => {{ const face = {faces}.find((one) => one.numbers().state[{json.dumps(name)}] === value);"
        f" face.model.set({json.dumps(name)}, {json.dumps(now)}); face.model.save_changes(); return true; }}",
        kept,
    )
    end = time.monotonic() + 60  # the message to the kernel takes its time
    while json.loads(page.evaluate(ASK, f"print(_live.{name})")) != now and time.monotonic() < end:
        page.wait_for_timeout(20)
    assert chosen and json.loads(page.evaluate(ASK, f"print(_live.{name})")) == now, figure
