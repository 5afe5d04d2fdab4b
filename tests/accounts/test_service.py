"""People, organisations, tokens and sign-in: happy, refused, in conflict."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS
from freehold.access.service import UseLog, from_credentials
from freehold.accounts import service
from freehold.accounts.errors import AccountNotFound, BadCredentials, BadName, NameTaken, SignInRefused, TokenNotFound
from freehold.accounts.tables import BrowserSession, SignInLink, Token
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from tests.fixtures.each import each
from tests.fixtures.people import Cast


def test_people_and_organisations_share_one_set_of_names(database: Database) -> None:
    with database.write() as db:
        service.create_user(db, "Ann")
        for taken in ("ann", "ANN"):
            with pytest.raises(NameTaken):
                service.create_org(db, taken)


@each("name", ["", "a b", "-a", "a-", "a--b", "a..b", "x.git", "api", "Datasets", "a/b", "a" * 97, "é"])
def test_names_that_cannot_be_are_refused(database: Database, name: str) -> None:
    with database.write() as db, pytest.raises(BadName):
        service.create_user(db, name)


def test_a_member_gets_a_role_and_then_another(database: Database, cast: Cast) -> None:
    with database.write() as db:
        lab, bob = service.account(db, "lab"), service.account(db, "Bob")
        assert service.set_role(db, lab, bob, "read").role == "read"
        assert service.set_role(db, lab, bob, "admin").role == "admin"
        with pytest.raises(BadRequest, match="contributor"):
            service.set_role(db, lab, bob, "king")
        with pytest.raises(BadRequest):
            service.set_role(db, bob, lab, "read")
        with pytest.raises(AccountNotFound):
            service.account(db, "lab", kind="user")


def _bearer(secret: str) -> str:
    return f"Bearer {secret}"


def test_a_token_opens_until_it_is_revoked(database: Database, cast: Cast) -> None:
    with database.write() as db:
        token, secret = service.create_token(db, service.account(db, "alice"), "ci", "read")
        assert from_credentials(db, _bearer(secret), None).name == "alice"
        assert secret not in str(token.__dict__.values()), "the secret is kept only as a hash"
        with pytest.raises(TokenNotFound):
            service.revoke_token(db, cast.bob.id, token.id)
        service.revoke_token(db, cast.alice.id, token.id)
        with pytest.raises(BadCredentials):
            from_credentials(db, _bearer(secret), None)


def test_a_token_expires(database: Database, cast: Cast) -> None:
    with database.write() as db:
        later = clock.now() + timedelta(hours=1)
        _, secret = service.create_token(db, service.account(db, "alice"), "ci", "read", expires_at=later)
        with clock.frozen(later), pytest.raises(BadCredentials):
            from_credentials(db, _bearer(secret), None)


def test_two_tokens_of_one_person_have_two_names(database: Database, cast: Cast) -> None:
    with database.write() as db:
        alice, bob = service.account(db, "alice"), service.account(db, "bob")
        service.create_token(db, alice, "ci", "read")
        service.create_token(db, bob, "ci", "read")
        with pytest.raises(NameTaken):
            service.create_token(db, alice, "ci", "write")
        with pytest.raises(BadRequest):
            service.create_token(db, alice, "other", "everything")


@pytest.mark.parametrize("header", ["Bearer nope", "Bearer ", "Basic !!", "Basic Og==", "Digest x", "Bearer \udcff"])
def test_wrong_credentials_never_pass_as_anonymous(database: Database, cast: Cast, header: str) -> None:
    with database.read() as db, pytest.raises(BadCredentials):
        from_credentials(db, header, None)


def test_git_sends_the_token_as_a_password(database: Database, cast: Cast) -> None:
    import base64

    header = "Basic " + base64.b64encode(f"whoever:{cast.alice.token}".encode()).decode()
    with database.read() as db:
        assert from_credentials(db, header, None).id == cast.alice.id


def test_last_use_is_written_down_later(database: Database, cast: Cast) -> None:
    uses = UseLog()
    with database.read() as db:
        db.info["token_uses"] = uses
        from_credentials(db, _bearer(cast.alice.token), None)
    with database.read() as db:
        assert not db.scalars(select(Token).where(Token.last_used_at.is_not(None))).all()
    uses.flush(database)
    with database.read() as db:
        assert [t.user_id for t in db.scalars(select(Token).where(Token.last_used_at.is_not(None)))] == [cast.alice.id]


def _signed_in(db: Session, secret: str) -> str:
    return from_credentials(db, None, secret).name


def test_sign_in_by_password(database: Database) -> None:
    with database.write() as db:
        service.create_user(db, "ann", password="correct horse")
        assert _signed_in(db, service.sign_in(db, "Ann", "correct horse", life_s=60)) == "ann"
        for name, password in (("ann", "wrong"), ("nobody", "correct horse"), ("ann", "")):
            with pytest.raises(SignInRefused, match="do not belong together"):
                service.sign_in(db, name, password, life_s=60)
        with pytest.raises(BadRequest):
            service.create_user(db, "ben", password="short")


def test_nobody_signs_in_by_password_to_an_account_without_one(database: Database) -> None:
    with database.write() as db:
        service.create_user(db, "ann")
        with pytest.raises(SignInRefused):
            service.sign_in(db, "ann", "", life_s=60)


def test_a_session_ends(database: Database, cast: Cast) -> None:
    with database.write() as db:
        secret = service.open_session(db, cast.alice.id, life_s=60)
        with clock.frozen(clock.now() + timedelta(seconds=61)):
            assert from_credentials(db, None, secret) == ANONYMOUS
        service.sign_out(db, secret)
        assert from_credentials(db, None, secret) == ANONYMOUS
        assert not db.scalars(select(BrowserSession)).all()


def test_a_link_signs_in_once(database: Database, cast: Cast) -> None:
    with database.write() as db:
        secret = service.create_sign_in_link(db, service.account(db, "alice"))
        assert _signed_in(db, service.open_link(db, secret, life_s=60).session) == "alice"
        for spent in (secret, "made-up"):
            with pytest.raises(SignInRefused):
                service.open_link(db, spent, life_s=60)


def test_a_link_expires(database: Database, cast: Cast) -> None:
    with database.write() as db:
        secret = service.create_sign_in_link(db, service.account(db, "alice"))
        link = db.scalars(select(SignInLink)).one()
        with clock.frozen(link.expires_at), pytest.raises(SignInRefused):
            service.open_link(db, secret, life_s=60)
