"""``/v1/audio/transcriptions``: a form's fields as what they stand for, and a text that was heard as events.

Source: OpenAI API reference, Audio.
"""

from collections.abc import Mapping
from typing import Any

from freehold.gateway import shapes
from freehold.gateway.errors import BadCall
from freehold.gateway.shapes import OpenAI
from freehold.inference.rules import Reply

FORMS = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False, "": False}


def asked(fields: Mapping[str, object]) -> tuple[dict[str, Any], bool]:
    """What is asked of the model, and whether its text is wanted as events: the model is asked for it whole, since it
    hears half a minute at a time. Raises :class:`BadCall`."""
    body: dict[str, Any] = dict(fields)
    is_stream = _TRUTHS.get(str(body.pop("stream", "")).lower())
    if is_stream is None:
        raise BadCall('"stream" must be true or false.', "stream")
    form = body.get("response_format", "json")
    if form not in FORMS:
        raise BadCall(f'"response_format" is one of {", ".join(FORMS)}.', "response_format")
    if is_stream and form not in ("json", "text"):
        raise BadCall('As events a text is told alone: leave "response_format" out.', "response_format")
    if is_stream:
        body["response_format"] = "json"
    if "temperature" in body:
        try:
            body["temperature"] = float(str(body["temperature"]))
        except ValueError as err:
            raise BadCall('"temperature" must be a number.', "temperature") from err
    return body, is_stream


class HeardAsEvents(OpenAI):
    """What was heard, as its reader takes it piece by piece: here in one."""

    content_type = "text/event-stream; charset=utf-8"

    def whole(self, body: bytes, reply: Reply) -> bytes:
        read = shapes.read(body)
        answer = read if isinstance(read, dict) else {}
        text = answer.get("text", "")
        took = {"usage": answer["usage"]} if "usage" in answer else {}
        events = (
            {"type": "transcript.text.delta", "delta": text, "freehold": shapes.source(reply)},
            {"type": "transcript.text.done", "text": text, **took},
        )
        return b"".join(b"data: " + shapes.written(one) + b"\n\n" for one in events) + shapes.DONE
