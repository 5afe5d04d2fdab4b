"""What files of one person take together is bounded, as their number is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freehold.batches import rules
from freehold.batches.service import files
from freehold.content.kit import Kit
from tests.batches.test_batches import begun, content, of, requests, sent
from tests.gateway.conftest import Hub


def bounded(hub: Hub, monkeypatch: pytest.MonkeyPatch, most: int) -> Kit:
    """A hub where each person keeps so many bytes."""
    state = hub.client.app.state  # type: ignore[attr-defined]
    kit: Kit = replace(state.kit, settings=replace(state.kit.settings, batch_files_bytes=most))
    monkeypatch.setattr(state, "kit", kit)
    return kit


def test_all_files_of_a_person_together_are_bounded(
    hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = requests("one")
    most = len(text) * 2
    bounded(hub, monkeypatch, most)

    def refused(text: str, who: Any = hub.cast.alice) -> Any:
        form: dict[str, Any] = {"data": {"purpose": "batch"}, "files": {"file": ("it.jsonl", text.encode())}}
        return hub.client.post("/v1/files", headers=who.headers, **form).json().get("error")

    batch_id = begun(hub, sent(hub, text))
    assert refused(text) is None
    error = refused("{}")
    assert (error["code"], error["param"]) == ("storage_limit_exceeded", "file")
    assert f"take {most}\N{NO-BREAK SPACE}B of the {most}\N{NO-BREAK SPACE}B" in error["message"]
    assert refused(text, hub.cast.bob) is None, "others have room of their own"
    work()
    answers = of(hub, batch_id)["output_file_id"]
    assert content(hub, answers), "what was asked is kept, and counts"
    for one in hub.client.get("/v1/files", headers=hub.cast.alice.headers).json()["data"]:
        if one["purpose"] == "batch":
            hub.client.delete(f"/v1/files/{one['id']}", headers=hub.cast.alice.headers)
    assert refused("x" * most), "answers take room, too"
    assert hub.client.delete(f"/v1/files/{answers}", headers=hub.cast.alice.headers).status_code == 200
    assert refused("x" * most) is None


def test_of_two_files_that_come_together_one_that_has_no_room_leaves_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = requests("other")
    kit = bounded(hub, monkeypatch, len(other) + 1)
    real, put = files.put, list[str]()

    def meanwhile(kit: Kit, held: Path) -> str:
        put.append(real(kit, held))
        monkeypatch.setattr(files, "put", real)
        with hub.database.write() as db:
            files.record(db, hub.cast.alice.id, "file-other", "it", "batch", len(other), kept_s=3600)
        return put[0]

    monkeypatch.setattr(files, "put", meanwhile)
    form: dict[str, Any] = {"data": {"purpose": "batch"}, "files": {"file": ("it.jsonl", b"{}")}}
    answer = hub.client.post("/v1/files", headers=hub.cast.alice.headers, **form)
    assert answer.json()["error"]["code"] == "storage_limit_exceeded"
    assert kit.store.size(rules.file_key(put[0])) is None
