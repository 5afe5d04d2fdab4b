"""The barest handler that reads one row in a thread, on the hub's own server: ``python -m bench.bare PORT DB``."""

import sqlite3
import sys
import threading

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.core import server

_local = threading.local()


def read_one_row(_: Request) -> Response:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(sys.argv[2], isolation_level=None)
    row = _local.connection.execute("SELECT id, name, size FROM things WHERE name = ?", ("one",)).fetchone()
    return JSONResponse({"id": row[0], "name": row[1], "size": row[2]})


def main() -> None:
    with sqlite3.connect(sys.argv[2]) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER)")
        connection.execute("INSERT OR IGNORE INTO things (name, size) VALUES ('one', 1)")
    app = Starlette(routes=[Route("/", read_one_row)])
    server.run(app, host="127.0.0.1", port=int(sys.argv[1]), ready=lambda url: None)


if __name__ == "__main__":
    main()
