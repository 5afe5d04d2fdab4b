"""Two nodes on one database: what is committed on one is found on the other, by the index that it has.

That it takes two seconds at most is a figure of `make bench`: here it would say how busy the machine is.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from huggingface_hub import HfApi

from freehold.discover.index import process
from tests.fixtures.postgres import Cluster
from tests.fixtures.servers import Live

FOUND_S, READY_S = 30, 60


def _found(node: Live, query: str, token: str = "") -> list[str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{node.url}/api/models?{query}", headers=headers, timeout=20, trust_env=False)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()]


def _ready(node: Live) -> None:
    deadline = time.monotonic() + READY_S
    while "The index is ready" not in node.log:
        assert time.monotonic() < deadline, node.log[-2000:]
        time.sleep(0.1)
    time.sleep(1.5)  # the hub looks once a second


def _comes(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FOUND_S
    while not what():
        assert time.monotonic() < deadline, "it was not found"
        time.sleep(0.02)


def test_a_commit_on_one_node_is_found_on_the_other(
    serve: Callable[..., Live], postgres_cluster: Cluster, tmp_path: Path
) -> None:
    env = {"FREEHOLD_DATABASE_URL": postgres_cluster.create("two_nodes"), "FREEHOLD_INDEX": "on"}
    one = serve(env)
    two = serve({**env, "FREEHOLD_DATA": str(one.data)}, name="other", people=False)
    for node in (one, two):
        _ready(node)
    assert process.POLL_S + process.CATCH_UP_S <= 1, "between its looks a node leaves time for the two seconds"
    alice = HfApi(one.url, token=one.tokens["alice"])
    for turn in range(3):
        name = f"alice/fresh-{turn}"
        alice.create_repo(name)
        card = f"---\ntags: [fresh-{turn}]\nlicense: mit\n---\n# Fresh\n"
        alice.upload_file(path_or_fileobj=io.BytesIO(card.encode()), path_in_repo="README.md", repo_id=name)
        _comes(lambda turn=turn, name=name: _found(two, f"filter=fresh-{turn}") == [name])  # type: ignore[misc]
    alice.update_repo_settings("alice/fresh-0", private=True)
    assert _found(two, "filter=fresh-0") == [], "what is private now is shown nowhere from this moment on"
    _comes(lambda: _found(two, "filter=fresh-0", one.tokens["alice"]) == ["alice/fresh-0"])
    alice.move_repo("alice/fresh-1", "alice/moved")
    _comes(lambda: _found(two, "search=moved") == ["alice/moved"] and not _found(two, "search=fresh-1"))
    alice.delete_repo("alice/fresh-2")
    assert _found(two, "filter=fresh-2") == []
    assert all(node.log.count("The index is ready") == 1 for node in (one, two)), "followed, not built anew"
