"""``hf auth login`` of the real client against a live hub, with a person who types the code into a browser."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import IO

import httpx
import pytest

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from tests.fixtures.clients import NO_XET, Clients, Release
from tests.fixtures.servers import Live

pytestmark = pytest.mark.compat
NEWEST = Release("2.4", "client-2", NO_XET)
LOGIN_TIMEOUT_S = 60


def _approve(live: Live, code: str) -> None:
    """Alice, at her browser, lets the program in that shows ``code``."""
    assert live.cast is not None
    database = live.database()
    with database.write() as db:
        secret = accounts.open_session(db, live.cast.alice.id, life_s=600)
    database.close()
    with httpx.Client(base_url=live.url, cookies={SESSION_COOKIE: secret}, headers={"origin": live.url}) as browser:
        page = browser.get("/device", params={"user_code": code}).text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token is not None, page
        form = {"csrf": token[1], "user_code": code, "answer": "approve", "reach": "write"}
        assert "signed in as alice" in browser.post("/device", data=form).text


def _code(said: IO[str]) -> str:
    lines = ""
    for line in said:
        lines += line
        found = re.search(r"code:? ([A-Z]{4}-[A-Z]{4})", line)
        if found:
            return found[1]
    raise AssertionError(f"no code was shown: {lines}")


def test_sign_in_by_browser_then_work_renew_and_leave(clients: Clients, live: Live) -> None:
    variables = clients.variables(NEWEST, live, cache="login") | {"PYTHONUNBUFFERED": "1", "HF_HUB_VERBOSITY": "info"}
    hf = ["hf", "auth", "login", "--force"]
    with subprocess.Popen(
        hf, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as login:
        assert login.stdout is not None
        _approve(live, _code(login.stdout))
        said = login.stdout.read()
        assert login.wait(LOGIN_TIMEOUT_S) == 0, said

    run: Callable[..., str] = lambda *command: clients.program(list(command), NEWEST, live, cache="login")  # noqa: E731
    assert "alice" in run("hf", "auth", "whoami")
    name = re.search(r"hf-login-\d{8}-\w{6}", run("hf", "auth", "list"))
    assert name is not None
    run("hf", "repos", "create", "by-login")
    listed = json.loads(run("hf", "repos", "list", "--format", "json"))
    assert "alice/by-login" in [row["id"] for row in listed]

    # The client renews in the last day of a token: pretend that this is it.
    program = (
        "import configparser, time; from huggingface_hub import constants, get_token, whoami;"
        "path = constants.HF_STORED_TOKENS_PATH; stored = configparser.ConfigParser(); stored.read(path);"
        f"section = stored['{name[0]}']; before = section['hf_token'];"
        "section['expires_at'] = str(int(time.time()) + 60); stored.write(open(path, 'w'));"
        "after = get_token(); assert after != before; print(whoami(after)['name'])"
    )
    assert run("python", "-c", program).strip() == "alice"
    run("hf", "auth", "switch", "--token-name", name[0])
    run("hf", "auth", "logout", "--token-name", name[0])
    assert "No stored" in run("hf", "auth", "list") or name[0] not in run("hf", "auth", "list")
