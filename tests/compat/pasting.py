"""The lines that a repository's page says to paste, read from it and run."""

import html
import re

import httpx

from tests.fixtures.clients import LIBRARIES, Clients
from tests.fixtures.servers import Live

#: The lines themselves have to say where the hub is.
NOWHERE = "http://127.0.0.1:9"


def lines_of(live: Live, address: str) -> dict[str, str]:
    text = httpx.get(live.url + address, headers={"accept": "text/html"}).text
    found = re.findall(r'<pre id="use-([\w-]+)"[^>]*><code>(.*?)</code>', text, re.DOTALL)
    return {key: html.unescape(re.sub("<[^>]+>", "", told)) for key, told in found}


def run(clients: Clients, told: str) -> None:
    python = clients.environment(LIBRARIES.environment) / "bin" / "python"
    command = [str(python), "-c", told] if told.startswith("import") else ["bash", "-ec", told]
    clients.program(command, LIBRARIES, NOWHERE)
