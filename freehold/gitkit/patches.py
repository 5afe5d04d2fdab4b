"""What one commit has that another has not, as git prints it."""

from collections.abc import Iterator

from freehold.gitkit.objects import Objects

_NULL = "0" * 40
#: A longer file stands in a patch by name alone: libgit2 would read and compare all of it in memory.
MAX_FILE_BYTES = 512 << 10
MAX_PATCH_BYTES = 2 << 20


def patch(objects: Objects, before: str, after: str, *, limit_bytes: int = MAX_PATCH_BYTES) -> str:
    """The unified diff from commit ``before`` to commit ``after``; whole files, up to about ``limit_bytes``.

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


def _parts(objects: Objects, before: str, after: str) -> Iterator[str]:
    diff = objects.difference(before, after)
    for at, delta in enumerate(diff.deltas):
        # A side that is not there has the null id.
        sides = {str(delta.old_file.id), str(delta.new_file.id)} - {_NULL}
        if any(objects.size_bytes(oid) > MAX_FILE_BYTES for oid in sides):
            old, new = delta.old_file.path, delta.new_file.path
            yield f"diff --git a/{old} b/{new}\nFiles a/{old} and b/{new} differ\n"
        else:
            yield diff[at].text or ""
