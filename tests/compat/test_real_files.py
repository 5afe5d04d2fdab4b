"""Real models and data sets go up by Xet and by LFS, and come back by Xet and by plain GET with the same SHA-256."""

import os
from pathlib import Path

import pytest

from demo import items, sources
from tests.fixtures.clients import RELEASES, Clients
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(900)]

XET, LFS, OLD_XET, HF_TRANSFER = RELEASES[0], RELEASES[1], RELEASES[3], RELEASES[5]
GEMMA_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
WAYS = pytest.mark.parametrize("writer", [XET, LFS], ids=["by-xet", "by-lfs"])


@pytest.fixture(scope="module")
def gemma(real_files, tmp_path_factory) -> Path:
    """Gemma 3 270M, 253 MB, joined from its four parts."""
    path = tmp_path_factory.mktemp("gemma") / "gemma-3-270m-q4_k_m.gguf"
    with path.open("wb") as out:
        for number in range(4):
            out.write(real_files(f".part0{number}").read_bytes())
    assert sources.sha256_of(path) == GEMMA_SHA256
    return path


@WAYS
def test_a_large_model_keeps_its_bytes(writer, clients: Clients, live: Live, repo: str, gemma: Path):
    files = {"gemma.gguf": str(gemma)}
    sent = clients.script(writer, "send_files", live, token=live.tokens["alice"], repo=repo, files=files)
    assert sent["large"] == ["gemma.gguf"]
    assert not writer.uses_xet or sent["xet"] == sent["large"]
    for reader in (XET, LFS, OLD_XET, HF_TRANSFER):  # the last one asks for many ranges at once
        assert clients.script(reader, "fetch", live, repo=repo) == {"gemma.gguf": GEMMA_SHA256}


@WAYS
@pytest.mark.parametrize("item", items.ITEMS, ids=lambda item: item.name)
def test_the_demo_set_keeps_its_bytes(item, writer, clients: Clients, live: Live, repo: str, real_files, tmp_path):
    packages = {package.name: package for package in sources.load()}
    members = {f"/{file.member}" for file in packages[item.package].files}

    def find(ending: str) -> Path:
        (member,) = (member for member in members if member.endswith(ending))
        return real_files(member)

    files = {path: os.fspath(file) for path, file in item.files(find, tmp_path / "made").items()}
    given = {"repo": repo, "kind": item.kind, "files": files}
    sent = clients.script(writer, "send_files", live, token=live.tokens["alice"], **given)
    assert not writer.uses_xet or sent["xet"] == sent["large"]
    for reader in (XET, LFS):
        assert clients.script(reader, "fetch", live, repo=repo, kind=item.kind) == sent["hashes"]
