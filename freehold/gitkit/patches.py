"""What one commit has that another has not, as git prints it."""

from collections.abc import Iterator

from freehold.gitkit.objects import SUBMODULE_MODE, Objects

_NULL = "0" * 40
#: A longer file stands in a patch by name alone: libgit2 would read and compare all of it in memory.
MAX_FILE_BYTES = 512 << 10
#: And one of more lines: where most of them differ, the comparison takes seconds, in which nobody else is served.
MAX_COMPARED_LINES = 40_000
MAX_PATCH_BYTES = 2 << 20


def patch(objects: Objects, before: str | None, after: str, *, limit_bytes: int = MAX_PATCH_BYTES) -> str:
    """The unified diff from commit ``before`` (None: nothing) to ``after``; whole files, up to about ``limit_bytes``.

    Large files differ in their pointers. What is left out says so in a line that no tool takes for a change.
    """
    parts: list[str] = []
    size = 0
    for part in _parts(objects, before, after):
        size += len(part.encode("utf-8", "replace"))
        if size > limit_bytes:
            parts.append("# More files differ; the rest is left out here.\n")
            break
        parts.append(part)
    return "".join(parts)


def line_count(objects: Objects, oid: str) -> int:
    """How many lines a blob of bounded size has."""
    return objects.blob(oid).count(b"\n") + 1


def _parts(objects: Objects, before: str | None, after: str) -> Iterator[str]:
    diff = objects.difference(before, after)
    room = 2 * MAX_COMPARED_LINES
    for at, delta in enumerate(diff.deltas):
        # A side that is not there has the null id.
        files = [side for side in (delta.old_file, delta.new_file) if side.mode != SUBMODULE_MODE]
        sides = {str(side.id) for side in files} - {_NULL}
        is_long = any(objects.size_bytes(oid) > MAX_FILE_BYTES for oid in sides)
        lines = 0 if is_long else max((line_count(objects, oid) for oid in sides), default=0)
        room -= lines
        if is_long or lines > MAX_COMPARED_LINES or room < 0:
            old, new = (side.raw_path.decode("utf-8", "replace") for side in (delta.old_file, delta.new_file))
            yield f"diff --git a/{old} b/{new}\nFiles a/{old} and b/{new} differ\n"
        else:
            yield (diff[at].data or b"").decode("utf-8", "replace")
