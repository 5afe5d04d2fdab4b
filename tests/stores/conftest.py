"""Each store, opened as the hub opens it: by configuration."""

from pathlib import Path

import pytest

from freehold.core.settings import Settings
from freehold.stores.store import Store, open_store


@pytest.fixture
def store(each_store: Store) -> Store:
    """An empty store of each kind in turn."""
    return each_store


@pytest.fixture
def s3_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A hub that keeps its bytes in an empty place of the S3 service."""
    service = request.getfixturevalue("s3_service")
    return Settings(
        data=tmp_path,
        store_url=f"s3://{service.new_bucket()}",
        s3_endpoint=service.endpoint,
        s3_access_key=service.access_key,
        s3_secret_key=service.secret_key,
    )


@pytest.fixture
def s3_store(s3_settings: Settings) -> Store:
    return open_store(s3_settings)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for files on their way into a store."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder
