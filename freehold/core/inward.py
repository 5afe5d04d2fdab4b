"""A call of the hub to itself, as somebody without a name would make it: no socket, but every hop behind it."""

from starlette.types import ASGIApp, Message, Scope


async def status_of(app: ASGIApp, address: str, accept: str = "text/html") -> int:
    """GET ``address`` (a path, perhaps a query); what it is answered goes nowhere, but for its status."""
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept", accept.encode())],
        "client": None,
        "server": None,
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]
