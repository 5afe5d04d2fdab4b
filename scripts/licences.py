"""Every package we lock has a licence that an Apache-2.0 project may stand on.

Reads what each package says of itself: an SPDX expression, else its trove classifiers, else its free text. What says
nothing we understand is refused, like what says something we do not want.
"""

import re
import sys
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

LOCKS = ("hub", "serve", "demo", "dev")

#: SPDX identifiers that ask for no more than to be named, or (MPL) to give back changes to their own files.
ALLOWED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0",
    "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
}  # fmt: skip

#: The same in the words of packages that say it otherwise.
SPELLINGS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}

#: Allowed by name, for a reason that holds for this package alone and only while it says what it said when we looked.
BY_NAME = {
    "axe-playwright-python": ("", "its licence file is MIT's, and axe-core's inside it MPL-2.0; tests only"),
    "pygit2": ("GPLv2 with linking exception", "libgit2's exception permits linking it into works of any licence"),
    "psycopg": ("LGPL-3.0-only", "used unchanged as a library of its own, which anyone can replace"),
    "psycopg-binary": ("LGPL-3.0-only", "the compiled half of psycopg"),
}


def main() -> int:
    refused = []
    names = locked()
    for name, is_everywhere in sorted(names.items()):
        try:
            said = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            if is_everywhere:
                refused.append(f"{name}: locked, but not installed here, so its licence is unknown")
            continue
        reason = refusal(name, cast(Message, said))
        if reason:
            refused.append(f"{name}: {reason}")
    for line in refused:
        print(line, file=sys.stderr)
    print(f"{len(names)} packages, {len(refused)} refused")
    return bool(refused)


def locked() -> dict[str, bool]:
    """Every locked package, and whether it is locked for all platforms (no marker)."""
    names: dict[str, bool] = {}
    for lock in LOCKS:
        text = (Path(__file__).parent.parent / "requirements" / f"{lock}.txt").read_text()
        for name, marker in re.findall(r"^([a-z0-9._-]+)==[^ ;\\]+ ?(;[^\\\n]*)?", text, re.M):
            names[name] = not marker
    return names


def refusal(name: str, said: Message) -> str | None:
    """Why the package called ``name`` that says ``said`` of itself may not be used; None when it may."""
    expression = stated(said)
    if name in BY_NAME:
        expected, _reason = BY_NAME[name]
        return None if expression == expected else f"allowed by name as {expected!r}, but now says {expression!r}"
    if not expression:
        return "says nothing about its licence"
    return None if allowed(expression) else f"licence {expression!r} is not on our list"


def stated(said: Message) -> str:
    """What a package says of its licence, as an SPDX expression where it can be read as one; empty for nothing."""
    if said.get("License-Expression"):
        return str(said["License-Expression"])
    named = [
        line.split(" :: ")[-1] for line in said.get_all("Classifier", []) if line.startswith("License :: OSI Approved")
    ]
    named = [SPELLINGS.get(words.lower(), words) for words in named if words != "OSI Approved"]
    text = str(said.get("License") or "").strip()
    if text and (not named or text.lower() not in ("dual license",)):
        text = SPELLINGS.get(text.lower(), text)
        # A whole licence pasted into the field says less than the classifier beside it.
        if len(text) < 60 and "\n" not in text:
            return text
    return " AND ".join(named)


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with licences of :data:`ALLOWED`: one side of OR, all sides of AND."""
    words = re.findall(r"\(|\)|[^\s()]+", expression)

    def one() -> bool:
        if words[0] == "(":
            words.pop(0)
            verdict = either()
            return words.pop(0) == ")" and verdict
        verdict = words.pop(0) in ALLOWED
        if words and words[0].upper() == "WITH":  # an exception only ever permits more
            del words[:2]
        return verdict

    def both() -> bool:
        verdict = one()
        while words and words[0].upper() == "AND":
            words.pop(0)
            verdict = one() and verdict
        return verdict

    def either() -> bool:
        verdict = both()
        while words and words[0].upper() == "OR":
            words.pop(0)
            verdict = both() or verdict
        return verdict

    try:
        return either() and not words
    except IndexError:  # it ends where more must follow
        return False


if __name__ == "__main__":
    sys.exit(main())
