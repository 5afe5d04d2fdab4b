"""The pinned manifest: which packages are fetched and which files are taken from them."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MANIFEST = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True)
class SourceFile:
    """A file inside a package: ``member`` is its path there."""

    member: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Package:
    """A package of the index at one version; ``sha256`` and ``size_bytes`` are those of its archive."""

    name: str
    version: str
    archive: Literal["wheel", "sdist", "npm"]  #: of the Python index, or of npm's
    size_bytes: int
    sha256: str
    files: tuple[SourceFile, ...]


def load(path: Path = MANIFEST) -> tuple[Package, ...]:
    """Every package of the manifest, in its order."""
    packages = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
    return tuple(_package(**row) for row in packages)


def sha256_of(path: Path) -> str:
    """The hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _package(
    *,
    name: str,
    version: str,
    archive: Literal["wheel", "sdist", "npm"],
    size_bytes: int,
    sha256: str,
    files: dict[str, Any],
) -> Package:
    taken = tuple(SourceFile(member, **facts) for member, facts in files.items())
    return Package(name, version, archive, size_bytes, sha256, taken)
