"""A store in an S3 service: obstore moves the bytes, boto3 signs addresses and runs uploads in parts.

obstore cannot sign query parameters, so an upload in parts that clients send themselves needs boto3.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.store import S3Store

from freehold.core.settings import Settings
from freehold.stores.errors import BadParts, MissingObject, StoreDown
from freehold.stores.keys import checked
from freehold.stores.remote import RemoteStore

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

#: One range of 8 MiB, or one part of 16 MiB, over a very slow line.
REQUEST_TIMEOUT = timedelta(minutes=3)
#: S3 copies at most 5 GiB in one call; larger objects are copied in parts of this.
COPY_PART_BYTES = 1 << 30


class BucketStore(RemoteStore):
    """Objects below ``prefix`` in one bucket. The boto3 client is thread-safe, unlike its session."""

    def __init__(self, handle: S3Store, client: Any, bucket: str, prefix: str) -> None:
        super().__init__(handle)
        self.client = client
        self.bucket = bucket
        self.prefix = prefix

    def move(self, source: str, key: str) -> None:
        with _named("move", source):
            self.client.copy(
                {"Bucket": self.bucket, "Key": self._name(source)},
                self.bucket,
                self._name(key),
                Config=TransferConfig(multipart_threshold=COPY_PART_BYTES, multipart_chunksize=COPY_PART_BYTES),
            )
        self.delete([source])

    def address(
        self, key: str, expires_s: int, *, filename: str | None = None, content_range: tuple[int, int] | None = None
    ) -> str | None:
        given: dict[str, str] = {}
        if content_range is not None:
            # A signed header: the service refuses any other Range. Source: protocol/xet.md 12.1.
            given["Range"] = f"bytes={content_range[0]}-{content_range[1] - 1}"
        if filename is not None:
            given["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return self._signed("get_object", expires_s, Key=self._name(key), **given)

    def multipart_start(self, key: str) -> str | None:
        with _named("start an upload to", key):
            started = self.client.create_multipart_upload(Bucket=self.bucket, Key=self._name(key))
        return str(started["UploadId"])

    def multipart_addresses(self, key: str, upload_id: str, parts: int, expires_s: int) -> list[str]:
        return [
            self._signed("upload_part", expires_s, Key=self._name(key), UploadId=upload_id, PartNumber=number)
            for number in range(1, parts + 1)
        ]

    def multipart_put(self, key: str, upload_id: str, number: int, path: Path) -> str:
        with _named("keep a part of", key), open(path, "rb") as body:
            kept = self.client.upload_part(
                Bucket=self.bucket, Key=self._name(key), UploadId=upload_id, PartNumber=number, Body=body
            )
        return str(kept["ETag"])

    def multipart_parts(self, key: str, upload_id: str) -> Mapping[int, tuple[str, int]]:
        with _named("list the parts of", key):
            pages = self.client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=self._name(key), UploadId=upload_id
            )
            found = [part for page in pages for part in page.get("Parts", ())]
        return {part["PartNumber"]: (str(part["ETag"]), part["Size"]) for part in found}

    def multipart_complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        with _named("complete an upload to", key):
            self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=self._name(key), UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

    def multipart_abort(self, key: str, upload_id: str) -> None:
        try:
            with _named("abort an upload to", key):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=self._name(key), UploadId=upload_id)
        except (MissingObject, BadParts):
            return

    def _name(self, key: str) -> str:
        return f"{self.prefix}/{checked(key)}" if self.prefix else checked(key)

    def _signed(self, call: str, expires_s: int, **given: object) -> str:
        parameters = {"Bucket": self.bucket, **given}
        return str(self.client.generate_presigned_url(call, Params=parameters, ExpiresIn=expires_s))


def open_s3(bucket: str, prefix: str, settings: Settings) -> BucketStore:
    """The store below ``prefix`` of ``bucket``, with the service and credentials of ``settings``."""
    options: ClientConfig = {"allow_http": settings.s3_endpoint.startswith("http://"), "timeout": REQUEST_TIMEOUT}
    retries: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
    handle = S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=settings.s3_endpoint or None,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key,
        secret_access_key=settings.s3_secret_key,
        virtual_hosted_style_request=False,
        client_options=options,
        retry_config=retries,
    )
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"max_attempts": 4},
            # Newer clients add checksums of their own, which services other than Amazon's refuse.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return BucketStore(handle, client, bucket, prefix)


@contextmanager
def _named(doing: str, key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as err:
        code = err.response.get("Error", {}).get("Code", "")
        if code in ("NoSuchKey", "404", "NotFound"):
            raise MissingObject(key) from err
        if code in ("InvalidPart", "InvalidPartOrder", "NoSuchUpload", "EntityTooSmall", "MalformedXML"):
            raise BadParts(code) from err
        raise StoreDown(f"{doing} {key}", code or err) from err
    except BotoCoreError as err:
        raise StoreDown(f"{doing} {key}", err) from err
