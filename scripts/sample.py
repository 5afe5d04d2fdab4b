"""What a hub looks like in use: a few people's small but real repositories, threads and settings, told over its API.

For ``make screenshots`` and for the browser test that walks over every page. Everything is made here: nothing is
fetched. The people are the cast of the tests (``tests/fixtures/people.py``).
"""

import base64
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from scripts import sample_files as files
from scripts.sample_files import Files

#: What addresses of the table of pages may name (``scripts/pages.py``): ``{commit}``, ``{webhook}``, ...
Found = dict[str, str]


def fill(url: str, tokens: Mapping[str, str]) -> Found:
    """The hub at ``url`` holds the sample; ``tokens`` are write tokens of alice, bob, charlie and root, by name."""
    people = {
        name: httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False)
        for name, token in tokens.items()
    }
    found: Found = {}
    try:
        _repositories(people, found)
        _threads(people, found)
        _marks(people, found)
        _settings(people, found)
        _served(people["alice"], found)
        _answers(people)
        _kept(people["alice"])
        _policies(people["alice"])
        _troubled(people["alice"], found)
    finally:
        for client in people.values():
            client.close()
    return found


def _call(client: httpx.Client, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = client.request(method, path, json=body, **options)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None


# ---- repositories ------------------------------------------------------------------------------------------


def _repositories(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, bob = people["alice"], people["bob"]
    _repo(alice, "lab/river-tides", files.tides())
    found["commit"] = _commit(
        alice,
        "models/lab/river-tides",
        {"README.md": files.TIDES_CARD + "\nMeasured again in spring.\n"},
        "Measure again",
    )
    found["repo"] = _call(alice, "GET", "/api/models/lab/river-tides")["_id"]
    _repo(alice, "lab/river-tides-small", files.small())
    _family(alice, bob)
    _repo(alice, "alice/letters-by-hand", {"README.md": "A first try, not for others.\n"}, private=True)
    _repo(alice, "lab/harbour-voices", {"README.md": files.VOICES_CARD, "model.safetensors": files.safetensors(7, 5)})
    _call(alice, "PUT", "/api/models/lab/harbour-voices/settings", {"gated": "manual"})
    _repo(alice, "lab/harbour-logs", files.logs(), kind="dataset")
    _repo(bob, "bob/weather-notes", files.notes(), kind="dataset")
    _repo(bob, "bob/tide-table", files.app(), kind="space", sdk="static")


def _family(alice: httpx.Client, bob: httpx.Client) -> None:
    """What came of the model of the tides: tuned, tuned again, adapted, made small, and merged."""
    tuned = {"base_model": "lab/river-tides", "license": "apache-2.0", "pipeline_tag": "text-classification"}
    _repo(
        bob,
        "bob/river-tides-nl",
        files.made(tuned | {"language": "nl"}) | {"model.safetensors": files.safetensors(64, 49)},
    )
    _repo(
        bob, "bob/river-tides-lora", files.made(tuned | {"base_model_relation": "adapter", "license": "cc-by-nc-4.0"})
    )
    for name, size in (("q8", 30), ("q4", 15)):
        _repo(
            bob,
            f"bob/river-tides-{name}",
            files.made(tuned | {"base_model_relation": "quantized"})
            | {"model.safetensors": files.safetensors(size, 49)},
        )
    small = {"base_model": "bob/river-tides-nl", "base_model_relation": "quantized", "license": "apache-2.0"}
    _repo(alice, "lab/river-tides-nl-gguf", files.made(small))
    both = {
        "base_model": ["bob/river-tides-nl", "far/sea-waves"],
        "license": "mit",
        "pipeline_tag": "text-classification",
    }
    _repo(bob, "bob/river-and-sea", files.made(both))


def _repo(
    client: httpx.Client, path: str, given: Files, *, kind: str = "model", private: bool = False, sdk: str = ""
) -> None:
    namespace, name = path.split("/")
    wish = {"name": name, "organization": namespace, "type": kind, "private": private} | ({"sdk": sdk} if sdk else {})
    _call(client, "POST", "/api/repos/create", wish)
    _commit(client, f"{kind}s/{path}", given, "Add everything")


def _commit(client: httpx.Client, repo: str, given: Files, summary: str, *, pull: bool = False) -> str:
    """The id of the commit; with ``pull``, the number of the pull request it opened."""
    lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": summary, "description": ""}}]
    for path, content in given.items():
        data = content.encode() if isinstance(content, str) else content
        value = {"path": path, "encoding": "base64", "content": base64.b64encode(data).decode()}
        lines.append({"key": "file", "value": value})
    answer = client.post(
        f"/api/{repo}/commit/main{'?create_pr=1' if pull else ''}",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.is_success, f"{repo}: {answer.status_code} {answer.text[:300]}"
    told = answer.json()
    return str(told["pullRequestUrl"].rsplit("/", 1)[1] if pull else told["commitOid"])


# ---- threads -----------------------------------------------------------------------------------------------


def _threads(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, bob, charlie = people["alice"], people["bob"], people["charlie"]
    at = "/api/models/lab/river-tides/discussions"
    question = {"title": "Does it know spring tides?", "description": "The table ends in March. **Is there more?**"}
    asked = _call(charlie, "POST", at, question | {"pullRequest": False})
    found["discussion"] = str(asked["num"])
    _call(alice, "POST", f"{at}/{found['discussion']}/comment", {"comment": "There will be: @bob reads the gauge."})
    changed = files.TIDES_CARD.replace("97.1", "97.4").replace(
        "Open the gate, or do not.", "Open the gate if it says so."
    )
    found["pull"] = _commit(bob, "models/lab/river-tides", {"README.md": changed}, "Round less", pull=True)
    remark = {"path": "README.md", "line": 16, "side": "after", "text": "As measured in **spring**?"}
    verdict = {"state": "commented", "comment": "Where does 97.4 come from?", "remarks": [remark]}
    _call(alice, "POST", f"{at}/{found['pull']}/reviews", verdict)
    merged = _commit(bob, "models/lab/river-tides-small", {"NOTES.md": "Half the layers.\n"}, "Say how", pull=True)
    _call(alice, "POST", f"/api/models/lab/river-tides-small/discussions/{merged}/merge")


# ---- routes and pipelines ----------------------------------------------------------------------------------

PIPELINE = """title: Draft, look, polish
bounds: {seconds: 60, tokens: 2000}
steps:
  - {name: draft, kind: generate, model: lab/gauge-reader, prompt: "In three sentences: {{input}}"}
  - {name: sound, kind: check, check: {kind: refusal}, refuse: I cannot answer that.}
  - name: looks
    kind: join
    steps:
      - {name: mood, kind: classify, model: lab/harbour-clerk, of: draft, labels: [calm, angry]}
      - {name: short, kind: rewrite, model: lab/harbour-clerk, of: draft}
  - {name: final, kind: rewrite, model: lab/desk, when: steps.mood.label is angry, prompt: "{{steps.short.text}}"}
"""


def _answers(people: Mapping[str, httpx.Client]) -> None:
    alice = people["alice"]
    for name, visibility in (("gauge-reader", "public"), ("harbour-clerk", "public"), ("night-watch", "private")):
        there = {"url": "https://models.example/v1", "remoteModel": name, "visibility": visibility}
        _call(alice, "POST", "/api/endpoints", {"namespace": "lab", "name": name, **there})
    reader, clerk = {"name": "lab/gauge-reader", "timeout_s": 20}, {"name": "lab/harbour-clerk", "weight": 5}
    guards = [
        {"kind": "personal", "side": "output", "does": "mask", "kinds": ["mail", "phone"]},
        {"kind": "secrets", "side": "input", "does": "block"},
    ]
    policies = {
        "lab/desk": {"kind": "fallback", "targets": ["lab/night-watch", reader, "lab/harbour-clerk"], "guards": guards},
        "lab/trial": {"kind": "canary", "targets": [reader | {"weight": 95}, clerk]},
    }
    for name, policy in policies.items():
        route = {"name": name, "policy": policy, "description": "Who answers at the desk."}
        _call(alice, "POST", "/api/routes", route)
    _repo(alice, "lab/desk-steps", {"freehold-pipeline.yaml": PIPELINE, "README.md": "How the desk answers.\n"})
    _call(alice, "POST", "/api/pipelines", {"repo": "lab/desk-steps", "name": "lab/desk-review"})


# ---- likes, collections, settings --------------------------------------------------------------------------


def _marks(people: Mapping[str, httpx.Client], found: Found) -> None:
    for name in ("alice", "bob", "charlie"):
        _call(people[name], "POST", "/api/models/lab/river-tides/like")
    _call(people["charlie"], "POST", "/api/datasets/lab/harbour-logs/like")
    _call(people["bob"], "POST", "/api/users/alice/follow")
    wish = {"title": "Water levels", "namespace": "lab", "description": "All we have about them.", "private": False}
    made = _call(people["alice"], "POST", "/api/collections", wish)
    found["collection"] = made["slug"]
    for kind, path, note in (
        ("model", "lab/river-tides", "Start here."),
        ("dataset", "lab/harbour-logs", "What it learned from."),
        ("space", "bob/tide-table", ""),
    ):
        _call(
            people["alice"],
            "POST",
            f"/api/collections/{made['slug']}/items",
            {"item": {"type": kind, "id": path}, "note": note},
        )


def _served(alice: httpx.Client, found: Found) -> None:
    """A model that answers, small enough to be made now: what it says means nothing."""
    from scripts.tiny_models import adapter, language_model

    with tempfile.TemporaryDirectory() as folder:
        weights = language_model(Path(folder) / "talk.gguf").read_bytes()
        lora = adapter(Path(folder) / "lora.gguf").read_bytes()
    _repo(alice, "lab/tide-talk", {"README.md": files.made({"license": "mit"})["README.md"], "talk.gguf": weights})
    wish = {"model": "lab/tide-talk", "context": 512, "defaults": {"temperature": 0.2}, "keepsContent": True}
    found["endpoint"] = _call(alice, "POST", "/api/endpoints", wish)["id"]
    beside = "lab/tide-talk-as-the-pilots-of-the-outer-harbour-say-it"  # as long as names are
    said = files.made({"license": "mit", "base_model": "lab/tide-talk", "base_model_relation": "adapter"})
    _repo(alice, beside, {"README.md": said["README.md"], "lora.gguf": lora})
    _call(alice, "POST", f"/api/endpoints/{found['endpoint']}/adapters", {"model": beside})
    asked = {"model": "lab/tide-talk", "messages": [{"role": "user", "content": "the river"}], "max_tokens": 8}
    unknown = asked | {"model": "lab/nobody-serves-it"}  # a line that fails
    lines = "\n".join(
        json.dumps({"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body})
        for name, body in (("first", asked), ("second", unknown))
    )
    sent = alice.post("/v1/files", data={"purpose": "batch"}, files={"file": ("asked.jsonl", lines)})
    sent.raise_for_status()
    batch = {"input_file_id": sent.json()["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    found["batch"] = _call(alice, "POST", "/v1/batches", batch)["id"]
    notes = '{"text": "Fog until nine."}\n{"remark": "torn out"}\n{"text": "A barge, late."}\n'  # a row that fails
    _repo(alice, "alice/night-notes", {"data/train.jsonl": notes}, kind="dataset", private=True)
    rows = {"dataset": "alice/night-notes", "model": "lab/tide-talk", "template": "Calm or not? {{text}}", "rows": 3}
    rows |= {"parameters": {"max_tokens": 4}, "into": "alice/night-notes-answered"}
    found["waiting"] = _call(alice, "POST", "/api/batches", rows)["id"]


def _kept(alice: httpx.Client) -> None:
    """A live call of the model that keeps what it is asked; by now it is loaded, for the batch."""
    asked = {"model": "lab/tide-talk", "messages": [{"role": "user", "content": "Is the gate shut?"}], "max_tokens": 8}
    _call(alice, "POST", "/v1/chat/completions", asked)


TALKING = """title: Twice
steps:
  - {name: first, kind: generate, model: lab/tide-talk, prompt: "{{input}}", parameters: {max_tokens: 4}}
  - {name: calm, kind: check, check: {kind: refusal}}
  - {name: last, kind: rewrite, of: first, model: lab/tide-talk, parameters: {max_tokens: 4}}
"""


def _policies(alice: httpx.Client) -> None:
    """A route with guards and a pipeline that were called, so that their pages have something to tell."""
    masks = [{"kind": "personal", "side": side, "does": "mask", "kinds": ["mail"]} for side in ("input", "output")]
    policy = {"kind": "pinned", "targets": ["lab/tide-talk"], "guards": masks}
    _call(alice, "POST", "/api/routes", {"name": "lab/gatehouse", "policy": policy, "description": "Masks addresses."})
    _repo(alice, "lab/twice", {"freehold-pipeline.yaml": TALKING, "README.md": "Said twice.\n"})
    _call(alice, "POST", "/api/pipelines", {"repo": "lab/twice", "keepsContent": True})
    for name in ("lab/gatehouse", "lab/twice"):
        said = {"role": "user", "content": "Write to lock@example.org about the tide."}
        _call(alice, "POST", "/v1/chat/completions", {"model": name, "messages": [said], "max_tokens": 4})


def _troubled(alice: httpx.Client, found: Found) -> None:
    """A model that is deployed and cannot be loaded."""
    from scripts.tiny_models import language_model

    with tempfile.TemporaryDirectory() as folder:
        weights = language_model(Path(folder) / "talk.gguf").read_bytes()
    _repo(alice, "lab/half-a-talk", {"README.md": "It was cut off.\n", "talk.gguf": weights[: len(weights) // 2]})
    found["failed"] = _call(alice, "POST", "/api/endpoints", {"model": "lab/half-a-talk", "context": 512})["id"]
    asked = {"model": "lab/half-a-talk", "messages": [{"role": "user", "content": "Is it high?"}]}
    refused = alice.post("/v1/chat/completions", json=asked)
    assert refused.status_code == 503, refused.text[:300]


def _settings(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, charlie = people["alice"], people["charlie"]
    _call(alice, "PATCH", "/api/organizations/lab/settings", {"details": "Water, measured.", "takesRequests": True})
    _call(charlie, "POST", "/api/organizations/lab/join-requests", {"message": "I keep the lock."})
    _call(alice, "POST", "/api/organizations", {"name": "quay", "fullname": "The Quay"})
    _call(alice, "POST", "/api/organizations/quay/invitations", {"user": "charlie", "role": "read"})
    answers = {"Affiliation": "The lock", "I will not clone a voice": True}
    _call(charlie, "PUT", "/api/models/lab/harbour-voices/access-request", {"fields": answers})
    for machine in (
        {"name": "Rack 2", "kind": "gpu", "memoryGb": 24, "count": 2, "default": True},
        {"name": "Old workstation", "kind": "cpu", "memoryGb": 64, "keptGb": 20},
    ):
        _call(alice, "POST", "/api/organizations/lab/machines", machine)
    _call(alice, "POST", "/api/settings/machines", {"name": "Laptop", "kind": "cpu", "memoryGb": 16})
    for search in (
        {"name": "What I may sell", "query": "filter=license:apache-2.0", "mail": "daily"},
        {"name": "Fits on any of ours", "query": "fits=lab:fleet&commercial=yes"},
        {"name": "Logs of harbours", "kind": "dataset", "query": "search=harbour", "page": False},
    ):
        _call(alice, "POST", "/api/settings/searches", search)
    bob = _call(people["bob"], "GET", "/api/whoami-v2")["id"]
    bound = {"account": "lab", "subject": f"person:{bob}", "amount_micros": 25_000_000, "calls_per_minute": 60}
    _call(alice, "PUT", "/api/usage/bounds", bound)
    price = {"kind": "name", "name": "lab/river-tides", "input_price": 100_000, "output_price": 400_000}
    _call(people["root"], "PUT", "/api/usage/prices", price)
    hook = {"url": "https://hooks.example/tides", "watched": [{"type": "org", "name": "lab"}], "domains": ["repo"]}
    found["webhook"] = _call(alice, "POST", "/api/settings/webhooks", hook)["webhook"]["id"]
    found["terms"] = _call(alice, "GET", "/api/models/lab/harbour-voices/terms")[0]["sha256"]
