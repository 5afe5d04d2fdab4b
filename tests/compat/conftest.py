"""Official clients in environments of their own, each call a fresh process with a fresh cache.

A script of ``tests/compat/scripts`` runs in the client's environment, asserts for itself and prints what it found as
JSON.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo import fetch, sources
from tests.fixtures.servers import Live

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CACHE = ROOT / ".demo"
ENVIRONMENT_TIMEOUT_S = 1200
SCRIPT_TIMEOUT_S = 240


@dataclass(frozen=True)
class Client:
    """One release of a client and how it moves bytes. ``environment`` names a lock file under ``requirements/``."""

    name: str
    environment: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def uses_xet(self) -> bool:
        return "HF_HUB_DISABLE_XET" not in self.variables


NO_XET = {"HF_HUB_DISABLE_XET": "1"}
#: The releases of huggingface_hub that are promised to work, by their own default transport and without Xet.
CLIENTS = (
    Client("2.4-xet", "client-2"),
    Client("2.4-lfs", "client-2", NO_XET),
    Client("1.x-xet", "client-1"),
    Client("0.36-xet", "client-0"),
    Client("0.36-lfs", "client-0", NO_XET),
    Client("0.36-hf-transfer", "client-0", {**NO_XET, "HF_HUB_ENABLE_HF_TRANSFER": "1"}),
)
#: transformers, sentence-transformers and datasets, over the newest client.
LIBRARIES = Client("libraries", "libraries")


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    """Each promised release in turn."""
    found: Client = request.param
    return found


@pytest.fixture(scope="session")
def environment() -> Callable[[str], Path]:
    """``environment("client-2")``: the folder of that environment, made when it is not there."""
    ready: dict[str, Path] = {}

    def made(name: str) -> Path:
        if name not in ready:
            folder = ROOT / ".envs" / name
            command = ["sh", str(ROOT / "scripts" / "environment.sh"), name, str(folder)]
            subprocess.run(command, check=True, timeout=ENVIRONMENT_TIMEOUT_S)
            ready[name] = folder
        return ready[name]

    return made


@dataclass(frozen=True)
class Runner:
    """Runs programs of a client's environment against a hub, with nothing of this process's own settings."""

    environment: Callable[[str], Path]
    home: Path

    def script(
        self, client: Client, name: str, hub: Live | str, *, token: str = "", cache: str = "", **given: Any
    ) -> dict[str, Any]:
        """What ``scripts/NAME.py`` printed as JSON on its last line. ``cache`` names a cache to share between calls."""
        python = self.environment(client.environment) / "bin" / "python"
        said = self.program([str(python), str(SCRIPTS / f"{name}.py"), json.dumps(given)], client, hub, token, cache)
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    def program(self, command: list[str], client: Client, hub: Live | str, token: str = "", cache: str = "") -> str:
        """The standard output of ``command``; a failure shows everything that it printed."""
        done = subprocess.run(
            command,
            cwd=self._fresh("work"),
            env=self.variables(client, hub, token, cache),
            capture_output=True,
            text=True,
            timeout=SCRIPT_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{client.name}: {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def variables(self, client: Client, hub: Live | str, token: str = "", cache: str = "") -> dict[str, str]:
        """The environment of a client's process."""
        home = self.home / cache if cache else self._fresh("cache")
        variables = {
            "PATH": f"{self.environment(client.environment) / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": hub if isinstance(hub, str) else hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            **client.variables,
        }
        if token:
            variables["HF_TOKEN"] = token
        return variables

    def _fresh(self, kind: str) -> Path:
        folder = self.home / f"{kind}-{sum(1 for _ in self.home.iterdir())}"
        folder.mkdir()
        return folder


@pytest.fixture
def run(environment: Callable[[str], Path], tmp_path: Path) -> Runner:
    """Runs scripts and programs in a client's environment."""
    home = tmp_path / "clients"
    home.mkdir()
    return Runner(environment, home)


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """A repository id under Alice that no other test of this session uses."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name).strip("-")
    return f"alice/{name[:90].strip('-')}"


@pytest.fixture(scope="session")
def real_files() -> Callable[[str], Path]:
    """``real_files("model.safetensors")``: a real file out of a pinned package, by the end of its path."""
    pinned = [*sources.load(), *sources.load(Path(__file__).with_name("gemma.toml"))]

    def found(ending: str) -> Path:
        ((package, file),) = ((p, f) for p in pinned for f in p.files if f"/{f.member}".endswith(ending))
        path = fetch.path_of(package, file, CACHE)
        if not fetch.present(package, CACHE):
            fetch.fetch(package, CACHE, lambda size_bytes: None)
        return path

    return found
