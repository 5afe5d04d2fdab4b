"""What the forms of this room share."""

from starlette.datastructures import UploadFile

from freehold.accounts import rules
from freehold.accounts.pictures import MAX_BYTES
from freehold.accounts.throttle import one_check
from freehold.core.errors import BadRequest

OWN = "own"


def hashed(password: str, again: str | None = None) -> str:
    """The hash of a new password, typed twice where ``again`` is given. Takes long: never inside a transaction."""
    if again is not None and password != again:
        raise BadRequest("The two passwords are not the same.", field="again")
    rules.checked_password(password)
    with one_check():
        return rules.password_hash(password)


def picture(upload: UploadFile | None) -> bytes:
    """The bytes that were chosen, one more than allowed at most: enough to refuse them."""
    if upload is None or not upload.filename:
        raise BadRequest("Choose a PNG or JPEG file first.", field="picture")
    return upload.file.read(MAX_BYTES + 1)
