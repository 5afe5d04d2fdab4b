"""Pure decisions: which paths and ref names may be, what goes through LFS, what a new repository starts with."""

import re
import unicodedata
from collections.abc import Mapping

from freehold.content.errors import BadPath, BadRef
from freehold.gitkit.attributes import is_lfs

MAX_SEGMENT_BYTES = 255  # what file systems of the clients take
MAX_PATH_BYTES = 4096
MAX_PATH_DEPTH = 256  # trees are written from the inside out, one call a level
MAX_REF_CHARS = 200
MAX_SUMMARY_CHARS = 4096
MAX_DESCRIPTION_CHARS = 65_536
MAX_OPERATIONS = 25_000
SAMPLE_BYTES = 512

COMMIT_ID = re.compile(r"[0-9a-f]{40}")
COMMIT_PREFIX = re.compile(r"[0-9a-fA-F]{5,40}")  # as a parent that a commit names. Source: protocol/hub-api.md 3.6
ABBREVIATION = re.compile(r"[0-9a-fA-F]{4,40}")  # as git itself takes it
SHA256 = re.compile(r"[0-9a-f]{64}")
BRANCHES, TAGS, PULLS, CONVERTS = "refs/heads/", "refs/tags/", "refs/pr/", "refs/convert/"
MAIN = BRANCHES + "main"

# ---- paths -------------------------------------------------------------------------------------------------

#: HFS+ ignores these in names, so ``.g<U+200C>it`` is ``.git`` there. Source: git's utf8.c, is_hfs_dotgit.
_IGNORED_BY_HFS = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF), None)


def checked_path(path: str) -> str:
    """``path`` if a file of a repository may have it; raises :class:`BadPath` saying why not.

    A client writes these paths to its own disk: one that could leave its folder there is refused here, for everyone.
    """
    reason = _path_problem(path)
    if reason:
        raise BadPath(f"{path[:200]!a} cannot be a path in a repository: {reason}.")
    return path


#: Nearly every path, and nothing wrong with it: a push of a million names asks for each.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def _path_problem(path: str) -> str | None:
    if len(path) <= MAX_SEGMENT_BYTES and _PLAIN_PATH.fullmatch(path):
        return None
    if not path:
        return "it is empty"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in path):
        return "it holds control characters"
    if "\\" in path:
        return "it holds a backslash"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    if path.count("/") > MAX_PATH_DEPTH:
        return f"it lies deeper than {MAX_PATH_DEPTH} folders"
    return next((problem for name in path.split("/") if (problem := _name_problem(name))), None)


def _name_problem(name: str) -> str | None:
    if name in ("", ".", ".."):
        return "every part needs a name other than '.' and '..'"
    if len(name.encode()) > MAX_SEGMENT_BYTES:
        return f"a name is longer than {MAX_SEGMENT_BYTES} bytes"
    if is_dot_git(name):
        return "'.git' is git's own"
    if name[1:2] == ":":  # ``ntpath.join("folder", "C:", "x")`` is ``C:x``, outside of the folder
        return "a name that starts like 'C:' is a drive to Windows"
    return None


def is_dot_git(name: str) -> bool:
    """Whether some file system takes ``name`` for ``.git``. Source: git's path.c, is_ntfs_dotgit; utf8.c."""
    return plain_name(name) in (".git", "git~1")


def plain_name(name: str) -> str:
    """``name`` without what HFS+ and NTFS do not see in it, and in small letters."""
    return name.translate(_IGNORED_BY_HFS).lower().split(":", 1)[0].rstrip(". ")


# ---- refs --------------------------------------------------------------------------------------------------


def checked_branch(name: str) -> str:
    """The full ref of the branch ``name``; raises :class:`BadRef`. The words are the clients' (hub-api.md 5)."""
    if not _may_be_ref(name):
        raise BadRef(f"Invalid reference for a branch: {name[:200]}")
    return BRANCHES + name


def checked_tag(name: str) -> str:
    if not _may_be_ref(name):
        raise BadRef(f"Invalid reference for a tag: {name[:200]}")
    return TAGS + name


def _may_be_ref(name: str) -> bool:
    """Source: git-check-ref-format(1); and no name that reads as something else where revisions are named."""
    if not name or len(name) > MAX_REF_CHARS or name in ("HEAD", "@") or name.startswith(("refs/", "-")):
        return False
    if COMMIT_ID.fullmatch(name.lower()) or re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", name):
        return False
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        return False
    parts = name.split("/")
    return all(part and not part.startswith(".") and not part.endswith((".", ".lock")) for part in parts)


def ref_candidates(revision: str) -> list[str]:
    """The full refs that ``revision`` may mean, the likeliest first."""
    if not revision or len(revision) > MAX_REF_CHARS + len(BRANCHES) or not revision.isprintable():
        return []
    if revision == "HEAD":
        return [MAIN]
    if revision.startswith("refs/"):
        return [revision]
    return [BRANCHES + revision, TAGS + revision]


# ---- what goes through LFS ---------------------------------------------------------------------------------


def upload_mode(
    path: str, size_bytes: int, sample: bytes, attributes: Mapping[str, str], *, max_inline_bytes: int
) -> str:
    """``lfs`` or ``regular`` for a file about to be uploaded. Source: protocol/hub-api.md 3.2.

    ``attributes`` are the ``.gitattributes`` texts of the revision by directory (the root is empty); ``sample`` the
    file's first 512 bytes. What the attributes say wins over the look of the bytes; no attribute makes git carry more
    than ``max_inline_bytes``.
    """
    name = path.rpartition("/")[2]
    if size_bytes > max_inline_bytes:
        return "lfs"
    if size_bytes == 0 or name in (".gitattributes", ".gitignore"):  # git reads these itself
        return "regular"
    said = attribute_verdict(path, attributes)
    if said is None:
        said = is_binary(sample)
    return "lfs" if said else "regular"


def attribute_verdict(path: str, attributes: Mapping[str, str]) -> bool | None:
    """What the nearest ``.gitattributes`` with an opinion says of ``path``."""
    for directory in ancestors(path):
        text = attributes.get(directory)
        relative = path[len(directory) + 1 :] if directory else path
        said = is_lfs(text, relative) if text is not None else None
        if said is not None:
            return said
    return None


def ancestors(path: str) -> list[str]:
    """The directories above ``path``, the nearest first, the root (empty) last."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]


def is_binary(sample: bytes) -> bool:
    """Whether the first bytes of a file are not text: a NUL, or no UTF-8 (but for a character cut at the end)."""
    if b"\0" in sample:
        return True
    try:
        sample.decode()
    except UnicodeDecodeError as err:
        return not (err.reason == "unexpected end of data" and len(sample) - err.start < 4)
    return False


# ---- a new repository --------------------------------------------------------------------------------------

_LFS_PATTERNS = """
    *.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gguf *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz
    *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite
    *.tgz *.wasm *.xz *.zip *.zst *tfevents*
"""
_MEDIA_PATTERNS = """
    *.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp *.mp4
    *.webm
"""


def first_files(kind: str, name: str, sdk: str | None) -> dict[str, bytes]:
    """What a new repository holds. Source: protocol/hub-api.md 2."""
    patterns = (_LFS_PATTERNS + (_MEDIA_PATTERNS if kind == "dataset" else "")).split()
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns)
    files = {".gitattributes": attributes.encode()}
    if kind == "space":
        files["README.md"] = _front_matter(kind, name, sdk, "").encode()
    return files


#: Headings that readers look for, and what to write below each.
_HEADINGS = {
    "model": {
        "What it is for": "Whom it helps with what, and what it should not be used for.",
        "How to use it": "A few lines of code that run as they stand.",
        "Training data": "What it was trained on, and on what terms.",
        "Evaluation": "Measured on what, how, and what came out.",
        "Limits": "Where it fails, and whom that may harm.",
    },
    "dataset": {
        "What it holds": "What one row is, how many there are, in which languages.",
        "How it was collected": "Where it comes from, who chose and labelled it, on what terms.",
        "Columns and splits": "What each column says, and how the splits were made.",
        "Limits": "What is missing or one-sided, and whether people can be recognised.",
    },
}


def first_card(kind: str, name: str, sdk: str | None, licence: str) -> str:
    """A README to begin with: front matter, the name, and headings with notes to the writer that readers do not see."""
    headings = (f"## {title}\n\n<!-- {note} -->\n" for title, note in _HEADINGS.get(kind, {}).items())
    return "\n".join([_front_matter(kind, name, sdk, licence), f"# {name}\n", *headings])


def _front_matter(kind: str, name: str, sdk: str | None, licence: str) -> str:
    lines = []
    if kind == "space":
        title = name.replace("-", " ").replace("_", " ").strip().title() or name
        lines = [f'title: "{title}"', "colorFrom: blue", "colorTo: indigo", f"sdk: {sdk}", "pinned: false"]
    if licence:
        lines.append(f"license: {licence}")
    return "".join(f"{line}\n" for line in ("---", *lines, "---")) if lines else ""
