"""What the background tasks of this room do."""

from freehold.content.kit import Kit
from freehold.inbox.queue import DELIVER, FORGET, MAIL, MATCHES, RENEWALS, REQUESTS, SPREAD
from freehold.inbox.service import delivering, gatekeeping, mail, matches, notifying, spreading
from freehold.tasks.rules import GiveUp, Kind
from freehold.tasks.worker import Body, Turn


def bodies(kit: Kit) -> dict[Kind, Body]:
    """Each kind with its body, for the worker."""

    smtp = mail.server(kit.settings.smtp_url)

    def spread(turn: Turn, news_id: str, webhooks_after: str | None = "", people_after: str | None = "") -> None:
        with turn.finishing() as db:
            spreading.spread(db, kit, news_id, webhooks_after=webhooks_after, people_after=people_after)

    def deliver(turn: Turn, owner_id: str) -> None:
        delivering.deliver(turn, kit, owner_id)

    def send(turn: Turn, sealed: str = "", notification_id: str = "", news_id: str = "") -> None:
        with turn.database.read() as db:
            message = mail.transmit(db, kit, sealed=sealed, notification_id=notification_id, news_id=news_id)
        if message is not None:
            if smtp is None:
                raise GiveUp("FREEHOLD_SMTP_URL is not set any more: there is no server to hand mail to.")
            mail.hand_over(smtp, message)

    def forget(turn: Turn, repo_id: str) -> None:
        with turn.finishing() as db:
            notifying.forget_unreadable(db, repo_id)

    def requests(turn: Turn, repo_id: str, since: str, only_mail: bool = False) -> None:
        with turn.finishing() as db:
            gatekeeping.tell_requests(db, kit, repo_id, since, only_mail=only_mail)

    def renewals(turn: Turn, repo_id: str, news_id: str, after: str = "") -> None:
        with turn.finishing() as db:
            gatekeeping.tell_renewals(db, kit, repo_id, news_id, after)

    def mail_matches(turn: Turn, user_id: str, when: str) -> None:
        with turn.finishing() as db:
            matches.send(db, kit, user_id, when)

    gates: dict[Kind, Body] = {REQUESTS: requests, RENEWALS: renewals, MATCHES: mail_matches}
    return gates | {SPREAD: spread, DELIVER: deliver, MAIL: send, FORGET: forget}
