"""Settings: frozen, read from the environment once, checked at start, handed down.

Nothing else reads the environment. Every field is described in ``docs/settings.md``; a test compares the two.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "FREEHOLD_"


class SettingsError(Exception):
    """A setting cannot work; the message is one sentence saying what to set."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One installation. Each field ``name`` is read from ``FREEHOLD_NAME``; sizes in bytes, times in seconds."""

    data: Path = field(metadata={"help": "Directory for everything kept on this machine."})
    database_url: str = field(default="", metadata={"help": "sqlite:///PATH or postgresql://USER@HOST/NAME."})
    store_url: str = field(default="", metadata={"help": "file:///PATH, memory:// or s3://BUCKET/PREFIX."})
    public_url: str = field(default="", metadata={"help": "The address people use; empty: taken from each request."})
    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on."})
    port: int = field(default=8000, metadata={"help": "Port to listen on."})
    index: str = field(
        default="auto",
        metadata={"help": "Lists from memory: `auto`: above 2,000 repositories; `on`; `off`: from the database."},
    )
    threads: int = field(default=16, metadata={"help": "Threads that run verbs."})
    task_threads: int = field(default=4, metadata={"help": "Background tasks at a time on this node; 0: none here."})
    s3_endpoint: str = field(default="", metadata={"help": "Address of an S3 service that is not the default one."})
    s3_region: str = field(default="us-east-1", metadata={"help": "Region of the S3 bucket."})
    s3_access_key: str = field(default="", metadata={"help": "S3 access key id."})
    s3_secret_key: str = field(default="", metadata={"help": "S3 secret key."})
    presign: bool = field(default=True, metadata={"help": "Send clients to the S3 store by presigned address."})
    nginx_accel: str = field(default="", metadata={"help": "Internal nginx location for X-Accel-Redirect; empty: off."})
    sealing_key: str = field(
        default="",
        metadata={"help": "Key for stored secrets, 64 hex digits; empty: `sealing.key` in the data directory."},
    )
    max_inline_bytes: int = field(default=10 << 20, metadata={"help": "Largest file a commit may carry outside LFS."})
    max_commit_bytes: int = field(default=2 << 30, metadata={"help": "Largest body of one commit call."})
    max_push_bytes: int = field(default=2 << 30, metadata={"help": "Largest body of one git push."})
    git_processes: int = field(default=8, metadata={"help": "Clones, fetches and pushes at work at the same time."})
    git_s: int = field(default=3600, metadata={"help": "Longest time that one clone, or the check of a push, takes."})
    multipart_bytes: int = field(default=5 << 30, metadata={"help": "LFS files above this are sent in parts."})
    max_object_bytes: int = field(default=5 << 40, metadata={"help": "Largest single file."})
    cache_bytes: int = field(
        default=20 << 30,
        metadata={"help": "Disk for files rebuilt from their Xet chunks, and those that engines read."},
    )
    xet_token_s: int = field(default=3600, metadata={"help": "Life of a Xet token and of a data address."})
    session_s: int = field(default=14 * 86400, metadata={"help": "Life of a signed-in browser session."})

    sign_up: str = field(
        default="invited",
        metadata={"help": "Who gets an account: `open`: everybody; `invited`: by mail; `closed`: by administrators."},
    )
    founders: str = field(default="people", metadata={"help": "Who makes organisations: people or administrators."})
    smtp_url: str = field(default="", metadata={"help": "Where mail is handed over: smtp://USER@HOST or smtps://."})
    mail_from: str = field(default="", metadata={"help": "Sender of mail; empty: freehold@ the public host."})
    webhook_allow: str = field(
        default="", metadata={"help": "Hosts and networks inside yours that webhooks may reach."}
    )

    deployers: str = field(default="people", metadata={"help": "Who deploys models: people or administrators."})
    anonymous_calls: bool = field(
        default=False, metadata={"help": "Let anonymous callers to the models that anonymous visitors may read."}
    )
    run_memory: int = field(
        default=0, metadata={"help": "Memory that models on this node take together; 0: half of what the machine has."}
    )
    remote_allow: str = field(
        default="", metadata={"help": "Hosts and networks inside yours that remote endpoints may be at."}
    )
    currency: str = field(default="EUR", metadata={"help": "What prices of calls are in: three letters."})
    transformers_python: str = field(
        default="", metadata={"help": "Python that has `transformers[serving]`; empty: the hub's own, if it has it."}
    )
    vllm_python: str = field(default="", metadata={"help": "Python of vLLM's environment; empty: no vLLM here."})
    ray_address: str = field(
        default="", metadata={"help": "Ray cluster that runs models: `HOST:PORT`, `auto`, ray://; empty: this node."}
    )
    ray_python: str = field(default="", metadata={"help": "Python that has `ray`; empty: the hub's own."})
    ray_cpus: int = field(default=2, metadata={"help": "Processor cores that a replica on the Ray cluster gets."})
    ray_cache: str = field(
        default="~/.cache/freehold-ray", metadata={"help": "Folder on each of its nodes for the files of models."}
    )
    core_watts: int = field(
        default=10, metadata={"help": "What a processor core is thought to draw, for estimates of energy."}
    )
    meter_days: int = field(default=90, metadata={"help": "Days that single calls are kept; their sums stay longer."})
    content_days: int = field(
        default=30, metadata={"help": "Days that what was asked and answered is kept, where an owner keeps it."}
    )
    batch_files_bytes: int = field(
        default=20 << 30, metadata={"help": "Files of batches that one person keeps, all together."}
    )
    batch_file_days: int = field(
        default=30, metadata={"help": "Days that files of batches are kept, where a call does not say fewer."}
    )

    @property
    def hub_url(self) -> str:
        """The address of the hub where no request tells it: in mail, and in what webhooks are sent."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def database(self) -> str:
        """The SQLAlchemy address of the database."""
        if not self.database_url:
            return f"sqlite:///{self.data / 'freehold.db'}"
        return self.database_url.replace("postgres://", "postgresql://", 1).replace(
            "postgresql://", "postgresql+psycopg://", 1
        )

    @property
    def store(self) -> str:
        return self.store_url or f"file://{self.data / 'store'}"

    @property
    def here(self) -> str:
        """The hub's address as this machine itself reaches it."""
        return local_url(self.host, self.port)


def local_url(host: str, port: int) -> str:
    """Where a listener is reached from this machine: what listens everywhere is nowhere to go to."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


def load(environ: Mapping[str, str], *, data: Path | str | None = None, **given: object) -> Settings:
    """Settings from ``environ``, with ``given`` (from the command line) winning where not None.

    Raises :class:`SettingsError` with what to set.
    """
    known = {f.name: f for f in fields(Settings)}
    values: dict[str, object] = {}
    for name, known_field in known.items():
        raw = environ.get(PREFIX + name.upper())
        if raw is not None and raw != "":
            values[name] = _parsed(name, known_field.type, raw)
    values |= {name: value for name, value in given.items() if value is not None}
    values["data"] = Path(str(data or values.get("data") or "freehold-data")).expanduser().resolve()
    _refuse_unknown(environ, known)
    settings = Settings(**values)  # type: ignore[arg-type]  # checked field by field above
    _check(settings)
    return settings


_TAKEN: Mapping[object, str] = {
    int: "a whole number, with K, M, G or T for powers of 1024", bool: "true or false",
}  # fmt: skip


def _parsed(name: str, kind: object, raw: str) -> object:
    try:
        if kind is int:
            return _bytes(raw)
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[raw.lower()]
    except (ValueError, KeyError) as err:
        raise SettingsError(f"{PREFIX}{name.upper()} is {raw!r}; it takes {_TAKEN[kind]}.") from err
    return raw


def _bytes(raw: str) -> int:
    """A whole number, with K, M, G or T for powers of 1024."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}.get(raw[-1:].upper())
    return int(raw[:-1]) * factor if factor else int(raw)


def _refuse_unknown(environ: Mapping[str, str], known: Mapping[str, object]) -> None:
    for name in environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in known:
            raise SettingsError(f"{name} is not a setting of Freehold; docs/settings.md lists them.")


def _check(settings: Settings) -> None:
    scheme = urlsplit(settings.database).scheme
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise SettingsError(f"FREEHOLD_DATABASE_URL starts with {scheme!r}; use sqlite:/// or postgresql://.")
    scheme = urlsplit(settings.store).scheme
    if scheme not in ("file", "memory", "s3"):
        raise SettingsError(f"FREEHOLD_STORE_URL starts with {scheme!r}; use file://, memory:// or s3://.")
    if scheme == "s3" and not (settings.s3_access_key and settings.s3_secret_key):
        raise SettingsError("FREEHOLD_STORE_URL is S3: set FREEHOLD_S3_ACCESS_KEY and FREEHOLD_S3_SECRET_KEY too.")
    if settings.sealing_key and not re.fullmatch(r"[0-9a-fA-F]{64}", settings.sealing_key):
        raise SettingsError(
            "FREEHOLD_SEALING_KEY must be 64 hexadecimal digits, as `openssl rand -hex 32` prints them."
        )
    if settings.public_url and urlsplit(settings.public_url).scheme not in ("http", "https"):
        raise SettingsError("FREEHOLD_PUBLIC_URL must be a whole address, such as https://hub.example.org.")
    if not 0 <= settings.task_threads <= 64:
        raise SettingsError(f"FREEHOLD_TASK_THREADS is {settings.task_threads}; it takes 0 to 64.")
    if not re.fullmatch(r"[A-Z]{3}", settings.currency):
        raise SettingsError(f"FREEHOLD_CURRENCY is {settings.currency!r}; use three capital letters, such as EUR.")
    if not 0 <= settings.core_watts <= 10_000:
        raise SettingsError(f"FREEHOLD_CORE_WATTS is {settings.core_watts}; it takes 0 to 10000.")
    for name in ("meter_days", "content_days", "batch_file_days"):
        if not 1 <= getattr(settings, name) <= 3650:
            raise SettingsError(f"FREEHOLD_{name.upper()} is {getattr(settings, name)}; it takes 1 to 3650.")
    for name, known in (
        ("index", ("auto", "on", "off")),
        ("sign_up", ("closed", "invited", "open")),
        ("founders", ("people", "administrators")),
        ("deployers", ("people", "administrators")),
    ):
        if getattr(settings, name) not in known:
            raise SettingsError(f"FREEHOLD_{name.upper()} is {getattr(settings, name)!r}; use {', '.join(known)}.")
    if not 0 <= settings.port <= 65535:
        raise SettingsError(f"FREEHOLD_PORT is {settings.port}; it takes 0 to 65535.")
