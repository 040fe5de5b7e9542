"""A headless Chromium, driven over two pipes by its DevTools protocol."""
import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile

NAMES = ("chromium", "chromium-browser", "google-chrome")


def high(descriptor):
    """The same descriptor, but none of those that the browser's pipes get."""
    number = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(descriptor)
    return number


class Browser:
    def __init__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if not program:
            raise SystemExit("no Chromium: ./dev packages test")
        self.directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self.output = map(high, os.pipe())
        self.input, answers = map(high, os.pipe())
        # The browser reads from descriptor 3 and writes to 4; the shell moves ours there.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers} {commands}<&- {answers}>&-', "bash", program,
             "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-background-networking",
             "--disable-component-update", "--disable-crash-reporter", "--font-render-hinting=none",
             f"--user-data-dir={self.directory.name}", "about:blank"],
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.directory.name})
        os.close(commands)
        os.close(answers)
        self.answers = os.fdopen(self.input, "rb")
        self.number, self.session, self.events = 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.directory.cleanup()

    def message(self):
        """The next message; messages end with NUL."""
        text = bytearray()
        while not text.endswith(b"\0"):
            part = self.answers.peek(1)
            if not part:
                raise SystemExit("the browser has ended")
            end = part.find(b"\0")
            text += self.answers.read(len(part) if end < 0 else end + 1)
        return json.loads(text[:-1])

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait_for(self, method):
        while True:
            for index, event in enumerate(self.events):
                if event["method"] == method:
                    return self.events.pop(index)
            answer = self.message()
            if "method" in answer:
                self.events.append(answer)

    def open(self, url, scheme, width, height):
        """Loads a page; returns what it said meanwhile: the console, errors, what it asked for besides itself."""
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        said = []
        for event in self.events:
            parameters = event["params"]
            if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                said.append(json.dumps(parameters)[:300])
            elif event["method"] == "Network.requestWillBeSent" and parameters["request"]["url"] != url:
                said.append("asks for " + parameters["request"]["url"])
        return said

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
