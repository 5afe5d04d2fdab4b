"""A server that is not ours, as an engine: started on a free port, waited for, ended with the hub.

Options: ``argv`` (``{port}`` stands for the port, ``{cards}`` and ``{share}`` for how many graphics cards it was given
and which part of each), ``environment`` (``{key}`` for the key), ``health`` (a path), ``name`` (as people know it). It
is a child in this process's own group, and neither outlives the other.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from freehold.engines.programs import lifeline

LOOK_S = 0.25
#: As ``compute.local`` tells them.
CARDS, SHARE = "FREEHOLD_CARDS", "FREEHOLD_CARD_SHARE"
ANSWER_S = 5.0
#: For a server to end by itself before it is killed.
PATIENCE_S = 3.0


def main() -> None:
    # Meant for the server; this process ends after it. A function, as what is ignored stays so in a child.
    signal.signal(signal.SIGTERM, lambda *_: None)
    options = lifeline.begin(on_end=_end)
    port = _free_port()
    environment = {
        **os.environ,
        **{name: text.replace("{key}", options["key"]) for name, text in options["environment"].items()},
    }
    try:
        server = subprocess.Popen(  # noqa: S603  # an engine's own words
            [_filled(word, port) for word in options["argv"]],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env=environment,
        )
    except OSError as err:
        lifeline.refuse("not_installed", f"{options['name']} does not start: {err.strerror}.")
    while not _answers(port, options):
        if server.poll() is not None:
            lifeline.refuse(
                _word(server.returncode), f"{options['name']} ended before it was ready ({_how(server.returncode)})."
            )
        time.sleep(LOOK_S)
    lifeline.ready(port, "")
    code = server.wait()
    sys.stderr.write(f"{options['name']} ended ({_how(code)})\n")
    sys.stderr.flush()
    # The hub is to see how it ended: by the same signal, or with the same status.
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    os._exit(code if code > 0 else 1)


def _end() -> None:
    """With the whole group: first by a word, then for sure."""
    os.killpg(0, signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os.killpg(0, signal.SIGKILL)


def _filled(word: str, port: int) -> str:
    """Whole words only: a path or a name may have such brackets in it."""
    known = {"{port}": str(port), "{cards}": os.environ.get(CARDS, "1"), "{share}": os.environ.get(SHARE, "0.9")}
    return known.get(word, word)


def _free_port() -> int:
    """One that nobody has now. Somebody else may take it until the server does: then the server ends, and says so."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _answers(port: int, options: dict[str, Any]) -> bool:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{options['health']}")
    asked.add_header("Authorization", f"Bearer {options['key']}")
    try:
        with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:  # noqa: S310  # our own child
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _word(code: int) -> str:
    return "out_of_memory" if code == -signal.SIGKILL else "crashed" if code < 0 else "bad_model"


def _how(code: int) -> str:
    return f"exit status {code}" if code >= 0 else signal.Signals(-code).name


if __name__ == "__main__":
    main()
