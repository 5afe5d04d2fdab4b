"""Settings: what the instance runs with, and what can be chosen while it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.core.settings import PREFIX, Settings
from freehold.governance import access, rules
from freehold.governance.pages.forms import Csrf, Text, act
from freehold.governance.service import choices
from freehold.governance.service.choices import CHOICES, Choice
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/settings"


@dataclass(frozen=True)
class Setting:
    """One setting as this node has it; what opens something is masked."""

    name: str
    value: str
    help: str
    is_default: bool


@dataclass(frozen=True)
class SettingsPage:
    """What was chosen, with the form to choose, and every setting of this node."""

    title: str
    choices: Sequence[Choice]
    chosen: Mapping[str, str]  #: what is, or what was typed
    usual: Mapping[str, str]  #: what counts where nothing is chosen
    settings: Sequence[Setting]
    error: str
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def settings_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _settings(ask)


@router.post(ROOT)
@door(Action.ADMIN)
def choose(
    ask: Ask,
    hub_name: Text = "",
    notice: Text = "",
    sign_up: Text = "",
    founders: Text = "",
    new_repos: Text = "",
    deployers: Text = "",
    anonymous_calls: Text = "",
    audit_days: Text = "",
    token: Csrf = "",
) -> Response:
    given = {
        "hub_name": hub_name,
        "notice": notice,
        "sign_up": sign_up,
        "founders": founders,
        "new_repos": new_repos,
        "deployers": deployers,
        "anonymous_calls": anonymous_calls,
        "audit_days": audit_days,
    }
    return act(
        ask, token, lambda: choices.change(ask.db, ask.actor, given),
        to=ROOT, said="The settings are saved. They count from now on, on every node.",
        again=lambda error: _settings(ask, error, given),
    )  # fmt: skip


def _settings(ask: Ask, error: str = "", typed: Mapping[str, str] | None = None) -> Response:
    access.administer(ask.actor)
    settings: Settings = ask.kit.settings
    page = SettingsPage(
        title="Settings",
        choices=CHOICES,
        chosen={name: value[:400] for name, value in typed.items()} if typed else choices.chosen(ask.db),
        usual={
            "hub_name": "Freehold",
            "sign_up": settings.sign_up,
            "founders": settings.founders,
            "new_repos": "public",
            "deployers": settings.deployers,
            "anonymous_calls": "yes" if settings.anonymous_calls else "no",
        },
        settings=_all(settings),
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)


def _all(settings: Settings) -> list[Setting]:
    shown = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        is_default = field.name != "data" and value == field.default
        text = rules.masked(field.name, str(value))
        shown.append(Setting(PREFIX + field.name.upper(), text, field.metadata["help"], is_default))
    return shown
