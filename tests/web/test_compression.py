"""Pages and static files go compressed, where nobody learns from their length."""

import gzip
import re

from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from freehold.web import assets
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

#: A first visit to any page that is no viewer, pictures apart.
MOST_FIRST_VISIT_BYTES = 150_000


def _length(client: TestClient, address: str, **headers: str) -> int:
    return int(client.get(address, headers=headers).headers["content-length"])


def test_static_texts_are_compressed_once_for_who_takes_it(client: TestClient) -> None:
    for path in ("css/freehold.css", "js/vendor/htmx.min.js", "img/icons.svg"):
        address, plain = assets.load().address(path), assets.load().files[path].body
        packed = client.get(address, headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["content-encoding"] == "gzip" and packed.content == plain
        assert packed.headers["vary"] == "Accept-Encoding"
        assert int(packed.headers["content-length"]) < len(plain) / 2
        for refused in ("identity", "br", "gzip;q=0"):
            assert "content-encoding" not in client.get(address, headers={"Accept-Encoding": refused}).headers
    font = client.get(assets.load().address("fonts/sans-400.woff2"), headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in font.headers, "a font is compressed already"


def test_a_page_is_compressed_unless_another_site_asked_for_it(client: TestClient) -> None:
    page = client.get("/models", headers={"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip" and "</html>" in page.text
    assert "Accept-Encoding" in page.headers["vary"]
    for site in ("cross-site", "same-site"):
        asked = client.get("/models", headers={"Accept-Encoding": "gzip", "Sec-Fetch-Site": site})
        assert "content-encoding" not in asked.headers
    assert client.get("/models", headers={"Sec-Fetch-Site": "same-origin"}).headers["content-encoding"] == "gzip"


def test_a_secret_that_is_shown_once_is_not_compressed(client: TestClient, database: Database, cast: Cast) -> None:
    with database.write() as db:
        secret = accounts.open_session(db, accounts.account(db, "alice").id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)
    page = client.get("/settings/tokens", headers={"Accept-Encoding": "gzip"})
    assert "no-store" in page.headers["cache-control"] and "content-encoding" not in page.headers


def test_a_form_token_never_repeats_and_each_one_is_good(client: TestClient, database: Database, cast: Cast) -> None:
    with database.write() as db:
        secret = accounts.open_session(db, accounts.account(db, "alice").id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)
    given = [re.findall(r'name="csrf" value="([^"]+)"', client.get("/models").text)[0] for _ in range(2)]
    assert given[0] != given[1]
    for token in given:
        answer = client.post("/settings/account/sessions/end", data={"csrf": token}, headers={"Origin": BASE_URL})
        assert answer.status_code == 303
    false = ("", "x", given[0][:-2], given[0] + "AA", given[0][43:] * 2, "A" * 86, "é" * 86, "=" * 86, "A" * 10_000)
    for token in false:
        answer = client.post("/settings/account/sessions/end", data={"csrf": token}, headers={"Origin": BASE_URL})
        assert answer.status_code == 403


def test_a_first_visit_is_small(client: TestClient) -> None:
    """Fonts of a page in Latin letters, style sheet, scripts and icons, and the page."""
    page = client.get("/models", headers={"Accept-Encoding": "gzip"}).text
    loaded = set(re.findall(r'(?:href|src)="(/-/static/[^"#]+)', page))
    modules = {f"js/modules/{name}.js" for name in (*re.findall(r'data-module="(\w+)"', page), "combobox")}
    fonts = {f"fonts/{name}.woff2" for name in ("sans-400", "sans-600", "serif-500", "mono-400", "mono-600")}
    loaded |= {assets.load().address(path) for path in modules | fonts}
    found = {address: _length(client, address, **{"Accept-Encoding": "gzip"}) for address in (*loaded, "/models")}
    assert sum(found.values()) < MOST_FIRST_VISIT_BYTES, found


def test_what_is_sent_can_be_read_by_anything(client: TestClient) -> None:
    address = assets.load().address("css/freehold.css")
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        assert gzip.decompress(b"".join(answer.iter_raw())) == assets.load().files["css/freehold.css"].body
