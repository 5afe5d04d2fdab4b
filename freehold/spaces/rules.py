"""Pure decisions: which keys and values an environment takes, which volumes may be, which file is the app."""

import re
from collections.abc import Mapping
from typing import Any

from freehold.repos.rules import KINDS
from freehold.spaces.errors import BadValue, BadVolume

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_KEY_CHARS = 200
MAX_VALUE_BYTES = 64 << 10
MAX_DESCRIPTION_CHARS = 500
MAX_VALUES = 200  # of both sorts together
MAX_VOLUMES = 20
FLAVOR = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MAX_SLEEP_S = 366 * 86400
#: The file that a Space runs when its card names none. Source: the public hub's configuration reference of Spaces.
APP_FILES = {"gradio": "app.py", "streamlit": "app.py", "static": "index.html"}


def checked_key(key: str) -> str:
    if not KEY.fullmatch(key) or len(key) > MAX_KEY_CHARS:
        raise BadValue(
            f"{key[:60]!r} cannot be a key: use up to {MAX_KEY_CHARS} letters, digits and '_', and no digit first."
        )
    return key


def checked_value(value: str) -> str:
    """``value`` if an environment can hold it. The message never repeats it: it may be a secret."""
    if "\x00" in value or not _encodable(value):
        raise BadValue("The value holds a NUL or half a character, which no environment can hold.")
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise BadValue(f"The value is longer than {MAX_VALUE_BYTES >> 10} KiB: put it into a file of the repository.")
    return value


def checked_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION_CHARS or "\x00" in text or not _encodable(text):
        raise BadValue(f"A description takes up to {MAX_DESCRIPTION_CHARS} characters, and no NUL.")
    return text


def checked_flavor(flavor: str) -> str:
    if not FLAVOR.fullmatch(flavor):
        raise BadValue(f"{flavor[:60]!r} is not a name of hardware, such as cpu-basic.")
    return flavor


def checked_sleep_time(seconds: int) -> int | None:
    """``seconds``, or None for -1: never put to sleep."""
    if seconds == -1:
        return None
    if not 0 <= seconds <= MAX_SLEEP_S:
        raise BadValue(f"A sleep time is -1 (never) or 0 to {MAX_SLEEP_S} seconds.")
    return seconds


def checked_volume(given: Mapping[str, Any]) -> dict[str, Any]:
    """A volume as it is kept, with the keys that clients send and read. Source: protocol/hub-api.md 10."""
    kind, mount = given["type"], given["mountPath"]
    if kind == "bucket":
        raise BadVolume("This hub has no buckets yet: mount a model or a dataset.")
    if kind not in KINDS:
        raise BadVolume(f"{str(kind)[:40]!r} cannot be mounted; a volume is a model, a dataset or a space.")
    if not mount.startswith("/") or mount == "/" or ".." in mount.split("/"):
        raise BadVolume(f"{mount[:60]!r} is not a place to mount a volume: name a folder by its path from the root.")
    if given.get("readOnly") is False:
        raise BadVolume("A repository can only be mounted for reading.")
    kept = {"type": kind, "source": given["source"], "mountPath": mount, "readOnly": True}
    return kept | {name: given[name] for name in ("revision", "path") if given.get(name)}


def app_file(sdk: str | None, card: Mapping[str, Any]) -> str:
    """The file that must be there for a Space to run."""
    named = card.get("app_file")
    if sdk == "docker":
        return "Dockerfile"
    return named if isinstance(named, str) and named else APP_FILES.get(sdk or "", "app.py")


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
