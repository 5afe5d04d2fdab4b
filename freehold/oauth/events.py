"""What happened to programs that people let in."""

from dataclasses import dataclass

from freehold.accounts.tables import Account
from freehold.oauth.tables import Grant


@dataclass(frozen=True)
class ProgramLetIn:
    """``user`` agreed to what ``grant`` says; tokens are given under it from now on."""

    grant: Grant
    user: Account


@dataclass(frozen=True)
class ProgramShutOut:
    """The grant has ended, and every token given under it."""

    grant: Grant
    user: Account
