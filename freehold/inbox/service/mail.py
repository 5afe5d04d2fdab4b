"""Mail: written into the queue by the transaction that wants it, sent by a task, and only where SMTP is set.

What a message says is sealed while it waits, because some hold links that let their reader in.
"""

import html
import json
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.settings import SettingsError
from freehold.discussions.tables import Event
from freehold.inbox import access, rules
from freehold.inbox.errors import LinkSpent
from freehold.inbox.queue import MAIL
from freehold.inbox.service import watching
from freehold.inbox.tables import News, Notification
from freehold.repos.tables import Repo
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import GiveUp
from freehold.web.names import visible

SEALED = "mail in the queue"
UNSUBSCRIBE = "unsubscribe"
UNSUBSCRIBE_LIFE_S = 400 * 86400
MAX_TEXT_CHARS = 20_000
SMTP_TIMEOUT_S = 30
ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True)
class Server:
    """Where mail is handed over. ``tls``: always (smtps), required, offered (where the server has it), off."""

    host: str
    port: int
    tls: str
    user: str
    password: str


def server(url: str) -> Server | None:
    """``smtp://user:password@host:port?tls=required``; None for an empty text. Raises :class:`SettingsError`."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise SettingsError(f"FREEHOLD_SMTP_URL is no address: {err}.") from err
    tls = parse_qs(parts.query).get("tls", ["required" if parts.password else "offered"])[0]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in ("required", "offered", "off"):
        raise SettingsError("FREEHOLD_SMTP_URL must be smtp://HOST[:PORT] or smtps://HOST, perhaps with ?tls=off.")
    is_smtps = parts.scheme == "smtps"
    return Server(
        parts.hostname,
        port or (465 if is_smtps else 587 if parts.username else 25),
        "always" if is_smtps else tls,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def send(db: Session, kit: Kit, to: str, subject: str, text: str, *, thread: str = "", unsubscribe: str = "") -> bool:
    """A message is in the queue once the transaction of ``db`` is durable. False: this hub sends no mail.

    ``text`` is plain; an HTML part is made from it. ``thread`` groups messages about one thing. ``unsubscribe`` is a
    whole address that ends such mail.
    """
    if not kit.settings.smtp_url or not ADDRESS.fullmatch(to):
        return False
    message = {
        "to": to,
        "subject": re.sub(r"[\s\x00-\x1f\x7f]+", " ", subject)[:200],
        "text": text[:MAX_TEXT_CHARS],
        "thread": thread,
        "unsubscribe": unsubscribe,
    }
    enqueue(db, MAIL, sealed=kit.sealer.seal(SEALED, json.dumps(message)))
    return True


def notify(db: Session, kit: Kit, row: Notification) -> None:
    """The notification goes out by mail, if its reader has an address; what it says is read when it is sent."""
    if kit.settings.smtp_url:
        enqueue(db, MAIL, notification_id=row.id, news_id=row.news_id)


def transmit(
    db: Session, kit: Kit, *, sealed: str = "", notification_id: str = "", news_id: str = ""
) -> EmailMessage | None:
    """The message that waits, as it is to be sent now; None when there is nothing to send any more."""
    if sealed:
        return _message(kit, **json.loads(kit.sealer.open(SEALED, sealed)))
    row = db.get(Notification, notification_id)
    reader = access.reader(db, row.user_id) if row is not None else None
    if row is None or reader is None or not reader.email or not ADDRESS.fullmatch(reader.email):
        return None
    news = db.get(News, news_id)
    if row.repo_id is not None:
        repo = db.get(Repo, row.repo_id)
        if repo is not None and not access.may_read(reader, repo):
            return None
        if repo is None and (news is None or not access.may_read_news(reader, news, None)):
            return None
    group = rules.group_of(row.kind, row.reason)
    if not next(one for one in watching.choices(db, row.user_id) if one.group == group).by_mail:
        return None
    hub = kit.settings.hub_url
    said = _said(db, news)
    lines = [_first_line(row), "", *([said, ""] if said else []), hub + row.address]
    return _message(
        kit,
        to=reader.email,
        subject=visible(row.title),
        text="\n".join(lines),
        thread=row.thread,
        unsubscribe=f"{hub}/unsubscribe/{unsubscribe_token(kit, row.user_id, group)}",
        message_id=f"{news_id}.{row.id}",
    )


def _first_line(row: Notification) -> str:
    who, deed = (row.actor.name if row.actor is not None else "Somebody"), rules.THREAD_DEEDS.get(row.kind)
    return f"{who} {deed} {visible(row.title)}" if deed else visible(row.title)


def _said(db: Session, news: News | None) -> str:
    event = db.get(Event, news.data["event_id"]) if news is not None and "event_id" in news.data else None
    if event is None or event.is_hidden or not event.versions:
        return ""
    text = event.versions[-1].text
    return text if len(text) <= 4000 else text[:4000] + " …"


def _message(
    kit: Kit, *, to: str, subject: str, text: str, thread: str, unsubscribe: str, message_id: str = ""
) -> EmailMessage:
    domain = re.sub(r"[^A-Za-z0-9.-]", "", urlsplit(kit.settings.hub_url).hostname or "") or "freehold.invalid"
    message = EmailMessage()
    message["From"] = kit.settings.mail_from or f"Freehold <freehold@{domain}>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = formatdate(clock.epoch_s())
    message["Auto-Submitted"] = "auto-generated"
    if message_id:
        message["Message-ID"] = f"<{message_id}@{domain}>"
    if thread:
        root = f"<{thread.replace(' ', '.')}@{domain}>"
        message["In-Reply-To"] = root
        message["References"] = root
    foot = ""
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        foot = f"\n\n-- \nNo more mail of this kind: {unsubscribe}"
    message.set_content(text + foot + "\n")
    message.add_alternative(_html(text + foot), subtype="html")
    return message


def _html(text: str) -> str:
    """Plain text as simple HTML: escaped, lines kept, addresses made links."""
    safe = html.escape(text)
    linked = re.sub(r"https?://[^\s<&]+(?:&amp;[^\s<&]+)*", lambda found: f'<a href="{found[0]}">{found[0]}</a>', safe)
    return f'<!doctype html><html><body><div style="white-space:pre-wrap">{linked}</div></body></html>'


def hand_over(to: Server, message: EmailMessage) -> None:
    """The mail server has taken ``message``. Raises :class:`GiveUp` when it never will, ``OSError`` otherwise."""
    kind = smtplib.SMTP_SSL if to.tls == "always" else smtplib.SMTP
    try:
        with kind(to.host, to.port, timeout=SMTP_TIMEOUT_S) as session:
            session.ehlo()
            if to.tls == "required" or (to.tls == "offered" and session.has_extn("starttls")):
                session.starttls(context=ssl.create_default_context())
                session.ehlo()
            if to.user:
                session.login(to.user, to.password)
            session.send_message(message)
    except smtplib.SMTPRecipientsRefused as err:
        codes = [code for code, _ in err.recipients.values()]
        if all(500 <= code < 600 for code in codes):
            raise GiveUp(f"The mail server refuses the recipient: {err.recipients}") from err
        raise
    except smtplib.SMTPResponseException as err:
        if 500 <= err.smtp_code < 600 and not isinstance(err, smtplib.SMTPAuthenticationError):
            raise GiveUp(f"The mail server refuses the message: {err.smtp_code} {err.smtp_error!r}") from err
        raise


# ---- no more of it -----------------------------------------------------------------------------------------


def unsubscribe_token(kit: Kit, user_id: str, group: str) -> str:
    claims = {"user": user_id, "group": group}
    return kit.signer.seal(UNSUBSCRIBE, claims, clock.epoch_s() + UNSUBSCRIBE_LIFE_S)


def subscription(db: Session, kit: Kit, token: str) -> tuple[str, str]:
    """Whose mail, of which group, a link ends. Raises :class:`LinkSpent`."""
    claims = kit.signer.open(UNSUBSCRIBE, token)
    if claims is None or claims["group"] not in rules.GROUPS or db.get(Account, claims["user"]) is None:
        raise LinkSpent(
            "This link is not one of this hub's, or too old. Choose on the page Notifications of your settings."
        )
    return claims["user"], claims["group"]


def end_subscription(db: Session, kit: Kit, token: str) -> str:
    """Mail of the group that the link names ends; the group's words."""
    user_id, group = subscription(db, kit, token)
    choice = next(one for one in watching.choices(db, user_id) if one.group == group)
    watching.choose(db, user_id, {group: (choice.in_page, False)})
    return choice.words
