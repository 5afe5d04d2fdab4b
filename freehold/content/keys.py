"""Where bytes lie in the store. Written once under names that follow from their content."""


def content_key(sha256: str) -> str:
    """A whole large file."""
    return f"lfs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def xorb_key(xorb_hash: str) -> str:
    return f"xorbs/{xorb_hash[:2]}/{xorb_hash}"


def xorb_index_key(xorb_hash: str) -> str:
    """The chunk index beside a xorb (``xetkit.xorbs``)."""
    return f"{xorb_key(xorb_hash)}.idx"


def pack_folder(repo_id: str) -> str:
    """The packs of a repository; in a directory store this is a git object directory as it stands."""
    return f"git/{repo_id}/objects/pack"


def pack_key(repo_id: str, name: str) -> str:
    return f"{pack_folder(repo_id)}/{name}.pack"


def pack_index_key(repo_id: str, name: str) -> str:
    return f"{pack_folder(repo_id)}/{name}.idx"


def attachment_key(name: str) -> str:
    """A picture, film or sound of a comment."""
    return f"attachments/{name[:2]}/{name}"
