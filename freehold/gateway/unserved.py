"""Addresses under ``/v1`` that clients ask for and nothing here answers: what would do instead. Pure."""

from collections.abc import Mapping

#: The beginning of a path -> what is so instead.
_INSTEAD: Mapping[str, str] = {
    "responses": 'Nothing is kept between calls here: a conversation is sent whole each time, as "input".',
    "conversations": 'Nothing is kept between calls here: send the whole conversation as "input" of /v1/responses.',
    "chat/completions": "Nothing is kept between calls here: an answer is given once.",
    "moderations": "Texts are classified by models made for it, at /models/NAMESPACE/NAME; a route's guards check what "
    "goes through it.",
    "messages": "This hub speaks OpenAI's API, not Anthropic's: send /v1/chat/completions, or /v1/responses.",
    "complete": "This hub speaks OpenAI's API, not Anthropic's: send /v1/chat/completions.",
    "images": "No model here makes pictures.",
    "videos": "No model here makes films.",
    "audio/speech": "No model here speaks.",
    "audio/translations": "Nothing is translated here: /v1/audio/transcriptions tells what was said.",
    "fine_tuning": "No model is trained here: publish one that was, and deploy it.",
    "assistants": "Assistants are kept by whoever calls: send /v1/responses with the whole conversation.",
    "threads": "Assistants are kept by whoever calls: send /v1/responses with the whole conversation.",
    "vector_stores": "Vectors are kept by whoever calls: /v1/embeddings makes them.",
    "uploads": "A file is sent whole: POST /v1/files.",
    "realtime": "Nothing is answered over WebSocket here: send /v1/chat/completions with stream.",
    "v1/": "Its base address ends with one /v1: yours has two.",
    "models": "Models are deployed and withdrawn at their pages, or by DELETE /api/endpoints/ID.",
    "engines": 'The model is named in the body: "model".',
    "infill": "Nothing is filled in here: /v1/completions goes on from a prompt.",
}


def instead_of(path: str) -> str:
    """What would do instead of ``path`` below /v1; '': nothing is known of it."""
    told = (
        why for begin, why in _INSTEAD.items() if path == begin.rstrip("/") or path.startswith(f"{begin.rstrip('/')}/")
    )
    return next(told, "")
