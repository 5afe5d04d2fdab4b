"""What a browser says it is, in words."""

import pytest

from freehold.accounts.rules import browser_words

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome on Linux"),
        (f"{CHROME} Edg/142.0.0.0".replace("X11; Linux x86_64", "Windows NT 10.0"), "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox on macOS"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile Safari/604.1",
            "Safari on an iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Safari/537.36", "Chrome on Android"),
        ("lynx/2.9", "lynx/2.9"),
        ("x" * 256, "x" * 60),
        ("", "A browser that does not say what it is"),
    ],
)
def test_browsers_are_told_apart(agent: str, words: str) -> None:
    assert browser_words(agent) == words
