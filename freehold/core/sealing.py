"""What is kept but must not be read in a dump of the database: secrets of Spaces and of webhooks, encrypted.

The key lies outside the database: in the data directory (``sealing.key``, for its owner alone), or in a setting where
several nodes serve one installation. The database keeps only a fingerprint of the key, so that a node that holds
another one says so instead of sealing what the others cannot open.
"""

import base64
import binascii
import hashlib
import logging
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.core.instance import known_value, value_or_new
from freehold.core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

log = logging.getLogger("freehold.sealing")
KEY_FILE = "sealing.key"
FINGERPRINT = "sealing_key"  # under this name among the values of the installation
_VERSION = b"\x01"
_NONCE_BYTES = 12


class CannotSeal(HubError):
    """The key is not here, or not the one that sealed. Not 503: clients repeat that, and it does not pass by itself."""

    status = 507


class Sealer:
    """Encrypts short texts under the installation's key, for one purpose each.

    ``purpose`` says what the text is and whose (``"webhook secret 64f0..."``); it is part of what is checked, so a
    sealed value that somebody moves to another row does not open there.
    """

    def __init__(self, key: bytes | None) -> None:
        """``key``: 32 bytes; None where this node has no key that fits, and every call raises :class:`CannotSeal`."""
        self._key = key
        self._cipher: ChaCha20Poly1305 | None = None

    def seal(self, purpose: str, text: str) -> str:
        """``text`` encrypted, as printable text of about 4/3 its length; never twice the same."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ready().encrypt(nonce, text.encode("utf-8"), _bound(purpose))
        return base64.urlsafe_b64encode(_VERSION + nonce + sealed).decode()

    def open(self, purpose: str, sealed: str) -> str:
        """The text that was sealed here for ``purpose``.

        Raises :class:`CannotSeal` for anything else: another key, another purpose, a changed value.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ready()
        try:
            raw = base64.urlsafe_b64decode(sealed)
            if raw[:1] != _VERSION:
                raise ValueError("not sealed by this release")
            nonce, body = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
            return cipher.decrypt(nonce, body, _bound(purpose)).decode("utf-8")
        except (InvalidTag, ValueError, binascii.Error) as err:
            raise CannotSeal("A sealed value does not open with this hub's key: set it again.") from err

    def _ready(self) -> "ChaCha20Poly1305":
        if self._key is None:
            raise CannotSeal(
                "This hub holds no key for its secrets: whoever runs it puts back DATA/sealing.key, or sets "
                "FREEHOLD_SEALING_KEY (docs/settings.md)."
            )
        if self._cipher is None:
            # At the first use: the library takes megabytes of a hub that may never seal anything.
            from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

            self._cipher = ChaCha20Poly1305(self._key)
        return self._cipher


def open_sealer(settings: Settings, database: Database) -> Sealer:
    """The sealer of this installation. The first start makes its key.

    A node whose key is missing or is another one starts all the same, because models can be served without it; what
    needs the key then raises, and the log says what to do.
    """
    key = key_of(settings)
    if key is None and not known_value(database, FINGERPRINT):
        key = _first_key(settings.data / KEY_FILE)
    if key is None or value_or_new(database, FINGERPRINT, fingerprint_of(key)) != fingerprint_of(key):
        log.error(
            "The key for sealed secrets is not the one of this installation: put back %s from the first node or a "
            "backup, or set FREEHOLD_SEALING_KEY to the same value on every node.",
            settings.data / KEY_FILE,
        )
        return Sealer(None)
    return Sealer(key)


def key_of(settings: Settings) -> bytes | None:
    """The key that this node was given, by setting or file; None when it has none yet."""
    if settings.sealing_key:
        return bytes.fromhex(settings.sealing_key)
    path = settings.data / KEY_FILE
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise SettingsError(f"{path} is not a key: 64 hexadecimal digits are expected. Put it back from a backup.")
    return key


def fingerprint_of(key: bytes) -> str:
    """What the database may know of ``key``: enough to tell it from another, nothing to open with."""
    return hashlib.sha256(b"freehold sealing key\n" + key).hexdigest()[:32]


def _first_key(path: Path) -> bytes:
    """A new key, durable at ``path`` before anything is sealed with it; where another process was first, its key."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(scratch)
    except FileExistsError:
        pass
    finally:
        scratch.unlink()
    return bytes.fromhex(path.read_text().strip())


def _bound(purpose: str) -> bytes:
    return b"freehold\n" + purpose.encode("utf-8")
