"""Licence: is it one that lets everybody use, study, change and pass it on, for any purpose. Pure."""

import re
from collections.abc import Sequence

from freehold.cards.licences.verdict import HIDDEN, Step
from freehold.cards.openness.material import Evidence, Material, Reading

#: Approved as open source. Source: opensource.org/licenses, read by hand.
_APPROVED = """
    apache-2.0 mit bsd bsd-2-clause bsd-3-clause isc zlib bsl-1.0 afl-3.0 artistic-2.0 ecl-2.0 ms-pl ncsa postgresql
    ofl-1.1 unlicense gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 agpl-3.0 mpl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2
    osl-3.0 lppl-1.3c
"""
#: Others that ask for nothing that the Open Definition (opendefinition.org, 2.1) or the Free Software Foundation's list
#: forbids: for works and data, and for models.
_CONFORMANT = """
    cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cdla-permissive-1.0 cdla-permissive-2.0
    cdla-sharing-1.0 odc-by odbl pddl etalab-2.0 gfdl wtfpl bsd-3-clause-clear openmdw-1.0 openmdw-1.1 lgpl-lr
"""
OPEN = frozenset((_APPROVED + _CONFORMANT).split())
_APPROVED_IDS = frozenset(_APPROVED.split())
#: Names of "other" that keep everything.
_KEPT = re.compile(r"proprietary|all[ -]rights[ -]reserved|commercial[ -]licen[cs]e[ -]required|closed", re.IGNORECASE)


def are_open(steps: Sequence[Step]) -> bool:
    """Whether each of these has a licence, and all that it has are open."""
    return all(
        step.reading.licences and all(one.id in OPEN for one in step.reading.licences) for step in steps
    ) and bool(steps)


def of(material: Material) -> Reading:
    """Open: its own licence is open, and so are those of all that it was made from. Data is asked for under data."""
    steps = [step for step in material.steps if not step.is_soft]
    name = material.data.get("license_name")
    if isinstance(name, str) and _KEPT.search(name[:200]):
        return Reading("closed", "all rights are kept", [Evidence("field", "license_name", f"it says {name[:80]}")])
    if not steps:
        return Reading("unknown", "no licence is stated")
    shown = [_shown(step, is_own=at == 0) for at, step in enumerate(steps[:8])]
    if are_open(steps):
        return Reading("open", _open_words(steps[0]), shown)
    if any(step.reading.answer == "unresolved" for step in steps):
        first = steps[0].reading
        is_own = first.answer == "unresolved"
        return Reading(
            "unknown", "no licence that is known" if is_own else "a licence that rests on one not known", shown
        )
    if any(step.reading.answer == "no" for step in steps):
        return Reading("partly", "a licence without commercial use", shown)
    return Reading("partly", "a licence with restrictions", shown)


def _open_words(own: Step) -> str:
    ids = [one.id for one in own.reading.licences]
    if not ids:
        return "an open licence"
    return "an open licence" if all(one in _APPROVED_IDS for one in ids) else "a licence that is open in effect"


def _shown(step: Step, *, is_own: bool) -> Evidence:
    path = step.node.partition(" ")[2]
    whose = "its own" if is_own else path if not step.node.startswith("?") else ""
    if step.reading.why == HIDDEN:
        return Evidence("hidden", "", "made from a repository you may not see")
    if not step.reading.licences:
        why = step.reading.why or "not stated"
        return Evidence("absent", whose, why if whose else f"what it was made from: {why}")
    said = [f"{one.title}: {'open' if one.id in OPEN else 'with restrictions'}" for one in step.reading.licences[:3]]
    return Evidence("licence", step.reading.licences[0].id, f"{whose}: {'; '.join(said)}")
