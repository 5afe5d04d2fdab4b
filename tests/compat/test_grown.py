"""What a company runs: two nodes, PostgreSQL and S3, chosen by settings alone; the same clients, the same promises."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.clients import NO_XET, Clients, Release
from tests.fixtures.postgres import Cluster
from tests.fixtures.seaweed import S3Service
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

XET = Release("2.4-xet", "client-2")
LFS = Release("2.4-lfs", "client-2", NO_XET)


@pytest.fixture(params=["presigned", "through the hub"])
def nodes(
    request: pytest.FixtureRequest, serve: Callable[..., Live], postgres_cluster: Cluster, s3_service: S3Service
) -> Iterator[tuple[Live, Live]]:
    """Two nodes of one installation; the second knows nobody but through the database."""
    env = {
        "FREEHOLD_DATABASE_URL": postgres_cluster.create(f"grown_{request.param_index}"),
        "FREEHOLD_STORE_URL": f"s3://{s3_service.new_bucket()}/hub",
        "FREEHOLD_S3_ENDPOINT": s3_service.endpoint,
        "FREEHOLD_S3_ACCESS_KEY": s3_service.access_key,
        "FREEHOLD_S3_SECRET_KEY": s3_service.secret_key,
        "FREEHOLD_PRESIGN": str(request.param == "presigned").lower(),
    }
    first = serve(env, name="first")
    second = serve(env, name="second", people=False)
    second.cast = first.cast
    yield first, second
    first.stop()
    second.stop()


@pytest.mark.parametrize("release", [XET, LFS], ids=lambda release: release.name)
def test_what_one_node_published_another_serves(
    release: Release, nodes: tuple[Live, Live], clients: Clients, tmp_path: Path
) -> None:
    first, second = nodes
    token = first.tokens["alice"]
    clients.script(release, "publish_and_load", first, token=token, repo="alice/grown")

    clients.program(["hf", "download", "alice/grown", "--local-dir", str(tmp_path / "one")], release, first, token)
    clients.program(["hf", "download", "alice/grown", "--local-dir", str(tmp_path / "two")], release, second, token)
    published, served = _files(tmp_path / "one"), _files(tmp_path / "two")
    assert len(published) > 5
    assert served == published

    # And what the second publishes, the first knows at once.
    (tmp_path / "news.bin").write_bytes(bytes(range(256)) * 4096)
    clients.program(["hf", "upload", "alice/grown", str(tmp_path / "news.bin"), "news.bin"], release, second, token)
    clients.program(
        ["hf", "download", "alice/grown", "news.bin", "--local-dir", str(tmp_path / "three")], release, first, token
    )
    assert (tmp_path / "three" / "news.bin").read_bytes() == (tmp_path / "news.bin").read_bytes()


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cache" not in path.relative_to(folder).parts
    }
