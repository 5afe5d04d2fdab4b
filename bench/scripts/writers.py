"""Several people who commit to repositories of their own, one small commit after another, for some seconds."""

import http.client
import json
import statistics
import sys
import threading
import time
from urllib.parse import urlsplit

given = json.loads(sys.argv[1])
place = urlsplit(given["url"])
headers = {"Authorization": f"Bearer {given['token']}", "Content-Type": "application/json"}
took: list[float] = []
refused: list[int] = []


def call(connection: http.client.HTTPConnection, address: str, body: str) -> int:
    connection.request("POST", address, body.encode(), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def write(number: int, until: float) -> None:
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
    name = f"writer-{number}-{int(time.time())}"
    call(connection, "/api/repos/create", json.dumps({"name": name, "type": "model"}))
    turn = 0
    while time.monotonic() < until:
        turn += 1
        lines = [
            {"key": "header", "value": {"summary": f"Turn {turn}"}},
            {
                "key": "file",
                "value": {"path": "README.md", "content": f"---\ntags: [t{turn % 7}]\n---\n# Turn {turn}\n"},
            },
        ]
        began = time.monotonic()
        status = call(
            connection,
            f"/api/models/{given['owner']}/{name}/commit/main",
            "\n".join(json.dumps(line) for line in lines),
        )
        took.append((time.monotonic() - began) * 1000)
        if status != 200:
            refused.append(status)


print("writing", flush=True)
until = time.monotonic() + given["seconds"]
threads = [threading.Thread(target=write, args=(number, until)) for number in range(given["writers"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
median = statistics.median(took) if took else 0
print(f"{len(took)} commits, p50 {median:.0f} ms, {len(refused)} refused", flush=True)
