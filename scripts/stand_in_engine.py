"""A stand-in for an engine's process, obeying the contract of ``compute`` (docs/run.md). It stands on nothing but
Python, and does what its options and its callers say: fails to start, takes memory, dies, waits.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main() -> None:
    options = json.loads(sys.stdin.readline())
    if "grow" in options:
        held = bytearray(int(options["grow"]))
        held[::4096] = b"x" * len(held[::4096])
    if said := options.get("refuse"):
        sys.stderr.write("what I wrote\n")
        print(json.dumps({"error": said, "code": "bad_model"}), flush=True)
        return
    if options.get("die"):
        os._exit(3)
    if options.get("hang"):
        sys.stdin.read()
        return

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, {"status": "ok"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers.get("Authorization") != f"Bearer {options['key']}":
                self._say(401, {"error": "no key"})
                return
            if body.get("die"):
                os._exit(9)
            usage = {"prompt_tokens": 7, "completion_tokens": 5}
            if body.get("stream"):
                self._stream(body, usage)
                return
            time.sleep(body.get("wait", 0))
            self._say(200, {"pid": os.getpid(), "options": options.get("echo"), "body": body, "usage": usage})

        def _stream(self, body: dict[str, object], usage: object) -> None:
            """The head at once, and the words when it pleases."""
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.flush()
            time.sleep(float(str(body.get("wait", 0))))
            for event in ({"choices": [{"index": 0, "delta": {"content": "it"}}]}, {"choices": [], "usage": usage}):
                self.wfile.write(b"data: %s\n\n" % json.dumps(event).encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def _say(self, status: int, said: object) -> None:
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stderr.write("ready\n")
    print(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
