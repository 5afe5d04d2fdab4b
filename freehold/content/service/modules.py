"""``.gitmodules``: git itself acts on what this file says, so it says nothing that harms whoever clones.

Pushes go through git's own strict check; a commit of ours goes through the same one when it touches such a name.
Source: git-fsck(1), gitmodulesUrl, gitmodulesPath, gitmodulesName, gitmodulesUpdate; git's path.c.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from freehold.content import rules
from freehold.content.errors import BadPath
from freehold.gitkit.errors import GitRefused
from freehold.gitkit.objects import Objects
from freehold.gitkit.packs import Pack
from freehold.gitkit.program import Limits, can_run
from freehold.gitkit.receiving import Quarantine

#: Generous: git decides, this only says when it is asked. NTFS shortens the name to ``gitmod~1`` or ``gi7eba~1``.
_NAME = re.compile(r"\.gitmodules|gi[a-z0-9]{0,6}~[0-9]{1,7}")
_PLACE = re.compile(r"^(?:error: )?object [0-9a-f]{40}: ")


def check(objects: Objects, repo_id: str, pack: Pack | None, paths: Iterable[str], scratch: Path) -> None:
    """Raise :class:`BadPath` where ``pack``, a new commit that touches ``paths``, is one that git would not take.

    ``scratch`` is a directory that is not there yet. Without a git on this machine nobody clones from it either.
    """
    if pack is None or not any(_is_module_file(path) for path in paths) or not can_run():
        return
    try:
        Quarantine(scratch, repo_id, objects).index(pack.pack_path, max_objects=pack.objects, limits=Limits())
    except GitRefused as err:
        said = _PLACE.sub("", err.message.split(";")[0])
        raise BadPath(f"Clients would not be safe from this .gitmodules ({said}).") from err


def _is_module_file(path: str) -> bool:
    return any(_NAME.fullmatch(rules.plain_name(name)) for name in path.split("/"))
