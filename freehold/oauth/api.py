"""Doors that programs call. Source: protocol/hub-api.md 7; RFC 6749, 7009, 8628; OpenID Connect Discovery 1.0.

Errors are the ones of OAuth, which programs branch on: ``{"error": ..., "error_description": ...}``.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.accounts.errors import BadCredentials
from freehold.accounts.tables import Account
from freehold.accounts.throttle import Throttle
from freehold.core.errors import HubError
from freehold.core.http import PUBLIC, Ask, base_url, door, problem
from freehold.core.routes import Router
from freehold.oauth import rules
from freehold.oauth.errors import OAuthProblem
from freehold.oauth.service import codes, devices, grants, identity, programs
from freehold.oauth.service.codes import Exchanged
from freehold.oauth.service.grants import Client, Issued

if TYPE_CHECKING:
    from freehold.oauth.service.signing import Signing

router = Router(tags=["oauth"], include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
#: Device codes that one address asks for in five minutes.
BEGINS = 60
#: Anybody may know these, a page of another site included.
OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}


# ---- what programs send ------------------------------------------------------------------------------------

# No doors: ``Authorization`` holds the program's own name and secret here, not a person's; cookies count for nothing.


@router.post("/oauth/device")
async def begin_device(request: Request) -> Response:
    return await _answered(request, _begin_device)


@router.post("/oauth/token")
async def token(request: Request) -> Response:
    return await _answered(request, _token)


@router.post("/oauth/revoke")
async def revoke(request: Request) -> Response:
    return await _answered(request, _revoke)


for endpoint in (begin_device, token, revoke):
    endpoint.action = PUBLIC  # type: ignore[attr-defined]


async def _answered(request: Request, work: Any) -> Response:
    """``work(request, form)`` in a worker thread, its problems told in OAuth's words."""
    try:
        given = await _given(request)
        answer: Response = await run_in_threadpool(work, request, given)
        return answer
    except OAuthProblem as err:
        return problem(err)
    except HubError as err:
        if err.status < 500:
            told = OAuthProblem("invalid_request", err.message)
            told.status, told.headers = err.status, err.headers
            return problem(told)
        raise


async def _given(request: Request) -> dict[str, str]:
    """The fields of a form or of a JSON object, as text. A field that comes twice is nobody's. Source: RFC 6749 3.1."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            body = await request.json()
        except ValueError as err:
            raise OAuthProblem("invalid_request", "The body is not JSON.") from err
        if not isinstance(body, dict):
            raise OAuthProblem("invalid_request", "The body is not a JSON object.")
        pairs = [(str(name), value) for name, value in body.items()]
    else:
        async with request.form(max_files=0, max_fields=50) as form:
            pairs = [(name, value) for name, value in form.multi_items()]
    found: dict[str, str] = {}
    for name, value in pairs:
        if not isinstance(value, str) or name in found or len(value) > 8192 or "\x00" in value:
            raise OAuthProblem("invalid_request", f"{name[:40]} must be given once, as text.")
        found[name] = value.encode("utf-8", "replace").decode()
    return found


def _begin_device(request: Request, given: dict[str, str]) -> Response:
    address = request.client.host if request.client else ""
    throttle = _throttle(request)
    throttle.check(address)
    throttle.note_failure(address)
    with request.app.state.database.write() as db:
        begun = devices.begin(
            db,
            given.get("client_id") or _basic(request)[0],
            given.get("scope", ""),
            agent=request.headers.get("user-agent", ""),
            address=address,
        )
    page = f"{base_url(request)}/device"
    answer = {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={begun.user_code}",
        "expires_in": rules.DEVICE_CODE_S,
        "interval": rules.POLL_S,
    }
    return JSONResponse(answer, headers=NO_STORE)


def _token(request: Request, given: dict[str, str]) -> Response:
    kind = given.get("grant_type", "")
    if kind == rules.EXCHANGE_GRANT:
        raise OAuthProblem(
            "unsupported_grant_type",
            "This hub trusts no CI provider's identities. Make an access token for the job under /settings/tokens.",
        )
    # Opened before the transaction: the first time, it makes the key in one of its own.
    signing = open_signing(request) if kind == "authorization_code" else None
    with request.app.state.database.write() as db:
        client = _client(request, db, given)
        if kind == rules.DEVICE_GRANT:
            made: Issued | Exchanged | OAuthProblem = devices.poll(db, client, _needed(given, "device_code"))
        elif kind == "refresh_token":
            made = grants.renew(db, client, _needed(given, "refresh_token"))
        elif kind == "authorization_code":
            code, verifier = _needed(given, "code"), given.get("code_verifier", "")
            made = codes.exchange(db, client, code, given.get("redirect_uri", ""), verifier)
        else:
            raise OAuthProblem("unsupported_grant_type", f"{kind[:60]!r} is not a grant_type of this hub.")
        if isinstance(made, OAuthProblem):
            return problem(made)  # and commit: when it asked last, or that a grant has ended, is kept
        issued = made.issued if isinstance(made, Exchanged) else made
        answer: dict[str, Any] = {
            "access_token": issued.access_token,
            "token_type": "bearer",
            "expires_in": issued.expires_in_s,
            "scope": issued.scopes,
        }
        if issued.refresh_token is not None:
            answer["refresh_token"] = issued.refresh_token
        if isinstance(made, Exchanged) and signing and "openid" in issued.scopes.split():
            answer["id_token"] = identity.id_token(db, signing, made, client.id, base_url(request))
    return JSONResponse(answer, headers=NO_STORE)


def _revoke(request: Request, given: dict[str, str]) -> Response:
    with request.app.state.database.write() as db:
        grants.revoke(db, _client(request, db, given), _needed(given, "token"))
    return Response(status_code=200, headers=NO_STORE)


def _client(request: Request, db: Any, given: dict[str, str]) -> Client:
    name, secret = _basic(request)
    return programs.recognised(db, name or given.get("client_id", ""), secret or given.get("client_secret", ""))


def _basic(request: Request) -> tuple[str, str]:
    """Client id and secret from ``Authorization: Basic``, form-encoded within. Source: RFC 6749 2.3.1."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as err:
        raise OAuthProblem("invalid_client", "The Authorization header cannot be read.", status=401) from err
    return unquote_plus(name), unquote_plus(secret)


def _needed(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise OAuthProblem("invalid_request", f"{name} is missing.")
    return given[name]


def _throttle(request: Request) -> Throttle:
    state = request.app.state
    if not hasattr(state, "device_throttle"):
        state.device_throttle = Throttle("Too many sign-ins were begun here. Try again in {wait} s.", free=BEGINS)
    found: Throttle = state.device_throttle
    return found


def open_signing(request: Request) -> "Signing":
    """The key of this installation; the first call of a first start takes a moment to make it."""
    state = request.app.state
    if not hasattr(state, "oauth_signing"):
        from freehold.oauth.service import signing  # heavy, and most hubs never sign anything

        state.oauth_signing = signing.open_signing(state.database, state.kit.sealer)
    found: Signing = state.oauth_signing
    return found


# ---- what programs read ------------------------------------------------------------------------------------


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
@door(PUBLIC)
def discovery(ask: Ask) -> Response:
    hub = ask.base_url
    answer = {
        "issuer": hub,
        "authorization_endpoint": f"{hub}/oauth/authorize",
        "token_endpoint": f"{hub}/oauth/token",
        "device_authorization_endpoint": f"{hub}/oauth/device",
        "revocation_endpoint": f"{hub}/oauth/revoke",
        "userinfo_endpoint": f"{hub}/oauth/userinfo",
        "jwks_uri": f"{hub}/oauth/jwks",
        "scopes_supported": list(rules.SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", rules.DEVICE_GRANT],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [rules.ALGORITHM],
        "authorization_response_iss_parameter_supported": True,
        "claims_supported": [
            *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "preferred_username", "profile"),
            *("picture", "website", "email", "email_verified", "orgs"),
        ],
    }
    return JSONResponse(answer, headers=OPEN)


@router.get("/oauth/jwks")
async def jwks(request: Request) -> Response:
    signing = await run_in_threadpool(open_signing, request)
    return JSONResponse({"keys": [signing.public]}, headers=OPEN)


jwks.action = PUBLIC  # type: ignore[attr-defined]  # the key is made outside of any transaction


@router.get("/oauth/userinfo")
@router.post("/oauth/userinfo")
@door(PUBLIC, reads=True)
def userinfo(ask: Ask) -> Response:
    """Who the access token's person is, as far as its program may know. A token people made themselves tells all."""
    actor = ask.actor
    if actor.is_anonymous or actor.token is None:
        raise BadCredentials
    scopes = grants.scopes_of_token(ask.db, actor.token.token_id)
    told = "profile email" if scopes is None and not actor.token.is_fine_grained else scopes or "profile"
    user = ask.db.get_one(Account, actor.id)
    return JSONResponse(identity.claims(ask.db, user, told, ask.base_url), headers=NO_STORE)
