"""What a page says to paste, pasted: each line by itself, by whoever knows nothing of this hub but the page."""

from pathlib import Path

import pytest

from tests.compat.pasting import lines_of, run
from tests.fixtures.clients import LIBRARIES, Clients
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(900)]


def test_the_lines_of_a_data_set_run(clients: Clients, live: Live, repo: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\ngood,1\nbad,0\n")
    script = (
        "import sys; from huggingface_hub import HfApi; api = HfApi(); repo, path = sys.argv[1:];"
        "api.create_repo(repo, repo_type='dataset');"
        "api.upload_file(path_or_fileobj=path, path_in_repo='data/my rows.csv', repo_id=repo, repo_type='dataset')"
    )
    python = clients.environment(LIBRARIES.environment) / "bin" / "python"
    clients.program([str(python), "-c", script, repo, str(rows)], LIBRARIES, live, live.tokens["alice"])
    told = lines_of(live, f"/datasets/{repo}")
    assert {"datasets", "pandas", "hf", "huggingface-hub", "curl", "git"} <= set(told)
    for key in ("datasets", "pandas", "hf", "huggingface-hub", "curl", "git"):
        run(clients, told[key])
