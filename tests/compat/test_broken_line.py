"""A download that breaks off goes on where it stopped; one whose client was killed leaves nothing half-done behind."""

import subprocess

import pytest

from tests.compat.bad_line import bad_line
from tests.fixtures.clients import SCRIPTS, Clients, Release
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

CUT_AFTER_BYTES = 3_000_000


def published(clients: Clients, release: Release, live: Live, repo: str) -> dict[str, str]:
    """Path -> SHA-256 of a repository with a file of 9 MB among others."""
    return clients.script(release, "send", live, token=live.tokens["alice"], repo=repo)


def test_a_cut_download_is_resumed_where_it_stopped(release: Release, clients: Clients, live: Live, repo: str):
    sent = published(clients, release, live, repo)
    with bad_line(live.port, cut_after_bytes=CUT_AFTER_BYTES, cuts=2) as line:
        assert clients.script(release, "fetch", line.url, repo=repo) == sent
    assert line.cuts_left == 0, "nothing was cut, so nothing was resumed"
    if not release.uses_xet:
        resumed = [int(given.removeprefix("bytes=").partition("-")[0]) for given in line.ranges]
        assert any(start > 0 for start in resumed), f"it started again from nothing: {line.ranges}"


def test_a_killed_client_leaves_nothing_half_done_and_can_repeat(
    release: Release, clients: Clients, live: Live, repo: str
):
    sent = published(clients, release, live, repo)
    with bad_line(live.port, cut_after_bytes=CUT_AFTER_BYTES, cuts=20, holds=True) as line:
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
