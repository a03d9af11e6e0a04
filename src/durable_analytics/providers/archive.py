"""Archive: stores messages as objects in a bucket of Amazon S3 or of a compatible store.

Each line of an object is a message as the input of a `Batch` has it, so it can be sent again.
All attempts to store the same messages use the same object key, so they write the same object.
"""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from durable_analytics.errors import DeliveryError, Unavailable
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._message_json import MESSAGE_METHODS, message_json
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.providers.aws_signature import AwsCredentials
from durable_analytics.providers.http import HttpRequest, HttpResponse
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject, Message

_HEADERS = {"Content-Type": "application/x-ndjson"}
"""No `Content-Encoding`: a client would then decompress the object, whose key ends with `.gz`."""


def _normalise_prefix(value: str) -> str:
    """Return a prefix that is empty, or ends with one slash."""
    segments = value.strip("/").split("/") if value.strip("/") else []
    if not {"", ".", ".."}.isdisjoint(segments):
        raise ValueError('must be a path like "analytics/raw", without "." and ".."')
    return "".join(f"{segment}/" for segment in segments)


class Archive(Provider):
    """A bucket that stores messages as gzip files of JSON lines."""

    title: ClassVar = "Archive"
    statuses_with_details: ClassVar = frozenset({400})
    credential_names: ClassVar = frozenset(
        {"x-amz-credential", "x-amz-security-token", "x-amz-signature"}
    )
    timestamped_methods: ClassVar = frozenset(MESSAGE_METHODS)
    message_id_fields: ClassVar = dict.fromkeys(MESSAGE_METHODS, "message_id")
    batch_limits: ClassVar = {"object": BatchLimits(body_bytes=16 * 1024 * 1024, messages=100_000)}
    """16 MiB before compression; S3 accepts 5 GB in a request."""

    base_url: BaseUrl
    """The URL of the store. Default: Amazon S3 in the region."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """The name of the bucket."""

    region: str = Field(pattern=r"^[a-z0-9-]+$")
    """The region of the bucket, like "eu-central-1"; many compatible stores accept "us-east-1"."""

    access_key_id: Credential
    """The access key of an account with the permission to put objects."""

    secret_access_key: Credential
    """The secret of the access key."""

    prefix: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9!_.*'()=/-]*$"), AfterValidator(_normalise_prefix)
    ] = ""
    """The beginning of all keys, like "analytics/raw". Default: none."""

    @model_validator(mode="before")
    @classmethod
    def _set_default_url(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings
        # A region that is not valid must be an error of `region`, not of the URL made from it.
        region = str(settings.get("region", ""))
        host = f"s3.{region}" if region.replace("-", "").isalnum() else "s3"
        return {"base_url": f"https://{host}.amazonaws.com", **settings}

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add an AWS signature (version 4), which covers the whole request."""
        del delivery_id
        credentials = AwsCredentials(
            self.access_key_id.get_secret_value(),
            self.secret_access_key.get_secret_value(),
            self.region,
        )
        return credentials.sign(request, sent_at)

    def secret_values(self) -> set[str]:
        """Return the access key and its secret.

        A signature is not masked: it is valid for one request only.
        """
        return self.configured_secrets()

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response. S3 answers 400 if the body arrived too slowly: retry that."""
        body = response.body if isinstance(response.body, str) else ""
        if response.status_code == 400 and "<Code>RequestTimeout</Code>" in body:
            return Unavailable(f"{self.title} answered 400 with RequestTimeout")
        return self.classify_status(response.status_code)

    @builds(*MESSAGE_METHODS)
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request that stores one message, in the folder of the message's own hour."""
        message = delivery.message
        time = datetime.fromisoformat(message.timestamp) if message.timestamp else delivery.sent_at
        name = f"{delivery.method}-{message_uuid(message.message_id or '')}"
        return self._put(time, name, [write_json(self.item(delivery))])

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the same key for all messages: an object may contain any of them."""
        del method, message
        return "object"

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return a line of an object: the message with its method as `type`.

        If the message has another field `type`, that field is left out.
        """
        type_ = {"type": delivery.method}
        message = message_json(delivery)
        if message.get("type", delivery.method) != delivery.method:
            delivery.left_out.add("type")
        return type_ | message | type_  # as the first key, and over the message's own

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Build the request that stores a batch, in the folder of the hour at which it started."""
        return self._put(batch.started_at or batch.sent_at, batch.id, batch.items)

    def _put(self, time: datetime, name: str, lines: Sequence[bytes]) -> HttpRequest:
        hour = time.astimezone(UTC).strftime("dt=%Y-%m-%d/hour=%H")
        key = f"{self.prefix}{hour}/{name}.ndjson.gz"
        content = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
        return HttpRequest("PUT", f"{self.base_url}/{self.bucket}/{key}", content, _HEADERS)
