"""A small Xet client for tests: it speaks the protocol honestly, and lies where a test tells it to."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.testclient import TestClient

from freehold.xetkit import hashes, xorbs
from tests.fixtures.people import Person
from tests.xetkit.builders import Chunk, shard, stream, xorb


@dataclass(frozen=True)
class Made:
    """A xorb of our own, and what is in it."""

    body: bytes
    name: bytes
    chunks: list[bytes]

    @property
    def listed(self) -> tuple[bytes, list[tuple[bytes, int]]]:
        return self.name, [(hashes.chunk(chunk), len(chunk)) for chunk in self.chunks]

    def term(self, start: int = 0, end: int | None = None) -> "Part":
        return Part(self, start, len(self.chunks) if end is None else end)


@dataclass(frozen=True)
class Part:
    """Chunks ``[start, end)`` of a xorb, as a term of a file."""

    xorb: Made
    start: int
    end: int

    @property
    def chunks(self) -> list[bytes]:
        return self.xorb.chunks[self.start : self.end]

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


@dataclass
class Entry:
    """A file for a shard. Any field can be made a lie."""

    parts: Sequence[Part]
    file_hash: bytes = b""
    sha256: str | None = ""
    proofs: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        chunks = [chunk for part in self.parts for chunk in part.chunks]
        self.file_hash = self.file_hash or hashes.file([hashes.chunk(c) for c in chunks], [len(c) for c in chunks])
        self.sha256 = hashlib.sha256(self.data).hexdigest() if self.sha256 == "" else self.sha256
        self.proofs = self.proofs or [
            hashes.range_of(b"".join(hashes.chunk(c) for c in part.chunks)) for part in self.parts
        ]
        self.lengths = self.lengths or [len(part.data) for part in self.parts]

    @property
    def data(self) -> bytes:
        return b"".join(part.data for part in self.parts)

    @property
    def name(self) -> str:
        return hashes.text(self.file_hash)

    @property
    def record(self) -> Any:
        terms = [(p.xorb.name, n, p.start, p.end) for p, n in zip(self.parts, self.lengths, strict=True)]
        return self.file_hash, terms, self.proofs, self.sha256


def make_xorb(seed: int, count: int = 5, scheme: int | None = None) -> Made:
    """A xorb of ``count`` chunks that differ with ``seed``, in every scheme unless one is given."""
    data = stream(count * 700 + seed * 37)[seed * 37 :]
    chunks: list[Chunk] = [
        (b"%d:%d:" % (seed, at) + data[at * 700 : at * 700 + 300 + at], at % 3 if scheme is None else scheme)
        for at in range(count)
    ]
    body, name = xorb(chunks)
    return Made(body, name, [chunk for chunk, _ in chunks])


@dataclass
class Xet:
    """A person at the Xet doors of one repository."""

    client: TestClient
    person: Person
    repo: str
    kind: str = "models"
    query: str = ""

    def token(self, scope: str, rev: str = "main") -> httpx.Response:
        address = f"/api/{self.kind}/{self.repo}/xet-{scope}-token/{rev}{self.query}"
        return self.client.get(address, headers=self.person.headers)

    def headers(self, scope: str) -> dict[str, str]:
        answer = self.token(scope)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['accessToken']}"}

    def send_xorb(self, made: Made, *, body: bytes | None = None, name: str | None = None) -> httpx.Response:
        address = f"/xet/v1/xorbs/default/{name or hashes.text(made.name)}"
        return self.client.post(address, content=made.body if body is None else body, headers=self.headers("write"))

    def send_shard(self, body: bytes) -> dict[str, Any]:
        """The last event of the stream."""
        answer = self.client.post("/xet/v2/shards", content=body, headers=self.headers("write"))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/x-ndjson"
        events = [json.loads(line) for line in answer.text.splitlines()]
        assert events[0]["type"] == "validating"
        last: dict[str, Any] = events[-1]
        return last

    def register(self, *entries: Entry, listed: Sequence[Made] = ()) -> dict[str, Any]:
        return self.send_shard(shard([entry.record for entry in entries], [made.listed for made in listed]))

    def upload(self, *entries: Entry) -> None:
        """Xorbs, then the shard, all of which must be taken."""
        made = {part.xorb.name: part.xorb for entry in entries for part in entry.parts}
        for each in made.values():
            assert self.send_xorb(each).status_code == 200
        assert self.register(*entries, listed=list(made.values()))["type"] == "result"

    def plan(self, name: str, *, span: str | None = None, version: str = "v2") -> httpx.Response:
        headers = self.headers("read") | ({"Range": span} if span else {})
        return self.client.get(f"/xet/{version}/reconstructions/{name}", headers=headers)

    def download(self, name: str, span: str | None = None) -> bytes:
        """As hf-xet does: the plan, its addresses without a token, chunks picked, skipped, and the end cut."""
        answer = self.plan(name, span=span)
        assert answer.status_code == 200, answer.text
        held = {}
        for xorb_name, entries in answer.json()["xorbs"].items():
            for entry in entries:
                (ranges,) = entry["ranges"]
                first, last = ranges["bytes"]["start"], ranges["bytes"]["end"]
                got = self.client.get(entry["url"], headers={"Range": f"bytes={first}-{last}"})
                assert got.status_code == 206, got.text
                begin, end = ranges["chunks"]["start"], ranges["chunks"]["end"]
                for at, chunk in zip(range(begin, end), xorbs.chunks(got.content, end - begin), strict=True):
                    held[xorb_name, at] = bytes(chunk)
        pieces = [
            held[term["hash"], at]
            for term in answer.json()["terms"]
            for at in range(term["range"]["start"], term["range"]["end"])
        ]
        data = b"".join(pieces)[answer.json()["offset_into_first_range"] :]
        if span:
            start, end = (int(edge) for edge in span.removeprefix("bytes=").split("-"))
            data = data[: end + 1 - start]
        return data

    def ask_chunk(self, chunk: bytes, prefix: str = "default") -> httpx.Response:
        address = f"/xet/v1/chunks/{prefix}/{hashes.text(hashes.chunk(chunk))}"
        return self.client.get(address, headers=self.headers("read"))


def create_repo(client: TestClient, person: Person, name: str, *, private: bool = False, kind: str = "model") -> str:
    body = {"name": name, "type": kind, "private": private}
    answer = client.post("/api/repos/create", json=body, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return f"{person.name}/{name}"
