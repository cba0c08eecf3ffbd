"""Firefox and WebKit, driven by the W3C's two protocols, with one set of hands.

    with firefox() as client:
        client.open(address)
        client.call("(selector) => document.querySelector(selector).textContent", "h1")
        client.act(mouse.down(x, y), ...)

Firefox speaks WebDriver BiDi over a socket, WebKitGTK speaks WebDriver over HTTP (in a window of Xvfb); actions are written alike
in both. Playwright drives neither: it wants builds of its own that Debian does not have.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tornado.websocket import websocket_connect

PATIENCE = 120  # seconds that only a hang takes
CALL = "async (text) => JSON.stringify(await (FUNCTION)(...JSON.parse(text)) ?? null)"
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "ui.prefersReducedMotion": 1,
}


class BrowserError(RuntimeError):
    """A browser refused a command, threw in a page, or is gone: its own words."""


class Firefox:
    """One tab of Firefox. ``connection`` sends a command of BiDi and waits for the answer."""

    name = "firefox"

    def __init__(self, connection):
        self._send = connection.send
        self._heard = connection.heard
        self.version = connection.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self._tab = connection.send("browsingContext.getTree")["contexts"][0]["context"]
        connection.send("session.subscribe", events=["log.entryAdded"])

    def open(self, address):
        """Load an address and wait for the event `load`."""
        self._send("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def call(self, function, *values):
        """Call a function of JavaScript in the page with plain values; return what it or its promise gives."""
        answer = self._send(
            "script.callFunction",
            functionDeclaration=CALL.replace("FUNCTION", function),
            arguments=[{"type": "string", "value": json.dumps(values)}],
            target={"context": self._tab},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise BrowserError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    @contextlib.contextmanager
    def inside(self):
        """Speak to the first frame of the page instead of to the page."""
        page = self._tab
        [shown] = self._send("browsingContext.getTree", root=page)["contexts"]
        self._tab = shown["children"][0]["context"]
        try:
            yield
        finally:
            self._tab = page

    def act(self, *sources):
        """Perform actions of the W3C's form: pointers and keys."""
        self._send("input.performActions", context=self._tab, actions=list(sources))
        self._send("input.releaseActions", context=self._tab)

    def resize(self, width, height):
        """Give the page a view of so many CSS pixels."""
        self._send("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})

    def picture(self):
        """What is in view, as the bytes of a PNG."""
        return base64.b64decode(self._send("browsingContext.captureScreenshot", context=self._tab)["data"])

    def problems(self):
        """Errors and warnings of the console since they were last asked for."""
        found = [f"console {entry['level']}: {entry['text']}" for entry in self._heard if entry["level"] in ("error", "warn")]
        self._heard.clear()
        return found


class WebKit:
    """One window of WebKitGTK's MiniBrowser. ``send`` asks the driver: method, path below the session, body."""

    name = "webkit"

    def __init__(self, send, version):
        self._send = send
        self.version = version

    def open(self, address):
        """Load an address and wait for the event `load`."""
        self._send("POST", "/url", {"url": address})

    def call(self, function, *values):
        """Call a function of JavaScript in the page with plain values; return what it or its promise gives."""
        script = f"""const done = arguments[1];
            ({CALL.replace("FUNCTION", function)})(arguments[0]).then((text) => done([text]), (e) => done([null, String(e)]));"""
        text, *error = self._send("POST", "/execute/async", {"script": script, "args": [json.dumps(values)]})
        if error:
            raise BrowserError(error[0])
        return json.loads(text)

    @contextlib.contextmanager
    def inside(self):
        """Speak to the first frame of the page instead of to the page."""
        self._send("POST", "/frame", {"id": 0})
        try:
            yield
        finally:
            self._send("POST", "/frame", {"id": None})

    def act(self, *sources):
        """Perform actions of the W3C's form: pointers and keys."""
        self._send("POST", "/actions", {"actions": list(sources)})
        self._send("DELETE", "/actions")

    def resize(self, width, height):
        """Give the page a view of so many CSS pixels: its bar is above; a window of GTK has at least 447."""
        bar = self.call("() => outerHeight - innerHeight") if self.call("() => outerHeight") else 0
        self._send("POST", "/window/rect", {"width": width, "height": height + bar})

    def picture(self):
        """What is in view, as the bytes of a PNG."""
        return base64.b64decode(self._send("GET", "/screenshot"))

    def problems(self):
        """Nothing: WebDriver has no console. What went wrong in the page is told by `site.WATCH`."""
        return []


# --- Firefox ------------------------------------------------------------------------------------------------------------------
class _Socket:
    """A connection of BiDi: commands wait for their answers, what the console said is kept in ``heard``."""

    def __init__(self, address):
        self.heard = []
        self._waiting, self._numbers, self._loop = {}, itertools.count(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._socket = self._wait(self._connect(address))

    def send(self, method, **parameters):
        return self._wait(self._ask(method, parameters))

    def close(self):
        self._loop.call_soon_threadsafe(self._socket.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, PATIENCE), self._loop).result()

    async def _connect(self, address):
        return await websocket_connect(address, on_message_callback=self._receive, max_message_size=2**28)

    async def _ask(self, method, parameters):
        number = next(self._numbers)
        self._waiting[number] = self._loop.create_future()
        await self._socket.write_message(json.dumps({"id": number, "method": method, "params": parameters}))
        return await self._waiting[number]

    def _receive(self, text):
        message = json.loads(text) if text is not None else {"type": "closed"}
        if message["type"] == "closed":
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(BrowserError("Firefox closed the connection"))
        elif message["type"] == "event":
            self.heard.append(message["params"])
        elif message["type"] == "error":
            self._waiting.pop(message["id"]).set_exception(BrowserError(f"{message['error']}: {message['message']}"))
        else:
            self._waiting.pop(message["id"]).set_result(message["result"])


@contextlib.contextmanager
def firefox(**preferences):
    """Firefox without a window, in a profile of its own; ``preferences``: as in about:config, `_` for a point."""
    asked = {**PREFERENCES, **{name.replace("_", "."): value for name, value in preferences.items()}}
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in asked.items()]
        Path(profile, "user.js").write_text("".join(lines), encoding="utf-8")
        command = [binary("firefox"), "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile]
        environment = {**os.environ, "HOME": profile, "MOZ_CRASHREPORTER_DISABLE": "1"}
        with _process(command, env=environment, stderr=subprocess.PIPE) as process:
            connection = _Socket(_said(process, r"WebDriver BiDi listening on (\S+)") + "/session")
            try:
                yield Firefox(connection)
            finally:
                connection.close()


# --- WebKit -------------------------------------------------------------------------------------------------------------------
def _http(base):
    """A function that asks a WebDriver: method, path, body."""

    def send(method, path, body=None):
        data = None if method == "GET" or method == "DELETE" else json.dumps(body or {}).encode()
        request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            told = json.load(error)["value"]
            raise BrowserError(f"{told['error']}: {told['message']}") from None

    return send


@contextlib.contextmanager
def webkit():
    """WebKitGTK's small browser in a screen of its own."""
    with contextlib.ExitStack() as stack:
        display, screen = os.pipe()
        command = [binary("Xvfb"), "-displayfd", str(screen), "-screen", "0", "1600x1300x24", "-nolisten", "tcp"]
        stack.enter_context(_process(command, pass_fds=[screen]))
        os.close(screen)
        with open(display) as said:
            number = said.readline().strip()  # to the end of the line: the server dies if it cannot write it
        port = _free_port()
        stack.enter_context(_process([binary("webkit"), f"--port={port}"], env={**os.environ, "DISPLAY": f":{number}"}))
        ask = _http(f"http://127.0.0.1:{port}")
        session = _new_session(ask)
        path = f"/session/{session['sessionId']}"
        try:
            yield WebKit(
                lambda method, below, body=None: ask(method, path + below, body), session["capabilities"]["browserVersion"]
            )
        finally:
            with contextlib.suppress(BrowserError, OSError):  # it may have crashed
                ask("DELETE", path)


def _new_session(ask):
    """A session of the driver, as soon as it listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            session = ask("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "MiniBrowser"}}})
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            ask("POST", f"/session/{session['sessionId']}/timeouts", {"script": 1000 * PATIENCE, "pageLoad": 1000 * PATIENCE})
            return session


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# --- both ---------------------------------------------------------------------------------------------------------------------
BINARIES = {
    "firefox": ("firefox-esr", "firefox"),
    "webkit": ("WebKitWebDriver",),
    "Xvfb": ("Xvfb",),
}
PACKAGES = {"firefox": "firefox-esr", "webkit": "webkit2gtk-driver", "Xvfb": "xvfb"}
LAUNCH = {"firefox": firefox, "webkit": webkit}


def binary(name):
    """The program of this name on the PATH, or an error that says which package has it."""
    found = next(filter(None, map(shutil.which, BINARIES[name])), None)
    if found is None:
        raise BrowserError(f"no {name} on the PATH; .ci/run installs it (Debian: apt-get install {PACKAGES[name]})")
    return found


def missing(client):
    """The Debian packages that a client lacks here."""
    needed = {"firefox": ["firefox"], "webkit": ["webkit", "Xvfb"]}[client]
    return [PACKAGES[name] for name in needed if not any(map(shutil.which, BINARIES[name]))]


@contextlib.contextmanager
def _process(command, **options):
    """A program that ends with the block, and its children with it."""
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen(command, start_new_session=True, **{**quiet, **options})
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _said(process, pattern):
    """Wait for a line of the process's errors; return what the pattern's group holds. What follows is read and dropped."""
    lines = []
    for line in process.stderr:
        lines.append(line.decode("utf-8", "replace"))
        if found := re.search(pattern, lines[-1]):
            threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True).start()
            return found[1]
    raise BrowserError("the browser ended before it listened:\n" + "".join(lines[-20:]))
