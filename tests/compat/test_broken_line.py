"""A download that breaks off goes on where it stopped; one whose client was killed leaves nothing half-done behind."""

import subprocess

import pytest

from tests.compat.bad_line import bad_line
from tests.fixtures.clients import SCRIPTS, Clients, Release
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

#: Clients write what they receive in pieces of 10 MB, so a break costs the piece that was under way.
LARGE_BYTES = 40_000_000


def cut_after_bytes(release: Release) -> int:
    """Where to break a connection: a whole file comes through one, or by Xet its parts through many."""
    return 1_500_000 if release.uses_xet else 25_000_000


def published(clients: Clients, release: Release, live: Live, repo: str) -> dict[str, str]:
    """Path -> SHA-256 of a repository with one large file among others."""
    return clients.script(release, "send", live, token=live.tokens["alice"], repo=repo, large_bytes=LARGE_BYTES)


def test_a_cut_download_is_resumed_where_it_stopped(release: Release, clients: Clients, live: Live, repo: str):
    sent = published(clients, release, live, repo)
    # Before 1.0 a body that breaks off reaches the user, who repeats the call; it goes on where it stopped as well.
    failures = 2 if release.environment == "client-0" else 0
    with bad_line(live.port, cut_after_bytes=cut_after_bytes(release), cuts=1) as line:
        assert clients.script(release, "fetch", line.url, repo=repo, failures=failures) == sent
    assert line.cuts_left == 0, "nothing was cut, so nothing was resumed"
    if not release.uses_xet and "HF_HUB_ENABLE_HF_TRANSFER" not in release.variables:  # that one always begins anew
        resumed = [int(given.removeprefix("bytes=").partition("-")[0]) for given in line.ranges]
        assert any(start >= 10_000_000 for start in resumed), f"it started again from nothing: {line.ranges}"


def test_a_killed_client_leaves_nothing_half_done_and_can_repeat(
    release: Release, clients: Clients, live: Live, repo: str
):
    sent = published(clients, release, live, repo)
    with bad_line(live.port, cut_after_bytes=cut_after_bytes(release), cuts=20, holds=True) as line:
        python = clients.environment(release.environment) / "bin" / "python"
        process = subprocess.Popen(
            [str(python), str(SCRIPTS / "fetch.py"), f'{{"repo": "{repo}"}}'],
            env=clients.variables(release, line.url, cache="shared"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert line.silent.wait(60), "the download was over before the line could hold it"
        finally:
            process.kill()
            process.wait()
    assert clients.script(release, "fetch", live, cache="shared", repo=repo) == sent
