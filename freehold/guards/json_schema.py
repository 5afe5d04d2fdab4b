"""JSON schemas as models are asked to answer them: the part that says types, members, bounds and choices.

No library: the usual one is slow to load and follows references to anywhere. What is not known here is refused when it
is saved, so that nothing seems checked that is not. Source: json-schema.org, draft 2020-12.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from freehold.guards import linear
from freehold.guards.errors import BadGuard

MAX_BYTES = 32 << 10
MAX_DEPTH = 24
#: Values times schemas looked at for one answer.
MAX_STEPS = 50_000
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float), "integer": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
_KNOWN = frozenset([
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "not", "$ref", "$defs",
    "definitions", "title", "description", "default", "examples", "$schema", "$id", "format", "strict", "name",
    "nullable",
])  # fmt: skip


def checked(value: Any) -> dict[str, Any]:
    """``value``, a JSON text or what one says, as a schema. Raises :class:`BadGuard`."""
    if isinstance(value, str):
        if len(value) > MAX_BYTES:
            raise BadGuard(f"A schema has at most {MAX_BYTES} bytes.")
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as err:
            raise BadGuard(f"The schema is no JSON: {err}.") from err
    if not isinstance(value, dict) or not value:
        raise BadGuard("A schema is a JSON object with at least a type.")
    try:
        if len(json.dumps(value)) > MAX_BYTES:
            raise BadGuard(f"A schema has at most {MAX_BYTES} bytes.")
    except (TypeError, RecursionError, ValueError) as err:
        raise BadGuard("The schema is no JSON.") from err
    _look(value, "schema", 0)
    return value


def wrong(schema: Mapping[str, Any], value: Any) -> str:
    """Where and why ``value`` is not as ``schema`` has it, without repeating the value; '' where it is."""
    return _Walk(schema).wrong(schema, value, "answer", 0)


def _look(schema: Any, at: str, depth: int) -> None:
    """Refuse what is not known here, before anybody relies on it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        raise BadGuard(f"{at} is no schema, or too deep.")
    unknown = sorted(set(map(str, schema)) - _KNOWN)
    if unknown:
        raise BadGuard(f"{at} says {unknown[0]!r}, which is not checked here.")
    types = schema.get("type", [])
    for one in types if isinstance(types, list) else [types]:
        if not isinstance(one, str) or one not in _TYPES:
            raise BadGuard(f"{at} has the type {one!r}; types are {', '.join(_TYPES)}.")
    _look_at_values(schema, at)
    for key in ("properties", "$defs", "definitions"):
        members = schema.get(key, {})
        if not isinstance(members, dict):
            raise BadGuard(f"{at}.{key} is no object.")
        for name, member in members.items():
            _look(member, f"{at}.{name}", depth + 1)
    for key in ("items", "additionalProperties", "not"):
        if key in schema:
            _look(schema[key], f"{at}.{key}", depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if not isinstance(schema.get(key, []), list):
            raise BadGuard(f"{at}.{key} is no list.")
        for number, member in enumerate(schema.get(key, [])):
            _look(member, f"{at}.{key}[{number}]", depth + 1)


def _look_at_values(schema: Mapping[str, Any], at: str) -> None:
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
                "maxItems", "minProperties", "maxProperties"):  # fmt: skip
        if key in schema and (isinstance(schema[key], bool) or not isinstance(schema[key], int | float)):
            raise BadGuard(f"{at}.{key} is no number.")
    for key in ("required", "enum"):
        if key in schema and not isinstance(schema[key], list):
            raise BadGuard(f"{at}.{key} is no list.")
    if not all(isinstance(name, str) for name in schema.get("required", [])):
        raise BadGuard(f"{at}.required is no list of names.")
    if "pattern" in schema:
        linear.compiled(str(schema["pattern"]))
    reference = schema.get("$ref", "#")
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith(("#/$defs/", "#/definitions/"))):
        raise BadGuard(f"{at} refers to {str(reference)[:80]!r}; only #/$defs/NAME of the same schema is followed.")


class _Walk:
    """One value against one schema, in a bounded number of steps."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root, self.steps = root, 0

    def wrong(self, schema: Any, value: Any, at: str, depth: int) -> str:
        self.steps += 1
        if self.steps > MAX_STEPS or depth > 3 * MAX_DEPTH:
            return f"{at} is too large to be checked"
        if isinstance(schema, bool):
            return "" if schema else f"{at} should not be there"
        if "$ref" in schema:
            found = self._referred(str(schema["$ref"]))
            if found is None:
                return f"{at} refers to a schema that is not there"
            if said := self.wrong(found, value, at, depth + 1):
                return said
        return (
            _type(schema, value, at)
            or _bounds(schema, value, at)
            or self._members(schema, value, at, depth)
            or self._combined(schema, value, at, depth)
        )

    def _referred(self, reference: str) -> Any:
        if reference == "#":
            return self.root
        _, place, name = reference.split("/", 2)
        return self.root.get(place, {}).get(name.replace("~1", "/").replace("~0", "~"))

    def _members(self, schema: Mapping[str, Any], value: Any, at: str, depth: int) -> str:
        if isinstance(value, dict):
            known = schema.get("properties", {})
            if missing := [name for name in schema.get("required", ()) if name not in value]:
                return f"{at} lacks {missing[0][:60]!r}"
            for name, member in value.items():
                inner = known.get(name, schema.get("additionalProperties", True))
                if said := self.wrong(
                    inner, member, f"{at}.{name[:60]}" if name in known else f"a member of {at}", depth + 1
                ):
                    return said
        if isinstance(value, list) and "items" in schema:
            for number, member in enumerate(value):
                if said := self.wrong(schema["items"], member, f"{at}[{number}]", depth + 1):
                    return said
        return ""

    def _combined(self, schema: Mapping[str, Any], value: Any, at: str, depth: int) -> str:
        for one in schema.get("allOf", ()):
            if said := self.wrong(one, value, at, depth + 1):
                return said
        for key, right in (("anyOf", range(1, 1000)), ("oneOf", range(1, 2))):
            if key in schema and sum(not self.wrong(one, value, at, depth + 1) for one in schema[key]) not in right:
                return f"{at} is not one of its choices"
        if "not" in schema and not self.wrong(schema["not"], value, at, depth + 1):
            return f"{at} is what it should not be"
        return ""


def _type(schema: Mapping[str, Any], value: Any, at: str) -> str:
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if schema.get("nullable") and value is None:
        return ""
    if types and not any(_is_of(value, one) for one in types):
        return f"{at} is no {' or '.join(types)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{at} is none of the values that it may have"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{at} is not the one value that it may have"
    return ""


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return math.isfinite(value) and value == int(value)
    return isinstance(value, _TYPES[kind])


def _same(one: Any, other: Any) -> bool:
    """JSON tells true from 1, and Python does not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _bounds(schema: Mapping[str, Any], value: Any, at: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(schema, value, at)
    for kind, least, most in (
        (str, "minLength", "maxLength"), (list, "minItems", "maxItems"), (dict, "minProperties", "maxProperties")
    ):  # fmt: skip
        if isinstance(value, kind):
            if len(value) < schema.get(least, 0):
                return f"{at} is too short"
            if len(value) > schema.get(most, math.inf):
                return f"{at} is too long"
    if isinstance(value, str) and "pattern" in schema and not linear.compiled(str(schema["pattern"])).is_in(value):
        return f"{at} does not match its pattern"
    is_set = isinstance(value, list) and schema.get("uniqueItems")
    if is_set and len({json.dumps(one, sort_keys=True) for one in value}) < len(value):
        return f"{at} has the same twice"
    return ""


def _number(schema: Mapping[str, Any], value: float, at: str) -> str:
    if value < schema.get("minimum", -math.inf) or value <= schema.get("exclusiveMinimum", -math.inf):
        return f"{at} is too small"
    if value > schema.get("maximum", math.inf) or value >= schema.get("exclusiveMaximum", math.inf):
        return f"{at} is too large"
    return ""
