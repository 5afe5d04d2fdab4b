"""What a text refers to by name: people, threads, repositories and commits.

The words are found here; what they lead to, and whether the reader may know of it, is the caller's to say.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from markdown_it.token import Token

#: Of one text; more than this is a list, not a conversation.
MAX_REFERENCES = 200

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
#: ``@name``, ``ns/name``, ``datasets/ns/name``, ``ns/name#12``, ``#12``, and commit ids of 7 digits or more.
_REFERENCE = re.compile(
    rf"(?<![\w@/#.&:-])(?:@{_NAME}|(?:(?:models|datasets|spaces|kernels)/)?{_NAME}/{_NAME}(?:#\d{{1,9}})?|#\d{{1,9}}"
    r"|[0-9a-f]{7,40})(?![\w/@#-])"
)
_NOT_SAID = re.compile(r"^[ ]{0,3}(`{3,}|~{3,}).*?(?:^[ ]{0,3}\1|\Z)|`[^`\n]{1,1000}`|^[ ]{0,3}>.*?$", re.M | re.S)


def found(texts: Iterable[str]) -> list[str]:
    """The references of ``texts`` as they stand there, each once, a bounded number of each text."""
    seen: dict[str, None] = {}
    for text in texts:
        before = len(seen)
        for match in _REFERENCE.finditer(text):
            seen[match[0]] = None
            if len(seen) - before >= MAX_REFERENCES:
                break
    return list(seen)


def mentioned(text: str) -> list[str]:
    """The names after ``@`` in what the author says: code and quoted lines call nobody."""
    said = _NOT_SAID.sub(" ", text)
    names = (match[0][1:] for match in _REFERENCE.finditer(said) if match[0].startswith("@"))
    return list(dict.fromkeys(names))


def link(tokens: Sequence[Token], leads: Mapping[str, str]) -> None:
    """Words of the text that are keys of ``leads`` become links to its values; what is a link already stays."""
    for token in tokens if leads else ():
        if token.type == "inline" and token.children:
            token.children = outside_links(token.children, lambda text: _split(text, leads))


def outside_links(children: Sequence[Token], split: Callable[[Token], Iterable[Token]]) -> list[Token]:
    """``children`` with each text that is in no link replaced by what ``split`` makes of it."""
    made: list[Token] = []
    depth = 0
    for child in children:
        if child.type == "link_open" or (child.type == "html_inline" and child.content.lower().startswith("<a")):
            depth += 1
        elif child.type == "link_close" or (child.type == "html_inline" and child.content.lower().startswith("</a")):
            depth = max(0, depth - 1)
        if child.type == "text" and depth == 0:
            made += split(child)
        else:
            made.append(child)
    return made


def _split(text: Token, leads: Mapping[str, str]) -> Iterable[Token]:
    at = 0
    for match in _REFERENCE.finditer(text.content):
        address = leads.get(match[0])
        if address is None:
            continue
        yield _text(text.content[at : match.start()])
        yield Token("link_open", "a", 1, attrs={"href": address})
        yield _text(match[0])
        yield Token("link_close", "a", -1)
        at = match.end()
    yield _text(text.content[at:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
