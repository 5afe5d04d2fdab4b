"""Who is in the demo: an administrator, an organisation that owns the six repositories, and a token to paste."""

import json
import os
import time
from pathlib import Path

from demo.errors import DemoError
from demo.hub import Hub
from demo.items import NAMESPACE

#: Whom the first start of a hub makes.
ADMIN = "root"


def token_for(hub: Hub) -> str:
    """A write token of the administrator, who may write in the demo's organisation.

    A token is shown once and kept hashed, so the demo keeps its own copy in the data directory, readable by its owner
    only: without it every run would leave another token behind.
    """
    kept = hub.data / "demo-token"
    token = kept.read_text(encoding="ascii").strip() if kept.is_file() else ""
    if not (token and _may_publish(hub, token)):
        token = _new_token(hub)
        _write_private(kept, token)
    return token


def sign_in_link(hub: Hub) -> str:
    """A link that signs the administrator in, once."""
    return hub.run("user", "link", ADMIN, "--url", hub.url).splitlines()[-1].strip()


def _new_token(hub: Hub) -> str:
    said = [_tried(hub, "user", "create", ADMIN, "--admin", "--full-name", "Administrator")]
    said.append(_tried(hub, "org", "create", NAMESPACE, "--owner", ADMIN, "--full-name", "Freehold demo"))
    try:
        # The name says when: the token of an earlier run may still be there, its secret lost.
        name = time.strftime("demo-%Y%m%d-%H%M%S")
        token = hub.run("token", "create", ADMIN, "--name", name, "--scope", "write").splitlines()[-1].strip()
    except DemoError as err:
        raise DemoError("\n".join([*filter(None, said), str(err)])) from err
    if not _may_publish(hub, token):
        raise DemoError("\n".join([f"{ADMIN} may not publish in {NAMESPACE}.", *filter(None, said)]))
    return token


def _tried(hub: Hub, *arguments: str) -> str:
    """Run a command that fails when the thing is there already: what matters is checked afterwards."""
    try:
        hub.run(*arguments)
    except DemoError as err:
        return str(err)
    return ""


def _may_publish(hub: Hub, token: str) -> bool:
    answer = hub.get("/api/whoami-v2", token)
    orgs = json.loads(answer)["orgs"] if answer else []
    return any(org["name"] == NAMESPACE and org["roleInOrg"] in ("admin", "write") for org in orgs)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
        out.write(text + "\n")
