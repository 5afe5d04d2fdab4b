"""``/v1/rerank``: documents as Jina's and Cohere's clients send them, and in the answer where they ask for that.

Source: Jina AI and Cohere API references, Rerank.
"""

from collections.abc import Mapping
from typing import Any

from freehold.gateway import shapes
from freehold.gateway.errors import BadCall
from freehold.gateway.rules import Wish
from freehold.gateway.shapes import OpenAI
from freehold.inference.errors import EngineFailed
from freehold.inference.rules import Reply


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with documents that are texts. Raises :class:`BadCall`."""
    body = dict(given)
    documents = given.get("documents")
    if isinstance(documents, list):
        body["documents"] = [_text(one, at) for at, one in enumerate(documents)]
    most = given.get("top_n")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise BadCall('"top_n" must be a whole number from 1.', "top_n")
    return body


def _text(document: Any, at: int) -> str:
    text = document.get("text") if isinstance(document, Mapping) else document
    if not isinstance(text, str):
        raise BadCall(f'documents[{at}] must be a text, or an object with a "text".', f"documents[{at}]")
    return text


class Ranking(OpenAI):
    """With the documents themselves, where ``return_documents`` asks for them."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self._documents = wish.body.get("documents") if wish.body.get("return_documents") is True else None

    def whole(self, body: bytes, reply: Reply) -> bytes:
        whole = super().whole(body, reply)
        if self._documents is None:
            return whole
        answer = shapes.read(whole)
        try:
            for one in answer["results"]:
                one.setdefault("document", {"text": self._documents[one["index"]]})
        except (AttributeError, IndexError, KeyError, TypeError) as err:
            raise EngineFailed("The engine's answer ranks no documents.") from err
        return shapes.written(answer)
