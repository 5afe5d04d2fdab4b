"""Mail, on a real SMTP server: what is said, how it threads, how it ends, and what becomes of what cannot be sent."""

import re
import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts.events import InvitationMade, PasswordResetAsked
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.core.settings import SettingsError
from freehold.inbox.service import mail
from freehold.repos import service as repos
from freehold.tasks import queue
from tests.discussions.talking import opened, post
from tests.fixtures.people import Cast
from tests.inbox.hooks import settled


class Post:
    """Keeps what is handed over; refuses recipients at ``refuses`` with that code."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.refuses = ""

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.got.append(found)
        return "250 OK"


@pytest.fixture
def office() -> Iterator[tuple[Post, str]]:
    """A mail server on loopback, and its address as the setting takes it."""
    kept = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port, ready_timeout=30)
    controller.start()
    yield kept, f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.fixture
def app(new_app: Callable[..., Starlette], office: tuple[Post, str]) -> Starlette:
    return new_app(smtp_url=office[1], public_url="https://hub.example.org", mail_from="Hub <hub@example.org>")


@pytest.fixture
def post_office(office: tuple[Post, str]) -> Post:
    return office[0]


@pytest.fixture
def mailed(app: Starlette, cast: Cast) -> Cast:
    """The cast with addresses, and Alice's model."""
    with app.state.database.write() as db:
        for who in (cast.alice, cast.bob, cast.charlie):
            db.get_one(Account, who.id).email = f"{who.name}@example.org"
        repos.create(db, cast.alice.actor, "m")
    settled(app)
    return cast


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mention_comes_by_mail_in_its_thread_with_a_way_out(
    client: TestClient, app: Starlette, mailed: Cast, post_office: Post
) -> None:
    num = opened(client, mailed.charlie, "alice/m", "A question", description="@bob <b>look</b>")
    settled(app)
    (first,) = post_office.got
    assert (first["To"], first["From"]) == ("bob@example.org", "Hub <hub@example.org>")
    assert first["Subject"] == f"A question (alice/m #{num})"
    assert f"https://hub.example.org/alice/m/discussions/{num}" in body(first)
    assert "charlie named you in" in body(first)
    assert "<b>look</b>" in body(first)
    assert "&lt;b&gt;look&lt;/b&gt;" in body(first, "html")
    post(client, mailed.bob, "alice/m", f"{num}/comment", comment="I look")
    settled(app)
    second = post_office.got[1]
    assert second["To"] == "charlie@example.org"
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = first["List-Unsubscribe"].strip("<>").removeprefix("https://hub.example.org")
    assert "Somebody names you" in client.get(address).text
    post(client, mailed.charlie, "alice/m", f"{num}/comment", comment="@bob hm")
    assert client.post(address, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    settled(app)
    assert post_office.got[2:] == [], "no more mail for being named"
    assert client.get(address[:-3] + "xyz").status_code == 400


def test_what_may_not_be_read_any_more_is_not_sent(
    client: TestClient, app: Starlette, mailed: Cast, post_office: Post
) -> None:
    opened(client, mailed.charlie, "alice/m", "A question", description="@bob look")
    for _ in range(3):  # the news is spread, the mail waits
        claimed = app.state.worker._claim()
        if claimed.task.name == "inbox.mail":
            break
        app.state.worker._run(claimed)
    with app.state.database.write() as db:
        repos.change_settings(db, mailed.alice.actor, "alice/m", repos.Changes(visibility="private"), kind="model")
    settled(app)
    app.state.worker._run(claimed)
    assert post_office.got == []


def test_invitations_and_passwords_go_out_with_their_links_and_lie_sealed(
    app: Starlette, mailed: Cast, post_office: Post
) -> None:
    with app.state.database.write() as db:
        alice = db.get_one(Account, mailed.alice.id)
        ends = clock.now()
        made = InvitationMade("i", None, "read", alice, ends, email="new@example.org", path="/join/s3cr3t-path")
        events.publish(db, made)
        events.publish(db, PasswordResetAsked(alice, ends, path="/password/s3cr3t-path"))
    with app.state.database.read() as db:
        waiting = queue.unfinished(db)
        assert len(waiting) == 2
        assert "s3cr3t" not in str([task.values for task in waiting])
    settled(app)
    assert {one["To"] for one in post_office.got} == {"new@example.org", "alice@example.org"}
    assert all(
        re.search(r"https://hub\.example\.org/(join|password)/s3cr3t-path", body(one)) for one in post_office.got
    )


def test_who_is_refused_for_good_is_parked_and_for_now_tried_again(
    app: Starlette, mailed: Cast, post_office: Post
) -> None:
    for refuses, is_parked in (("550 No such person", True), ("451 Try later", False)):
        post_office.refuses = refuses
        with app.state.database.write() as db:
            assert mail.send(db, app.state.kit, "gone@example.org", "Hello", "World")
        settled(app)
        with app.state.database.read() as db:
            task = next(one for one in queue.unfinished(db) if refuses.split()[0] in one.error)
        assert (task.due_at is None) == is_parked


def test_no_line_of_a_subject_becomes_a_header(app: Starlette, mailed: Cast, post_office: Post) -> None:
    with app.state.database.write() as db:
        assert mail.send(db, app.state.kit, "bob@example.org", "Hello\r\nBcc: x@example.org", "World")
        assert not mail.send(db, app.state.kit, "bob@example.org\r\nBcc: x@example.org", "Hello", "World")
        assert not mail.send(db, app.state.kit, "", "Hello", "World")
    settled(app)
    (one,) = post_office.got
    assert (one["Subject"], one["Bcc"]) == ("Hello Bcc: x@example.org", None)


def test_the_address_of_a_server_says_how_to_speak_to_it() -> None:
    def read(url: str) -> tuple[str, int, str]:
        found = mail.server(url)
        assert found is not None
        return found.host, found.port, found.tls

    assert read("smtp://mail.example.org") == ("mail.example.org", 25, "offered")
    assert read("smtp://me:p%40ss@mail.example.org") == ("mail.example.org", 587, "required")
    assert read("smtp://me:x@mail.example.org:2525?tls=off") == ("mail.example.org", 2525, "off")
    assert read("smtps://mail.example.org") == ("mail.example.org", 465, "always")
    assert mail.server("") is None
    for wrong in ("mail.example.org", "http://x", "smtp://", "smtp://x:99999", "smtp://x?tls=maybe"):
        with pytest.raises(SettingsError, match="FREEHOLD_SMTP_URL"):
            mail.server(wrong)
