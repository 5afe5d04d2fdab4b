"""Messages as a model was taught to read them: its own chat template, which is a stranger's program.

It is run in a sandbox, in a child of its own that has no more memory and time than a prompt takes: what goes on for
ever ends there, and the call is refused. Source: transformers, utils/chat_template_utils.py.
"""

import json
import os
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from freehold.engines.programs.serving import Refused

#: For one prompt, and for the child to be there.
RENDER_S, START_S = 10, 60
MEMORY_BYTES = 512 << 20
MAX_PROMPT_CHARS = 8_000_000
MAX_WORDS = 300


class Unreadable(Exception):
    """It is no template; why."""


class Template:
    """``source`` is its text; ``given`` stands for itself in it, such as ``bos_token``. Raises :class:`Unreadable`."""

    def __init__(self, source: str, given: Mapping[str, Any], render_s: int = RENDER_S) -> None:
        self._render_s = render_s
        said = {"source": source, "given": dict(given), "render_s": render_s}
        self._first = json.dumps(said).encode() + b"\n"
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._said = b""
        with self._turn:
            self._begin()

    def prompt(self, /, **variables: Any) -> str:
        """What the template makes of ``variables``. Raises :class:`Refused` with its own words, or where it takes too
        long or too much."""
        line = json.dumps(variables).encode() + b"\n"
        with self._turn:
            if self._child is None:
                self._begin()
            said = self._asked(line, self._render_s)
        if said is None:
            raise Refused(
                f"The model's chat template took over {self._render_s} seconds, or more memory than a prompt takes: "
                "its owner has to mend it. Completions of plain text go on."
            )
        if "error" in said:
            raise Refused(f"The model's chat template does not take this: {said['error']}", param="messages")
        return str(said["prompt"])

    def close(self) -> None:
        with self._turn:
            self._end()

    def _begin(self) -> None:
        self._child = subprocess.Popen(  # a program of ours
            [sys.executable, "-s", "-P", "-m", "freehold.engines.programs.templating"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        self._said = b""
        said = self._asked(self._first, START_S)
        if said is None or "error" in said:
            self._end()
            raise Unreadable(said["error"] if said else "it takes too long, or too much memory")

    def _asked(self, line: bytes, patience_s: float) -> dict[str, Any] | None:
        """The child's next line; None: it took too long, or ended, and is gone."""
        assert self._child is not None
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        deadline = time.monotonic() + patience_s
        try:
            self._child.stdin.write(line)
            self._child.stdin.flush()
            while b"\n" not in self._said:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._child.stdout], [], [], left)[0]:
                    break
                piece = os.read(self._child.stdout.fileno(), 1 << 20)
                if not piece:
                    break
                self._said += piece
            else:
                said, _, self._said = self._said.partition(b"\n")
                found: dict[str, Any] = json.loads(said)
                return found
        except OSError:
            pass  # it ended
        self._end()
        return None

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


# ---- the child ------------------------------------------------------------------------------------------------------


def main() -> None:
    """One line of JSON in, one out: first the template, then what it is to make of each."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    memory = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(most, MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    first = json.loads(sys.stdin.buffer.readline())
    made: dict[str, Any] = {}

    def begin(given: Mapping[str, Any]) -> str:
        made["template"] = _template(given)
        return ""

    _say(begin, first, first["render_s"])
    for line in sys.stdin.buffer:
        _say(lambda given: _rendered(made["template"], given), json.loads(line), first["render_s"])


def _say(act: Callable[[Mapping[str, Any]], str], given: Mapping[str, Any], patience_s: int) -> None:
    """What ``act`` makes of it, or why nothing. It ends by the system's hand where it takes longer than it may."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + patience_s + 1, most))
    try:
        said = {"prompt": act(given)}
    except MemoryError:
        said = {"error": "it takes too much memory"}
    except Exception as err:  # a template can raise what it likes
        said = {"error": " ".join(str(err).split())[:MAX_WORDS] or type(err).__name__}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
    sys.stdout.buffer.flush()


def _template(said: Mapping[str, Any]) -> Any:
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, LoopControlExtension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}`` marks what a model learns to write: nothing to who reads."""

        tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node | list[nodes.Node]:
            next(parser.stream)
            body: list[nodes.Node] = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return body

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, indent: Any = None, **more: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **more)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, LoopControlExtension]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = time.strftime
    return environment.from_string(said["source"], globals=said["given"])


def _rendered(template: Any, variables: Mapping[str, Any]) -> str:
    found: str = template.render(variables)
    if len(found) > MAX_PROMPT_CHARS:
        raise ValueError(f"it makes over {MAX_PROMPT_CHARS:,} characters of it")
    return found


if __name__ == "__main__":
    main()
