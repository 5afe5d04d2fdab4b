"""Kinds and names of repositories. Pure."""

import re

from freehold.repos.errors import BadRepoName

#: kind -> (plural in the API, prefix of pages and files). Source: protocol/hub-api.md, head.
KINDS: dict[str, tuple[str, str]] = {
    "model": ("models", ""),
    "dataset": ("datasets", "datasets/"),
    "space": ("spaces", "spaces/"),
    "kernel": ("kernels", "kernels/"),
}
KIND_OF_PLURAL = {plural: kind for kind, (plural, _) in KINDS.items()}
SDKS = ("gradio", "streamlit", "docker", "static")
VISIBILITIES = ("public", "private")
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")


def checked_name(name: str) -> str:
    """``name`` if a repository may be called so; raises :class:`BadRepoName` saying why not (hub-api.md 0.6)."""
    if not NAME.fullmatch(name) or "--" in name or ".." in name or name.lower().endswith(".git"):
        raise BadRepoName(
            f"{name[:100]!r} cannot be a repository's name: use 1 to 96 letters, digits, '-', '_' or '.', not starting "
            "or ending with '-' or '.', without '--' or '..', not ending in '.git'."
        )
    return name


def checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise BadRepoName(f"{kind[:40]!r} is not a kind of repository; use {', '.join(KINDS)}.")
    return kind


def page_path(kind: str, path: str) -> str:
    """The address of a repository's page, from the root: ``/datasets/ns/name``."""
    return f"/{KINDS[kind][1]}{path}"


def api_path(kind: str, path: str) -> str:
    return f"/api/{KINDS[kind][0]}/{path}"
