"""The catalogue of components shows each of them."""

import re

from starlette.testclient import TestClient

from freehold.web.render import PACKAGE

TEMPLATES = PACKAGE / "web" / "templates"


def test_every_component_is_shown(client: TestClient) -> None:
    page = client.get("/-/catalogue")
    assert page.status_code == 200
    made = set(re.findall(r"{% macro (\w+)\(", (TEMPLATES / "components" / "ui.html").read_text()))
    shown = set(re.findall(r"\bui\.(\w+)\(", (TEMPLATES / "web" / "catalogue.html").read_text()))
    assert made - shown == {"smooth"}, "a component that the catalogue does not show"


def test_short_figures_have_the_exact_one_within_reach(client: TestClient) -> None:
    page = client.get("/-/catalogue").text
    assert '<span class="num" title="134,515,008">134.5\u00a0M</span>' in page
    assert '<span class="num" title="90,868,376 bytes">90.9\u00a0MB</span>' in page
    assert re.search(r'<time datetime="[^"]+" title="[^"]+ UTC">2\u00a0d</time>', page)
    assert 'data-copy="3f9a1c2be80d7745a1d0c6f2b9e4477d1a2b3c4d"' in page
