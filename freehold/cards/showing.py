"""A card as it stands on a page: its text rendered, and a plain word where its front matter cannot be read."""

from html import escape

from freehold.cards import frontmatter
from freehold.cards.errors import BadFrontMatter
from freehold.web import markdown
from freehold.web.dressing import icon
from freehold.web.markdown import Links, Rendered


def shown(text: str, links: Links) -> Rendered:
    """The README ``text``: front matter is cut; broken, it is said where and what."""
    card = frontmatter.split(text)
    rendered = markdown.render(card.body, links)
    problem = fault(card.block)
    if not problem:
        return rendered
    notice = (
        f'<div class="notice is-warn">{icon("warning")}<div><p class="notice-title">The metadata cannot be read</p>'
        f"<p>{escape(problem)}</p></div></div>\n"
    )
    return Rendered(notice + rendered.html, rendered.headings, rendered.is_cut)


def fault(block: str | None) -> str:
    """What is wrong with front matter, with its line; empty when nothing is."""
    try:
        frontmatter.parse(block or "")
    except BadFrontMatter as err:
        return err.message
    return ""
