"""What only the S3 store does: addresses and uploads in parts that clients use without the hub in between."""

import os
import time
from dataclasses import replace

import httpx
import pytest

from freehold.core.settings import Settings
from freehold.stores.errors import BadParts, MissingObject, StoreDown
from freehold.stores.store import Store, open_store

KEY = "lfs/ab/cd/" + "ab" * 32
BYTES = bytes(range(256)) * 40
PART_BYTES = 5 << 20  # the least that S3 takes for a part which is not the last


def test_an_address_opens_the_object_and_nothing_else(s3_store: Store) -> None:
    s3_store.put_bytes(KEY, BYTES)
    s3_store.put_bytes("lfs/secret", b"secret")
    address = s3_store.address(KEY, 60)
    assert address

    assert httpx.get(address).content == BYTES
    assert httpx.get(address, headers={"Range": "bytes=4-7"}).content == BYTES[4:8]
    assert httpx.get(address.split("?")[0]).status_code == 403
    assert httpx.get(address.replace(KEY, "lfs/secret")).status_code == 403
    assert httpx.put(address, content=b"overwritten").status_code == 403
    assert s3_store.get(KEY) == BYTES


def test_an_address_runs_out(s3_store: Store) -> None:
    s3_store.put_bytes(KEY, BYTES)
    address = s3_store.address(KEY, 1)
    assert address

    time.sleep(2.2)

    assert httpx.get(address).status_code == 403


def test_an_address_of_a_range_is_good_for_that_range_only(s3_store: Store) -> None:
    # A xorb holds chunks of several files: its address must not open the neighbours. Source: protocol/xet.md 11.
    s3_store.put_bytes(KEY, BYTES)
    address = s3_store.address(KEY, 60, content_range=(100, 200))
    assert address

    asked = httpx.get(address, headers={"Range": "bytes=100-199"})
    assert (asked.status_code, asked.content) == (206, BYTES[100:200])
    assert httpx.get(address, headers={"Range": "bytes=100-200"}).status_code == 403
    assert httpx.get(address, headers={"Range": "bytes=0-10"}).status_code == 403
    assert httpx.get(address).status_code == 403


def test_an_address_with_a_name_saves_as_that_name(s3_store: Store) -> None:
    s3_store.put_bytes(KEY, BYTES)
    address = s3_store.address(KEY, 60, filename='mod"el ü.bin')
    assert address

    said = httpx.get(address).headers["content-disposition"]
    assert said == "attachment; filename*=UTF-8''mod%22el%20%C3%BC.bin"


def test_parts_sent_to_their_addresses_become_one_object(s3_store: Store) -> None:
    whole = os.urandom(2 * PART_BYTES + 17)
    upload = s3_store.multipart_start("uploads/one")
    assert upload
    addresses = s3_store.multipart_addresses("uploads/one", upload, 3, 60)

    etags = []
    for number, address in enumerate(addresses):
        answer = httpx.put(address, content=whole[number * PART_BYTES : (number + 1) * PART_BYTES], timeout=60)
        assert answer.status_code == 200
        etags.append(answer.headers["etag"])
    assert s3_store.size("uploads/one") is None, "nothing shows before the parts are joined"
    s3_store.multipart_complete("uploads/one", upload, etags)

    assert s3_store.get("uploads/one") == whole
    s3_store.move("uploads/one", KEY)
    assert s3_store.get(KEY) == whole


def test_parts_that_never_arrived_make_no_object(s3_store: Store) -> None:
    upload = s3_store.multipart_start("uploads/one")
    assert upload

    with pytest.raises(BadParts):
        s3_store.multipart_complete("uploads/one", upload, ['"00000000000000000000000000000000"'])
    assert s3_store.size("uploads/one") is None


def test_an_aborted_upload_takes_no_more_parts(s3_store: Store) -> None:
    upload = s3_store.multipart_start("uploads/one")
    assert upload
    address = s3_store.multipart_addresses("uploads/one", upload, 1, 60)[0]

    s3_store.multipart_abort("uploads/one", upload)
    s3_store.multipart_abort("uploads/one", upload)  # twice is no error

    assert httpx.put(address, content=b"late").status_code == 404


def test_a_service_that_refuses_us_is_down_not_empty(s3_settings: Settings) -> None:
    store = open_store(replace(s3_settings, s3_secret_key="wrong"))

    with pytest.raises(StoreDown):
        store.get(KEY)
    with pytest.raises(StoreDown):
        store.put_bytes(KEY, b"x")
    with pytest.raises(StoreDown):
        store.multipart_start(KEY)


def test_moving_what_is_not_there(s3_store: Store) -> None:
    with pytest.raises(MissingObject):
        s3_store.move("uploads/none", KEY)
