"""Kinds inside addresses: ``{kind:plural}`` in the API, ``{kind:prefix}`` in pages and files.

Both hand the route the kind itself (``model``, ``dataset``, ``space``, ``kernel``).
"""

from starlette.convertors import Convertor, register_url_convertor

from freehold.repos.rules import KIND_OF_PLURAL, KINDS


class PluralConvertor(Convertor[str]):
    """``/api/{kind:plural}/...``: ``datasets`` comes back as ``dataset``."""

    regex = "|".join(KIND_OF_PLURAL)

    def convert(self, value: str) -> str:
        return KIND_OF_PLURAL[value]

    def to_string(self, value: str) -> str:
        return KINDS[value][0]


class PrefixConvertor(Convertor[str]):
    """``/{kind:prefix}{namespace}/...``: ``datasets/`` comes back as ``dataset``, nothing as ``model``."""

    regex = "(?:" + "|".join(prefix for _, prefix in KINDS.values() if prefix) + ")?"

    def convert(self, value: str) -> str:
        return KIND_OF_PLURAL[value.rstrip("/")] if value else "model"

    def to_string(self, value: str) -> str:
        return KINDS[value][1]


def register() -> None:
    """Make both known to the router; importing this module has done it."""
    register_url_convertor("plural", PluralConvertor())
    register_url_convertor("prefix", PrefixConvertor())


register()
