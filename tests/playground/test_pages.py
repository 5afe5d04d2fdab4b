"""The playground as a page: what it offers to whom, and asking without script."""

import json
import re
from html import unescape

from freehold.core import clock
from freehold.core.ids import new_id
from freehold.usage.rules import subject_key
from freehold.usage.tables import Limit, Price
from tests.fixtures.people import Person
from tests.gateway.conftest import Hub
from tests.gateway.test_bounds import bound
from tests.playground.conftest import Tab


def test_a_model_is_talked_to_without_script(hub: Hub) -> None:
    browser = Tab(hub, hub.cast.bob)
    page = browser.get("/playground?model=lab/it&system=Be+brief.")
    assert page.status_code == 200
    assert "Be brief." in page.text
    answer = browser.post("/playground", model="lab/it", text="hello", history="[]", system="Be brief.", max_tokens="5")
    assert answer.status_code == 200, answer.text
    assert 'class="said">hello</div>' in answer.text
    assert "written in" in answer.text
    sent = hub.engine.seen[-1]
    assert [one["role"] for one in sent["messages"]] == ["system", "user"]
    assert (sent["max_tokens"], sent["temperature"]) == (5, 0)
    (meter,) = hub.meters()
    assert (meter.outcome, meter.user_id) == ("ok", hub.cast.bob.id)


def test_a_conversation_goes_on(hub: Hub) -> None:
    before = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    browser = Tab(hub, hub.cast.bob)
    browser.post("/playground", model="lab/it", text="three", history=json.dumps(before))
    assert [one["content"] for one in hub.engine.seen[-1]["messages"]] == ["one", "two", "three"]


def test_what_went_wrong_stands_on_the_page_and_what_was_typed_in_the_box(hub: Hub) -> None:
    browser = Tab(hub, hub.cast.bob)
    answer = browser.post("/playground", model="lab/it", text="long", history="[]")
    hidden = browser.post("/playground", model="lab/ours-not", text="hello", history="[]")
    assert answer.status_code == 400
    assert ">long</textarea>" in answer.text
    assert 'role="alert"' in answer.text
    assert hidden.status_code == 404


def test_two_models_answer_side_by_side(hub: Hub) -> None:
    browser = Tab(hub, hub.cast.bob)
    page = browser.get("/playground?model=lab/it&with=lab/ours").text
    answer = browser.post(
        "/playground", **{"model": "lab/it", "with": "lab/ours", "text": "hello", "history": "[]", "history_with": "[]"}
    )
    assert page.count('class="lane"') == 2
    assert answer.text.count('class="said">hello</div>') == 2
    assert len(hub.meters()) == 2


def test_where_one_of_two_models_does_not_answer_it_says_why_beside_the_other(hub: Hub) -> None:
    with hub.database.write() as db:
        who = hub.cast.bob.id
        db.add(Limit(id=new_id(), key=subject_key(who), account_id=who, calls=1, changed_at=clock.now()))
    before = json.dumps([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}])
    form = {"model": "lab/it", "with": "lab/ours", "text": "hello", "history": before, "history_with": before}
    answer = Tab(hub, hub.cast.bob).post("/playground", **form)
    assert answer.status_code == 200
    assert "written in" in answer.text and "1 call" in answer.text
    carried = [
        json.loads(unescape(one)) for one in re.findall(r'name="history(?:_with)?" value="([^"]+)"', answer.text)
    ]
    assert [len(one) for one in carried] == [4, 2], "what was not answered is no part of what goes on"
    assert ">hello</textarea>" not in answer.text
    assert [one.outcome for one in hub.meters()].count("ok") == 1


def test_a_private_model_is_offered_to_its_people_alone(hub: Hub) -> None:
    def page(name: str, who: Person) -> str:
        return str(Tab(hub, who).get(f"/playground?model={name}").text)

    assert "<option selected>lab/ours</option>" in page("lab/ours", hub.cast.bob)
    hidden, unknown = page("lab/ours", hub.cast.charlie), page("lab/nope", hub.cast.charlie)
    assert "lab/ours</option>" not in hidden
    assert hidden.count("lab/ours") == unknown.count("lab/nope")
    anonymous = hub.client.get("/playground?model=lab/it")
    assert anonymous.status_code == 200
    assert "lab/it" not in anonymous.text.split("<main", 1)[1]


def test_a_form_of_an_earlier_session_asks_nothing(hub: Hub) -> None:
    browser = Tab(hub, hub.cast.bob)
    answer = browser.post("/playground", model="lab/it", text="hello", csrf="x")
    assert answer.status_code == 403
    assert hub.engine.seen == []


def test_the_price_is_known_before_one_asks(hub: Hub) -> None:
    with hub.database.write() as db:
        db.add(
            Price(
                key="name:lab/it",
                input_price=2_000_000,
                cached_price=0,
                output_price=6_000_000,
                second_price=0,
                changed_at=clock.now(),
            )
        )
    browser = Tab(hub, hub.cast.bob)
    page = browser.get("/playground?model=lab/it").text
    assert "EUR 2.00 a million tokens read, 6.00 written" in page
    assert 'data-output-price="6000000"' in page


def test_a_browser_s_session_calls_from_the_hub_s_own_pages_alone(hub: Hub) -> None:
    """As the page's script does; SameSite=Lax and the Origin stand between another site and somebody's budget."""
    tab = Tab(hub, hub.cast.bob)
    body = {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]}
    for origin in ({"origin": "http://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        headers = {name: value for name, value in tab.headers.items() if name != "origin"} | origin
        assert hub.client.post("/v1/chat/completions", json=body, headers=headers).status_code == 403
        rated = {**body, "answer": "x", "rating": "up"}
        assert hub.client.post("/api/feedback", json=rated, headers=headers).status_code == 403
    assert hub.engine.seen == []
    assert hub.client.post("/v1/chat/completions", json=body, headers=tab.headers).status_code == 200


def test_an_answer_that_a_budget_ended_is_cut_in_the_meters_and_says_so(hub: Hub) -> None:
    bound(hub, 3)
    answer = Tab(hub, hub.cast.alice).post("/playground", model="lab/it", text="large", history="[]")
    assert answer.status_code == 200, answer.text
    assert "cut off: the budget was spent" in answer.text
    assert [one.outcome for one in hub.meters()] == ["cut"]


def test_over_budget_it_leads_to_what_was_used(hub: Hub) -> None:
    bound(hub, 3, spent=3)
    answer = Tab(hub, hub.cast.alice).post("/playground", model="lab/it", text="hello", history="[]")
    assert answer.status_code == 429
    assert "is spent" in answer.text and '<a href="/settings/usage">What you used</a>' in answer.text
    assert ">hello</textarea>" in answer.text
    assert 'href="/settings/usage">What you used' not in Tab(hub, hub.cast.bob).get("/playground?model=lab/it").text
