"""Models of the hub as their users call them: with OpenAI's own client, and with the official InferenceClient."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.fixtures.clients import Clients, Release
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

OFFICIAL = Release("2.4", "client-2")
OPENAI = Release("openai", "openai")
QUESTION = "What is the capital of France?"


@pytest.fixture
def deployed(clients: Clients, live: Live, repo: str) -> Callable[[Path], str]:
    """``deployed(file)``: the name under which the model in it answers, and its revision."""

    def deploy(file: Path) -> str:
        clients.script(
            OFFICIAL, "send_files", live, token=live.tokens["alice"], repo=repo, files={file.name: str(file)}
        )
        headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
        asked = {"model": repo, "context": 512}
        answer = httpx.post(f"{live.url}/api/endpoints", json=asked, headers=headers, timeout=60, trust_env=False)
        assert answer.status_code == 201, answer.text
        return repo

    return deploy


def test_a_real_model_is_right_whoever_asks(
    clients: Clients, live: Live, deployed: Callable[[Path], str], real_files: Callable[[str], Path]
) -> None:
    model = deployed(real_files("SmolLM2-135M-Instruct.Q4_1.gguf"))
    given = {"model": model, "question": QUESTION}
    found = clients.script(OPENAI, "talk_openai", live, token=live.tokens["alice"], **given)
    for answer in ("said", "streamed", "responded"):
        assert "Paris" in found[answer], answer
    assert found["model"] == found["found"] == model
    assert model in found["listed"]
    assert len(found["revision"]) == 40
    assert found["tokens"] == found["streamed_tokens"] > 3
    assert (found["kinds"][0], found["kinds"][-1]) == ("response.created", "response.completed")
    assert found["named"] == [["time", ["zone"], "tool_calls", None]] * 2
    assert {one[0] for one in found["any_tool"]} <= {"weather", "time"}
    assert [one[2:] for one in found["any_tool"]] == [["tool_calls", None]] * 2
    assert found["unknown"][:2] == ["NotFoundError", "model_not_found"]
    assert model in found["unknown"][2]
    assert found["long"][:2] == ["BadRequestError", "context_length_exceeded"]
    assert "512 tokens" in found["long"][2]
    assert found["schema"][0] == "BadRequestError"
    official = clients.script(OFFICIAL, "talk_official", live, token=live.tokens["bob"], **given)
    for answer in ("said", "streamed", "own", "goes_on", "token_by_token"):
        assert "Paris" in official[answer], answer
    assert official["tokens"] == 3
