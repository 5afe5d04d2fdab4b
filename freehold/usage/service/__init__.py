"""What is done with usage, one file for each family of verbs. Every call goes through the first two."""

from freehold.usage.service.admission import admit as admit
from freehold.usage.service.admission import enter as enter
from freehold.usage.service.admission import terms as terms
from freehold.usage.service.recording import LEDGER as LEDGER
from freehold.usage.service.recording import Ledger as Ledger
from freehold.usage.service.recording import forgo as forgo
from freehold.usage.service.recording import record as record
