"""Static files: joined, named by content, kept for ever."""

import re

from starlette.testclient import TestClient

from freehold.web import assets


def test_every_address_in_the_sheet_is_a_file_we_serve() -> None:
    held = assets.load()
    sheet = held.files[assets.SHEET].body.decode()
    found = set(re.findall(r'url\("\.\./([^"]+)"\)', sheet))
    assert found
    assert found <= set(held.files)
    assert "@import" not in sheet


def test_layers_stand_in_their_order() -> None:
    sheet = assets.load().files[assets.SHEET].body.decode()
    assert sheet.index("@layer reset, base, components, modules, utilities;") < sheet.index("@layer base {")


def test_a_file_is_immutable_under_its_digest_and_gone_under_another(client: TestClient) -> None:
    address = assets.load().address("css/freehold.css")
    found = client.get(address)
    assert found.status_code == 200
    assert found.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in found.headers["cache-control"]
    assert client.get(address.replace(assets.load().digest, "0" * 16)).status_code == 404
    assert client.get(address.replace("freehold.css", "..%2f..%2fassets.py")).status_code == 404
