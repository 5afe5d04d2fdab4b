"""The last step of Markdown: our own HTML around and between what the sanitiser let through.

One pass over HTML whose spelling is fixed, tag by tag. Marked places (``web.dialect``) become code with its colours,
formulas and icons; tables and code get frames; pictures that lie elsewhere become links that say so.
"""

import re
from functools import cache
from html import unescape
from itertools import count
from urllib.parse import urlsplit

from freehold.web import assets, formulas, highlighting
from freehold.web.apart import Purse
from freehold.web.dialect import Made, escaped

#: What one text may have drawn in the process apart: so many pieces, so much of its time, and for so long at most.
MAX_PIECES = 400
MAX_CPU_S = 0.4
MAX_WAIT_S = 4.0
_TAG = r"<[^>\"]*(?:\"[^\"]*\"[^>\"]*)*>"
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
#: Markdown has no table without a head, so authors leave it empty.
_EMPTY_HEAD = re.compile(r"<thead>\s*<tr>\s*(?:<th(?: [a-z]+=\"[a-z]+\"){0,2}></th>\s*)+</tr>\s*</thead>")


def dressed(clean: str, made: Made) -> str:
    """``clean`` as it stands on a page."""
    pieces = re.compile(
        rf"<pre>{made.mark}-code-(\d+);\s*</pre>|{made.mark}-(code|formula|icon)-([\w-]+);|{_TAG}", re.ASCII
    )
    work = _Work(made)
    return pieces.sub(work.piece, _EMPTY_HEAD.sub("", clean))


class _Work:
    """One text in the making: what was drawn so far, and whether the pass is inside a link."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self._purse = Purse(MAX_CPU_S, MAX_WAIT_S)
        self._pieces = 0
        self._links = 0
        self._tables = count(1)  # each table is a place of its own to people who listen
        self._elsewhere = f"{made.mark} "

    def piece(self, found: re.Match[str]) -> str:
        if found[1] is not None:
            return self._code(int(found[1]))
        if found[2] is not None:
            return self._marked(found[2], found[3])
        return self._tag(found[0])

    def _marked(self, what: str, which: str) -> str:
        if what == "icon":
            return icon(which)
        if what == "formula":
            return self._formula(int(which))
        return escaped(self._made.codes[int(which)][1])  # where the sanitiser left no frame

    def _tag(self, tag: str) -> str:
        if tag.startswith("<a ") or tag == "<a>":
            self._links += 1
        elif tag == "</a>":
            self._links -= 1
        elif tag.startswith("<img "):
            return self._picture(tag)
        elif tag == "<table>":
            return _FRAME.format(next(self._tables))
        return _AROUND.get(tag, tag)

    # ---- pictures

    def _picture(self, tag: str) -> str:
        said = {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
        source = said.get("src", "")
        if not source:
            return escaped(said.get("alt", ""))
        if not source.startswith(self._elsewhere):
            return tag.replace("<img ", '<img loading="lazy" ', 1)
        address = source.removeprefix(self._elsewhere)
        words = " ".join(said.get("alt", "").split())[:200]
        place = f"picture elsewhere: {_host(address)}"
        if self._links:  # a link in a link is none
            return f'<span class="elsewhere" title="{escaped(place)}">{escaped(words or place)}</span>'
        told = f"{escaped(words)} <span>({escaped(place)})</span>" if words else escaped(place)
        return f'<a class="elsewhere" href="{escaped(address)}" rel="nofollow noopener noreferrer">{told}</a>'

    # ---- code and formulas

    def _code(self, number: int) -> str:
        language, text = self._made.codes[number]
        coloured = highlighting.highlight(text, language=language, purse=self._purse) if self._may_draw() else None
        return (
            f'<div class="code"><div class="code-head"><span>{escaped(label(language))}</span>{_copy_button()}</div>'
            f'<pre tabindex="0"><code>{coloured if coloured is not None else escaped(text)}</code></pre></div>'
        )

    def _formula(self, number: int) -> str:
        text, source, is_block = self._made.formulas[number]
        drawn = formulas.mathml(text, is_block=is_block, purse=self._purse) if self._may_draw() else None
        if drawn is None:
            return f"<code>{escaped(source.strip())}</code>"
        return f'<span class="formula{" is-block" if is_block else ""}">{drawn}</span>'

    def _may_draw(self) -> bool:
        self._pieces += 1
        return self._pieces <= MAX_PIECES


_FRAME = '<div class="table-wrap" tabindex="0" role="region" aria-label="Table {}"><table class="table">'
_AROUND = {
    "</table>": "</table></div>",
    "<pre>": '<div class="code"><pre tabindex="0">',
    "</pre>": "</pre></div>",
}
_LANGUAGES = {
    "bash": "Shell", "sh": "Shell", "shell": "Shell", "zsh": "Shell", "console": "Shell", "py": "Python",
    "python": "Python", "python3": "Python", "json": "JSON", "jsonl": "JSON Lines", "yaml": "YAML", "yml": "YAML",
    "toml": "TOML", "js": "JavaScript", "javascript": "JavaScript", "ts": "TypeScript", "cpp": "C++", "c": "C",
    "html": "HTML", "css": "CSS", "xml": "XML", "sql": "SQL", "diff": "Diff", "bibtex": "BibTeX", "latex": "LaTeX",
    "go": "Go", "rust": "Rust", "java": "Java", "dockerfile": "Dockerfile", "markdown": "Markdown", "md": "Markdown",
}  # fmt: skip


def label(language: str) -> str:
    """What stands over code in ``language``."""
    return _LANGUAGES.get(language.lower(), language or "Text")


def icon(name: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="{assets.load().address("img/icons.svg")}#{name}"/></svg>'


@cache
def _copy_button() -> str:
    return (
        '<button class="button is-quiet is-small push" type="button" data-copy>'
        f"{icon('copy')}<span data-said>Copy</span></button>"
    )


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "?")[:100]
    except ValueError:
        return "?"
