"""Forms with files, read piece by piece: each file goes to a scratch file as it arrives, hashed, never in memory whole.

Source: RFC 7578; file names as browsers write them (raw UTF-8, ``%22`` for a quote).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request

from freehold.core.errors import BadRequest, TooLarge

MAX_FIELD_BYTES = 256 << 10  # of all fields that are no files
MAX_FIELDS = 100
SAMPLE_BYTES = 512
_BOUNDARY = re.compile(r'boundary="?([^";]{1,200})"?')
_PARAMETER = re.compile(r';\s*(name|filename)="([^"]*)"')


@dataclass
class FormFile:
    """One file of a form: ``name`` as its sender has it, the bytes at ``path``."""

    name: str
    path: Path
    size_bytes: int = 0
    sha256: str = ""
    sample: bytes = b""


@dataclass
class Form:
    fields: dict[str, str] = field(default_factory=dict)
    files: list[FormFile] = field(default_factory=list)


class FormReader:
    """Fed the body piece by piece (in a worker thread). Files lie in ``scratch``, a directory of the caller's.

    ``admit`` sees the fields before the first file is kept: forms name their fields in order, so a token that comes
    first is checked first. Raises :class:`BadRequest`, :class:`TooLarge`, and what ``admit`` raises.
    """

    def __init__(
        self, request: Request, scratch: Path, *, max_files: int, admit: Callable[[dict[str, str]], None]
    ) -> None:
        found = _BOUNDARY.search(request.headers.get("content-type", ""))
        if found is None:
            raise BadRequest("The form has no boundary: send it as multipart/form-data.")
        self._scratch, self._max_files, self._admit = scratch, max_files, admit
        self._form = Form()
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = ""
        self._name = ""
        self._text: bytearray | None = None
        self._file: FormFile | None = None
        self._open: Any = None
        self._hash = hashlib.sha256()
        self._field_bytes = 0
        self._parts_left = max_files + MAX_FIELDS
        self._is_ended = False
        self._parser = MultipartParser(
            found[1].encode("latin-1", "replace"),
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._start,
                "on_part_data": self._take,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def __enter__(self) -> "FormReader":
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            self._open.close()

    def take(self, piece: memoryview) -> None:
        """Read ``piece`` after those before."""
        try:
            self._parser.write(bytes(piece))
        except MultipartParseError as err:
            raise BadRequest("The form is not multipart/form-data, as it says.") from err

    def finish(self) -> Form:
        """The whole form. Raises :class:`BadRequest` when it broke off."""
        if not self._is_ended:
            raise BadRequest("The form ended in the middle: nothing was kept. Send it again.")
        self._admit(self._form.fields)
        return self._form

    def _begin(self) -> None:
        self._parts_left -= 1
        if self._parts_left < 0:  # empty ones weigh nothing, and each takes its time
            raise TooLarge(f"A form may bring {self._max_files:,} files and {MAX_FIELDS} fields.")
        self._header = (bytearray(), bytearray())
        self._disposition = ""

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = self._header[1].decode("utf-8", "replace")
        self._header = (bytearray(), bytearray())

    def _start(self) -> None:
        given = dict(_PARAMETER.findall(self._disposition))
        self._name = given.get("name", "")
        name = given.get("filename")
        self._text, self._file = bytearray(), None
        if not name:  # no file, or a field for one that was left empty
            return
        self._admit(self._form.fields)
        if len(self._form.files) >= self._max_files:
            raise TooLarge(f"A form may bring {self._max_files:,} files: send the others after them.")
        self._text = None
        self._file = FormFile(_plain(name), self._scratch / f"file-{len(self._form.files)}")
        self._open, self._hash = open(self._file.path, "xb"), hashlib.sha256()  # noqa: SIM115  # closed by _end()

    def _take(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._file is not None:
            self._open.write(piece)
            self._hash.update(piece)
            self._file.size_bytes += len(piece)
            if len(self._file.sample) < SAMPLE_BYTES:
                self._file.sample = (self._file.sample + bytes(piece[:SAMPLE_BYTES]))[:SAMPLE_BYTES]
            return
        assert self._text is not None, "a part that is no file is text"
        self._field_bytes += len(piece)
        if self._field_bytes > MAX_FIELD_BYTES:
            raise TooLarge(f"The fields of the form are over {MAX_FIELD_BYTES:,} bytes.")
        self._text += piece

    def _end(self) -> None:
        if self._file is not None:
            self._open.close()
            self._file.sha256 = self._hash.hexdigest()
            self._form.files.append(self._file)
        elif self._text is not None and self._name:
            self._form.fields[self._name] = self._text.decode("utf-8", "replace")
        self._text, self._file = None, None

    def _finish(self) -> None:
        self._is_ended = True


def _plain(name: str) -> str:
    for code, char in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        name = name.replace(code, char)
    return name
