"""What a browser sees of a page: time to the first content, bytes and requests of a first visit, Lighthouse's marks."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.machine import ROOT, Missing, clean_environment, needs

LIGHTHOUSE = ROOT / ".envs" / "lighthouse"
LIGHTHOUSE_TIMEOUT_S = 180
MARKS = ("performance", "accessibility", "best-practices")
#: A page is there when nothing more came for so long; one that polls for ever counts as it is at the limit.
QUIET_MS = 1_500
SETTLE_MS = 15_000


@dataclass(frozen=True)
class Visit:
    """A first visit, nothing cached: milliseconds to the first content; bytes on the wire without pictures."""

    first_content_ms: float
    sent_bytes: int
    requests: int


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window. Raises :class:`Missing`."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=needs("chromium", "chromium"), args=flags)
        try:
            yield browser
        finally:
            browser.close()


def visit(browser: Browser, url: str) -> Visit:
    """``url`` opened by somebody who was never here."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        wire = _Wire(context.new_cdp_session(page))
        page.goto(url, wait_until="load", timeout=4 * SETTLE_MS)
        wire.settle(page)
        first = page.evaluate(
            "performance.getEntriesByType('paint').find(one => one.name === 'first-contentful-paint')?.startTime ?? -1"
        )
        return Visit(float(first), wire.sent_bytes, wire.requests)
    finally:
        context.close()


class _Wire:
    """Counts what comes over the network, as it was sent: compressed, heads included."""

    def __init__(self, session: CDPSession) -> None:
        self.requests = 0
        self.sent_bytes = 0
        self._pictures: set[str] = set()
        session.send("Network.enable")
        session.on("Network.responseReceived", self._on_response)
        session.on("Network.loadingFinished", self._on_finished)

    def settle(self, page: Page) -> None:
        for _ in range(SETTLE_MS // QUIET_MS):
            before = self.sent_bytes
            page.wait_for_timeout(QUIET_MS)
            if self.sent_bytes == before:
                return

    def _on_response(self, event: dict[str, object]) -> None:
        self.requests += 1
        if event["type"] == "Image":
            self._pictures.add(str(event["requestId"]))

    def _on_finished(self, event: dict[str, object]) -> None:
        if str(event["requestId"]) not in self._pictures:
            self.sent_bytes += int(str(event["encodedDataLength"]).partition(".")[0])


@dataclass(frozen=True)
class Judged:
    """Lighthouse's marks, 0 to 100 each, and what it found wrong where a mark is not 100."""

    marks: dict[str, int]
    wrong: list[str]


def judge(url: str, folder: Path) -> Judged:
    """``url`` as Lighthouse sees it on a desktop. Raises :class:`Missing`."""
    report = folder / "lighthouse.json"
    flags = "--headless=new" + (" --no-sandbox" if os.geteuid() == 0 else "")
    command = [
        *(_lighthouse(), url, "--quiet", "--preset=desktop", "--output=json", f"--output-path={report}"),
        *(f"--only-categories={','.join(MARKS)}", f"--chrome-flags={flags}", "--no-enable-error-reporting"),
    ]
    env = {**clean_environment(), "CHROME_PATH": needs("chromium", "chromium"), "CI": "1"}
    subprocess.run(command, check=True, env=env, timeout=LIGHTHOUSE_TIMEOUT_S, capture_output=True)
    told = json.loads(report.read_text())
    found = {name: told["categories"][name] for name in MARKS}
    asked = [audit["id"] for one in found.values() for audit in one["auditRefs"] if audit["weight"]]
    wrong = [name for name in asked if (told["audits"][name]["score"] or 0) < 0.9]
    wrong = [name for name in wrong if told["audits"][name]["scoreDisplayMode"] not in ("notApplicable", "manual")]
    return Judged({name: round(100 * (one["score"] or 0)) for name, one in found.items()}, wrong)


def _lighthouse() -> str:
    """The program, installed by the lock beside this file when it is not there yet."""
    if shutil.which("npm") is None:
        raise Missing("not measured: Lighthouse comes by npm, which is not on this machine")
    program = LIGHTHOUSE / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        LIGHTHOUSE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "bench" / "lighthouse" / name, LIGHTHOUSE)
        install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(install, cwd=LIGHTHOUSE, check=True, capture_output=True, timeout=600)
    return str(program)
