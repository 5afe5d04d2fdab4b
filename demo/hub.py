"""Start, drive and stop the hub, as its owner would: through the ``freehold`` command."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from demo.errors import DemoError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
COMMAND_TIMEOUT_S = 60


class Hub:
    """One hub process on one data directory; ``log`` is where its output goes."""

    def __init__(self, command: str, data: Path, host: str, port: int) -> None:
        self.command = command
        self.data = data
        self.host = host
        self.port = port
        self.url = f"http://{host}:{port}"
        self.log = data / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        """What ``freehold ARGUMENTS`` prints. Raises :class:`DemoError` with its own sentence when it fails."""
        done = subprocess.run(
            [self.command, *arguments, "--data", str(self.data)],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
            raise DemoError(f"`freehold {' '.join(arguments)}` failed: {said}")
        return done.stdout.strip()

    def start(self) -> None:
        """The hub answers requests. Raises :class:`DemoError` when the port is taken or it does not come up."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._process = self._spawn()
        ends_at = time.monotonic() + START_TIMEOUT_S
        while self.get("/health") is None:
            if self._process.poll() is not None:
                raise DemoError(f"The hub did not start. The end of {self.log}:\n{self._last_lines()}")
            if time.monotonic() > ends_at:
                self.stop()
                raise DemoError(f"The hub did not answer at {self.url} in {START_TIMEOUT_S} s; see {self.log}.")
            time.sleep(0.05)

    def wait(self) -> None:
        """Return only by Ctrl-C or SIGTERM; raises :class:`DemoError` when the hub itself ends."""
        assert self._process is not None, "wait() before start()"
        status = self._process.wait()
        raise DemoError(f"The hub ended with status {status}. The end of {self.log}:\n{self._last_lines()}")

    def stop(self) -> None:
        """The hub process is gone: asked to finish first, ended when it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def get(self, path: str, token: str = "") -> bytes | None:
        """The body of a GET on the hub; None when it does not answer 200."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310  (always our own http address)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as err:
            err.close()
            return None
        except OSError:
            return None

    def _spawn(self) -> subprocess.Popen[bytes]:
        # For its owner's eyes: the first start writes a sign-in link.
        with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            # Its own session: Ctrl-C reaches the demo alone, which then stops the hub in good order.
            return subprocess.Popen(
                [self.command, "serve", "--host", self.host, "--port", str(self.port), "--data", str(self.data)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self) -> Mapping[str, str]:
        # Nothing is printed late, and no setting of another installation leaks into the demo's.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
        return {**kept, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}

    def _last_lines(self, count: int = 15) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
        return "(it wrote nothing)"


def check_port(host: str, port: int) -> None:
    """Raise :class:`DemoError` when something else listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as err:
            raise DemoError(
                f"Port {port} needs rights that you do not have. Choose another: make demo PORT=8001"
            ) from err
        except OSError as err:
            raise DemoError(
                f"Port {port} on {host} is taken by another program (perhaps a demo that still runs). "
                f"Stop it, or choose another port: make demo PORT={port + 1}"
            ) from err
