"""Lines that get a repository with programs people already have: made to be pasted, so nothing in them is a stranger's.

Pure. A file's name goes into Python by ``repr``, which leaves no character that a terminal acts on, and into a shell
only percent-encoded or quoted and printable. What works only against the public hub (Ollama, ``llama-server -hf``) is
left out. tests/compat/test_use_lines.py runs what is told here.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from freehold.discover.facts import Facts
from freehold.gitkit.objects import Entry
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo

#: Where a token of the visitor's own has to stand.
TOKEN = "hf_…"  # noqa: S105 (a place for one)
#: Tasks that ``transformers.pipeline`` takes. Source: transformers 5, pipelines/__init__.py.
_TASKS = """
    any-to-any audio-classification automatic-speech-recognition depth-estimation document-question-answering
    feature-extraction fill-mask image-classification image-feature-extraction image-segmentation image-text-to-text
    mask-generation object-detection question-answering table-question-answering text-classification text-generation
    text-to-audio text-to-speech token-classification video-classification visual-question-answering
    zero-shot-audio-classification zero-shot-classification zero-shot-image-classification zero-shot-object-detection
"""
PIPELINES = frozenset(_TASKS.split())
#: How pandas reads a file by its ending: the function, and what else it takes.
_READERS = {"parquet": ("read_parquet", ""), "csv": ("read_csv", ""), "jsonl": ("read_json", ", lines=True")}
#: In ``hf://`` addresses other characters mean something, or nobody knows.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. /-]*", re.ASCII)
MAX_FILE_CHARACTERS = 200
#: Looked through for one to name.
MAX_FILES = 2_000


@dataclass(frozen=True)
class Use:
    """Lines to paste. ``key`` names their place on the page, ``note`` says what reads them."""

    key: str
    label: str
    note: str
    text: str


@dataclass(frozen=True)
class Given:
    """What lines are made for. ``base`` is the model that an adapter belongs to, ``has_base`` whether it is here."""

    repo: Repo
    known: Facts | None
    hub: str
    needs_token: bool
    base: str = ""
    has_base: bool = False
    subset: str = ""  #: of a data set that has several

    @property
    def url(self) -> str:
        return f"{self.hub}{page_path(self.repo.kind, self.repo.path)}"

    @property
    def files(self) -> Sequence[Entry]:
        return self.known.files[:MAX_FILES] if self.known else ()

    @property
    def libraries(self) -> set[str]:
        words = self.known.card.words if self.known else None
        return {*words.tags, words.library_name or ""} if words else set()


def lines(given: Given) -> Sequence[Use]:
    """Every way that applies, the one made for the repository first."""
    made = {"model": _model, "dataset": _dataset}.get(given.repo.kind)
    return [*(made(given) if made and given.known else ()), *_any(given)]


# ---- any repository ------------------------------------------------------------------------------------------------


def _any(given: Given) -> Iterator[Use]:
    path, kind = given.repo.path, given.repo.kind
    option = "" if kind == "model" else f" --repo-type {kind}"
    yield Use("hf", "hf", "Shell", _shell(given, f"hf download {path}{option}"))
    keyword = "" if kind == "model" else f', repo_type="{kind}"'
    code = f'from huggingface_hub import snapshot_download\n\nfolder = snapshot_download("{path}"{keyword})'
    yield Use("huggingface-hub", "huggingface_hub", "Python", _python(given, code))
    single = _file_of_note(given)
    if single is not None:
        yield Use("curl", "curl", "one file", _curl(given, single))
    clone = f"git lfs install\ngit clone {shlex.quote(given.url)}"
    if given.needs_token:
        clone += "\n# asks for your user name, and an access token as the password"
    yield Use("git", "git", "all revisions", clone)


def _file_of_note(given: Given) -> Entry | None:
    """The largest file: the weights or the data, as a rule."""
    return max(given.files, key=lambda entry: entry.true_size_bytes, default=None)


def _curl(given: Given, entry: Entry) -> str:
    token = ' \\\n  -H "Authorization: Bearer $HF_TOKEN"' if given.needs_token else ""
    line = f"curl -L -OJ{token} \\\n  {shlex.quote(_address(given, entry))}"
    return f"export HF_TOKEN={TOKEN}\n{line}" if given.needs_token else line


def _address(given: Given, entry: Entry) -> str:
    return f"{given.url}/resolve/main/{quote(entry.path)}"


def _shell(given: Given, line: str) -> str:
    token = f"\nexport HF_TOKEN={TOKEN}" if given.needs_token else ""
    return f"export HF_ENDPOINT={shlex.quote(given.hub)}{token}\n{line}"


def _python(given: Given, code: str) -> str:
    # Read when huggingface_hub is imported, so they come first.
    token = f'\nos.environ["HF_TOKEN"] = "{TOKEN}"' if given.needs_token else ""
    return f'import os\nos.environ["HF_ENDPOINT"] = "{given.hub}"{token}\n\n{code}'


# ---- models --------------------------------------------------------------------------------------------------------


def _model(given: Given) -> Iterator[Use]:
    assert given.known is not None, "lines of a model are made from its files"
    path, libraries = given.repo.path, given.libraries
    names = {entry.path for entry in given.files}
    config = given.known.card.config or {}
    if "sentence-transformers" in libraries and "modules.json" in names:
        code = f'from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer("{path}")'
        yield Use("sentence-transformers", "sentence-transformers", "Python", _python(given, code))
    if "adapter_config.json" in names and given.base:
        yield Use("peft", "peft", "Python", _python(given, _adapter(given)))
    elif config.get("model_type") and _has_weights(names):
        yield Use("transformers", "transformers", "Python", _python(given, _transformers(given)))
    if "model_index.json" in names:
        code = f'from diffusers import DiffusionPipeline\n\npipe = DiffusionPipeline.from_pretrained("{path}")'
        yield Use("diffusers", "diffusers", "Python", _python(given, code))
    yield from _single_files(given)


def _has_weights(names: set[str]) -> bool:
    return any("/" not in name and name.endswith((".safetensors", ".bin", ".safetensors.index.json")) for name in names)


def _transformers(given: Given) -> str:
    assert given.known is not None, "see _model"
    path, task = given.repo.path, given.known.card.words.pipeline_tag or ""
    if task in PIPELINES:
        return f'from transformers import pipeline\n\npipe = pipeline("{task}", model="{path}")'
    return (
        "from transformers import AutoModel, AutoTokenizer\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("{path}")\nmodel = AutoModel.from_pretrained("{path}")'
    )


def _adapter(given: Given) -> str:
    where = "" if given.has_base else "  # not on this hub: put the folder that holds it here"
    return (
        "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
        f"base = AutoModelForCausalLM.from_pretrained({given.base!r}){where}\n"
        f'model = PeftModel.from_pretrained(base, "{given.repo.path}")'
    )


def _single_files(given: Given) -> Iterator[Use]:
    path = given.repo.path
    gguf = _chosen(given, ".gguf", without="mmproj")
    if gguf is not None:
        if _is_plain(gguf):
            command = f'llama-server -m "$(hf download --quiet {path} {shlex.quote(gguf)})"'
            yield Use("llama-cpp", "llama.cpp", "Shell", _shell(given, command))
        code = (
            "import xllamacpp\nfrom huggingface_hub import hf_hub_download\n\n"
            "params = xllamacpp.CommonParams()\n"
            f'params.model.path = hf_hub_download("{path}", {gguf!r})\nserver = xllamacpp.Server(params)'
        )
        yield Use("xllamacpp", "xllamacpp", "Python", _python(given, code))
    onnx = _chosen(given, ".onnx")
    if onnx is not None:
        code = (
            "import onnxruntime\nfrom huggingface_hub import hf_hub_download\n\n"
            f'session = onnxruntime.InferenceSession(hf_hub_download("{path}", {onnx!r}))'
        )
        yield Use("onnxruntime", "onnxruntime", "Python", _python(given, code))
    tensors = _chosen(given, ".safetensors")
    if tensors is not None and not (given.known and given.known.card.config):
        code = (
            "from huggingface_hub import hf_hub_download\nfrom safetensors.torch import load_file\n\n"
            f'tensors = load_file(hf_hub_download("{path}", {tensors!r}))'
        )
        yield Use("safetensors", "safetensors", "Python", _python(given, code))


def _chosen(given: Given, ending: str, *, without: str = "\x00") -> str | None:
    names = [entry.path for entry in given.files if entry.path.endswith(ending) and without not in entry.path]
    short = [name for name in names if len(name) <= MAX_FILE_CHARACTERS]
    # What most people take, where there are several quantisations.
    return next((name for name in short if "Q4_K_M" in name), short[0] if short else None)


def _is_plain(name: str) -> bool:
    return name.isprintable() and not name.startswith("-")


# ---- data sets -----------------------------------------------------------------------------------------------------


def _dataset(given: Given) -> Iterator[Use]:
    path = given.repo.path
    found = _data_file(given)
    if found is None:
        return
    subset = f", {given.subset!r}" if given.subset else ""
    code = f'from datasets import load_dataset\n\ndata = load_dataset("{path}"{subset})'
    yield Use("datasets", "datasets", "Python", _python(given, code))
    entry, ending = found
    if _PLAIN_PATH.fullmatch(entry.path):
        function, more = _READERS[ending]
        address = f"hf://datasets/{path}/{entry.path}"
        code = f'import pandas\n\ntable = pandas.{function}("{address}"{more})'
        yield Use("pandas", "pandas", "Python", _python(given, code))
        code = (
            "import duckdb\nfrom huggingface_hub import HfFileSystem\n\n"
            f"duckdb.register_filesystem(HfFileSystem())\nduckdb.sql(\"FROM '{address}' LIMIT 10\").show()"
        )
        yield Use("duckdb", "DuckDB", "SQL in Python", _python(given, code))
    if not given.needs_token:  # polars sends a token to the public hub only
        function = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_ndjson"}[ending]
        code = f"import polars\n\ntable = polars.{function}({_address(given, entry)!r})"
        yield Use("polars", "polars", "Python", code)


def _data_file(given: Given) -> tuple[Entry, str] | None:
    """The first file of rows, in the format that is read best."""
    for ending in _READERS:
        for entry in given.files:
            if entry.path.endswith(f".{ending}") and len(entry.path) <= MAX_FILE_CHARACTERS:
                return entry, ending
    return None
