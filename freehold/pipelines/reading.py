"""A YAML file to a pipeline, with the line and the key of what is wrong in it.

Anchors and aliases are refused: a file of a hundred lines would come to gigabytes with them.
"""

import re
from collections.abc import Mapping
from typing import Any, get_args

import yaml

from freehold.guards.errors import BadGuard
from freehold.pipelines import templates
from freehold.pipelines.errors import BadPipeline
from freehold.pipelines.rules import (
    MAX_BYTES,
    MAX_SECONDS,
    MAX_STEPS,
    MAX_TOKENS,
    USUAL_SECONDS,
    USUAL_TOKENS,
    Bounds,
    Document,
    Kind,
    Step,
)
from freehold.routing import checking
from freehold.routing.errors import BadRoute
from freehold.routing.rules import Check

MAX_DEPTH = 12
Lines = Mapping[tuple[str | int, ...], int]
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_TOP = frozenset({"title", "description", "bounds", "steps"})
_OF_KIND: Mapping[str, frozenset[str]] = {
    "generate": frozenset({"model", "system", "prompt", "parameters"}),
    "rewrite": frozenset({"model", "system", "prompt", "of", "parameters"}),
    "check": frozenset({"model", "of", "check", "refuse"}),
    "classify": frozenset({"model", "of", "labels", "prompt"}),
    "join": frozenset({"steps", "template"}),
}
#: Of a call that a step may set.
PARAMETERS = frozenset({"temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "stop", "repeat_penalty",
                        "frequency_penalty", "presence_penalty", "response_format"})  # fmt: skip


def parsed(text: bytes) -> Document:
    """The pipeline that a file says. Raises :class:`BadPipeline`."""
    if len(text) > MAX_BYTES:
        raise BadPipeline(f"the file has {len(text):,} bytes; a pipeline has at most {MAX_BYTES:,}.")
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        decoded = text.decode()
        for token in yaml.scan(decoded, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                raise BadPipeline("anchors and aliases are not taken: write it out.", line=token.start_mark.line + 1)
        node = yaml.compose(decoded, Loader=yaml.SafeLoader)
        value = _value(node, (), lines)
    except yaml.MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else 0
        raise BadPipeline(f"this is no YAML: {err.problem}.", line=line) from err
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as err:
        raise BadPipeline("this is no YAML in UTF-8 that can be read.") from err
    return _Reader(lines).document(value)


def read(value: Mapping[str, Any]) -> Document:
    """The pipeline that :func:`written` wrote. Raises :class:`BadPipeline` for what only an earlier release took."""
    return _Reader({}).document(value)


def written(document: Document) -> dict[str, Any]:
    """``document`` as JSON, for :func:`read`."""
    bounds = document.bounds
    said = {
        "title": document.title,
        "description": document.description,
        "bounds": {"seconds": bounds.seconds, "tokens": bounds.tokens},
        "steps": [_step(step) for step in document.steps],
    }
    return {key: one for key, one in said.items() if one != ""}


def _step(step: Step) -> dict[str, Any]:
    said: dict[str, Any] = {
        key: getattr(step, key) for key in ("name", "kind", "model", "system", "prompt", "of", "when")
    }
    said |= {"parameters": dict(step.parameters), "labels": list(step.labels), "refuse": step.refuse}
    said |= {"template": step.template, "steps": [_step(one) for one in step.steps]}
    if step.check is not None:
        said["check"] = {"kind": step.check.kind, "value": step.check.value}
    return {key: one for key, one in said.items() if one not in ("", [], {})}


def _value(node: Any, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> Any:
    """What a node says, and at which line each key of it stands."""
    if node is None:
        return None
    lines.setdefault(at, node.start_mark.line + 1)
    if len(at) > MAX_DEPTH:
        raise BadPipeline("this is nested too deep.", line=node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*at, number), lines) for number, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                raise BadPipeline(f"{name[:60]!r} is said twice.", line=key.start_mark.line + 1)
            lines[(*at, name)] = key.start_mark.line + 1
            found[name] = _value(value, (*at, name), lines)
        return found
    return yaml.SafeLoader("").construct_object(node)


class _Reader:
    """Reads values, and knows where each stands."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._count = 0

    def document(self, value: Any) -> Document:
        self._keys(value, _TOP, ())
        steps = value.get("steps")
        if not isinstance(steps, list) or not steps:
            raise self._wrong("a pipeline has steps, a list of at least one.", ("steps",))
        known: list[str] = []
        made = tuple(self._step(one, ("steps", at), known) for at, one in enumerate(steps))
        if all(step.kind == "check" for step in made):
            raise self._wrong("a pipeline has a step that gives a text, not checks alone.", ("steps",))
        return Document(
            steps=made,
            title=self._text(value, "title", (), 120),
            description=self._text(value, "description", (), 1000),
            bounds=self._bounds(value.get("bounds", {})),
        )

    def _bounds(self, value: Any) -> Bounds:
        self._keys(value, frozenset({"seconds", "tokens"}), ("bounds",))
        for key, most in (("seconds", MAX_SECONDS), ("tokens", MAX_TOKENS)):
            given = value.get(key, 1)
            if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= most:
                raise self._wrong(f"{key} is a number over 0, at most {most:,}.", ("bounds", key))
        return Bounds(float(value.get("seconds", USUAL_SECONDS)), int(value.get("tokens", USUAL_TOKENS)))

    def _step(self, value: Any, at: tuple[str | int, ...], known: list[str], *, is_inner: bool = False) -> Step:
        self._count += 1
        if self._count > MAX_STEPS:
            raise self._wrong(f"a pipeline has at most {MAX_STEPS} steps, those of joins included.", at)
        kind: Any = value.get("kind") if isinstance(value, dict) else None
        if kind not in get_args(Kind) or (is_inner and kind == "join"):
            raise self._wrong(
                f"a step is of one of these kinds: {', '.join(get_args(Kind))}; no join in a join.", (*at, "kind")
            )
        self._keys(value, _OF_KIND[kind] | {"name", "kind", "when"}, at)
        name = self._text(value, "name", at, 40)
        if not _NAME.fullmatch(name):
            raise self._wrong("a step has a name of small letters, digits, - and _.", (*at, "name"))
        if name in known:
            raise self._wrong(f"another step is called {name!r}.", (*at, "name"))
        step = Step(
            name=name,
            kind=kind,
            model=self._model(value, kind, at),
            system=self._template(value, "system", at, known),
            prompt=self._template(value, "prompt", at, known),
            of=self._of(value, at, known),
            when=self._when(value, at, known),
            parameters=self._parameters(value.get("parameters", {}), (*at, "parameters")),
            labels=self._labels(value.get("labels", []), (*at, "labels")),
            check=self._check(value, at) if kind == "check" else None,
            refuse=self._text(value, "refuse", at, 2000),
            steps=self._inner(value, at, known) if kind == "join" else (),
            template=self._template(value, "template", at, known),
        )
        if not is_inner:
            known.append(name)
        return step

    def _inner(self, value: Any, at: tuple[str | int, ...], known: list[str]) -> tuple[Step, ...]:
        """Steps side by side know of those before the join, and not of one another."""
        given = value.get("steps")
        if not isinstance(given, list) or len(given) < 2:
            raise self._wrong("a join has steps, at least two.", (*at, "steps"))
        made = tuple(self._step(one, (*at, "steps", number), known, is_inner=True) for number, one in enumerate(given))
        names = [step.name for step in made]
        if len(set(names)) < len(names):
            raise self._wrong("two steps of a join have one name.", (*at, "steps"))
        known.extend(names)
        return made

    def _model(self, value: Any, kind: str, at: tuple[str | int, ...]) -> str:
        name = self._text(value, "model", at, 193)
        is_judge = kind == "check" and isinstance(value.get("check"), dict) and value["check"].get("kind") == "judge"
        if kind in ("generate", "rewrite", "classify") or is_judge:
            if "/" not in name:
                raise self._wrong("name the model as calls do: namespace/name.", (*at, "model"))
        elif name:
            raise self._wrong("only a check by a judge has a model.", (*at, "model"))
        return name

    def _check(self, value: Any, at: tuple[str | int, ...]) -> Check:
        given = value.get("check")
        self._keys(given, frozenset({"kind", "value"}), (*at, "check"))
        try:
            return checking.checked(Check(given.get("kind"), given.get("value", ""), value.get("model", "")))
        except (BadRoute, BadGuard) as err:
            raise self._wrong(err.message, (*at, "check")) from err

    def _of(self, value: Any, at: tuple[str | int, ...], known: list[str]) -> str:
        name = self._text(value, "of", at, 40)
        if name and name not in known:
            raise self._wrong(f"no step before this one is called {name!r}.", (*at, "of"))
        return name or (known[-1] if known and value.get("kind") in ("check", "classify", "rewrite") else "")

    def _when(self, value: Any, at: tuple[str | int, ...], known: list[str]) -> str:
        when = self._text(value, "when", at, 500)
        if said := templates.condition_problem(when, known):
            raise self._wrong(said, (*at, "when"))
        return when

    def _template(self, value: Any, key: str, at: tuple[str | int, ...], known: list[str]) -> str:
        text = self._text(value, key, at, 32_000, is_line=False)
        if said := templates.problem(text, known):
            raise self._wrong(said, (*at, key))
        return text

    def _parameters(self, value: Any, at: tuple[str | int, ...]) -> Mapping[str, Any]:
        self._keys(value, PARAMETERS, at)
        for key, given in value.items():
            is_text = key == "stop" and isinstance(given, str | list)
            is_form = key == "response_format" and isinstance(given, dict)
            if not is_text and not is_form and (isinstance(given, bool) or not isinstance(given, int | float)):
                raise self._wrong("this is no number.", (*at, key))
        return dict(value)

    def _labels(self, value: Any, at: tuple[str | int, ...]) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > 50 or not all(isinstance(one, str) and one for one in value):
            raise self._wrong("labels are a list of at most 50 words.", at)
        return tuple(one.strip()[:60] for one in value)

    def _text(self, value: Any, key: str, at: tuple[str | int, ...], most: int, *, is_line: bool = True) -> str:
        given: Any = value.get(key, "")
        is_text = isinstance(given, str) and len(given) <= most
        if not is_text or (is_line and any(ord(one) < 32 for one in given.strip())):
            raise self._wrong(
                f"{key} is {'one line' if is_line else 'a text'} of at most {most:,} characters.", (*at, key)
            )
        return str(given).strip() if is_line else str(given)

    def _keys(self, value: Any, known: frozenset[str], at: tuple[str | int, ...]) -> None:
        if not isinstance(value, dict):
            raise self._wrong("this has keys and values.", at)
        unknown = [key for key in value if key not in known]
        if unknown:
            raise self._wrong(
                f"it is not known here; known are {', '.join(sorted(known))}.", (*at, str(unknown[0])[:60])
            )

    def _wrong(self, said: str, at: tuple[str | int, ...]) -> BadPipeline:
        """``said`` at the line of ``at``, or of what it stands in."""
        place = at
        while place and place not in self._lines:
            place = place[:-1]
        key = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in at).lstrip(".")
        return BadPipeline(said, key=key, line=self._lines.get(place, 0))
