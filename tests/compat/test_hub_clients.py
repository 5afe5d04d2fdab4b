"""huggingface_hub as people have it installed: every promised release, by every transport it chooses."""

import re

import pytest

from freehold.accounts import service as accounts
from tests.fixtures.clients import RELEASES, Clients, Release
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]


def test_what_is_published_is_loaded_back(release: Release, clients: Clients, live: Live, repo: str):
    found = clients.script(release, "publish_and_load", live, token=live.tokens["alice"], repo=repo)
    assert re.fullmatch("[0-9a-f]{40}", found["sha"])
    if release.uses_xet:
        assert re.fullmatch("[0-9a-f]{64}", found["xet_hash"]), "it went up some other way than by Xet"


def test_every_operation_of_a_commit(release: Release, clients: Clients, live: Live, repo: str):
    found = clients.script(release, "operations", live, token=live.tokens["alice"], repo=repo, xet=release.uses_xet)
    assert found["across"] == (not release.name.startswith("0.36"))
    assert found["commits"] == 5  # initial, first, second, deletion, copy: no refused one left a trace


def test_a_folder_of_many_files(release: Release, clients: Clients, live: Live, repo: str):
    found = clients.script(release, "many_files", live, token=live.tokens["alice"], repo=repo)
    assert found["resumable"] == (not release.name.startswith("2."))


def test_each_refusal_raises_the_promised_class(release: Release, clients: Clients, live: Live, repo: str):
    cast = live.cast
    assert cast is not None
    given = {"repo": repo, "stranger": cast.charlie.token, "reader": cast.alice.read_token}
    found = clients.script(release, "refusals", live, token=cast.alice.token, **given)
    assert found["moved"] == f"{repo}-moved"


@pytest.mark.parametrize("at", [0, -2], ids=["newest", "oldest"])
def test_a_gate_from_both_sides(at: int, clients: Clients, live: Live, repo: str):
    """One release of each generation: the calls are plain JSON in all of them."""
    cast, org = live.cast, f"acme-{at % len(RELEASES)}"
    assert cast is not None
    database = live.database()
    with database.write() as db:
        made = accounts.create_org(db, org, owner=accounts.account(db, "charlie"))
        member = accounts.create_user(db, f"member-{org}")
        accounts.set_role(db, made, member, "read")
        secret = accounts.create_token(db, member, "r", "read")[1]
    database.close()
    given = {
        "owner": cast.alice.token,
        "asker": cast.charlie.token,
        "member": secret,
        "bob": cast.bob.token,
        "org": org,
    }
    found = clients.script(RELEASES[at], "gates", live, repo=repo, **given)
    assert found["accepted"] == ["bob"]


def test_a_repository_read_as_a_file_system(release: Release, clients: Clients, live: Live, repo: str):
    assert clients.script(release, "filesystem", live, token=live.tokens["alice"], repo=repo)["size"] == 8


@pytest.mark.parametrize("release", [one for one in RELEASES if not one.variables], ids=lambda release: release.name)
def test_the_rest_of_what_a_client_can_ask(release: Release, clients: Clients, live: Live, repo: str):
    found = clients.script(release, "remaining", live, token=live.tokens["alice"], repo=repo)
    assert found["codes"] == {"pause": 409, "restart": 501, "jobs": 501, "paper": 404}


def test_the_hf_command(release: Release, clients: Clients, live: Live, repo: str, tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"\0weights" * 50_000)
    (folder / "sub" / "notes.txt").write_text("notes\n")

    def hf(*arguments: str) -> str:
        return clients.program(["hf", *arguments], release, live, live.tokens["alice"])

    assert "alice" in hf("auth", "whoami")
    hf("upload", repo, str(folder), ".", "--commit-message", "From the command line")
    hf("upload", repo, str(folder / "sub" / "notes.txt"), "docs/again.txt")
    hf("download", repo, "--local-dir", str(tmp_path / "back"))
    for path in ("weights.safetensors", "sub/notes.txt"):
        assert (tmp_path / "back" / path).read_bytes() == (folder / path).read_bytes()
    assert (tmp_path / "back" / "docs" / "again.txt").read_text() == "notes\n"
    assert str(tmp_path / "one") in hf("download", repo, "sub/notes.txt", "--local-dir", str(tmp_path / "one"))


@pytest.mark.parametrize("reader", RELEASES, ids=lambda release: f"read-by-{release.name}")
@pytest.mark.parametrize("writer", RELEASES[:2], ids=lambda release: f"written-by-{release.name}")
def test_files_sent_one_way_are_read_every_way(
    writer: Release, reader: Release, clients: Clients, live: Live, repo: str
):
    token = live.tokens["alice"]
    sent = clients.script(writer, "send", live, token=token, repo=repo)
    assert clients.script(reader, "fetch", live, repo=repo) == sent
