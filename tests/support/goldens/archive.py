"""The archive provider's golden table: messages, and their requests."""

import gzip
import json

from durable_analytics.providers import HttpRequest
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.providers.aws_signature import AwsCredentials
from durable_analytics.wire.json_writer import write_json
from tests.providers.building import SENT_AT, Golden, calls
from tests.providers.whole_messages import ROWS, Row
from tests.support.json_objects import Json

BASE = "https://s3.eu-central-1.amazonaws.com"


FOLDER = f"{BASE}/shop-messages/analytics/raw"


NDJSON = {"Content-Type": "application/x-ndjson"}


SIGNED = (
    AwsCredentials("AKIAEXAMPLE", "archive-secret", "eu-central-1")
    .sign(HttpRequest("POST", BASE, {}), SENT_AT)
    .headers
)
"""Of an empty object, which is what the table of requests is authorized with."""


def line(row: Row) -> Json:
    """A row of the table as it is stored."""
    return {"type": row.method, **row.fields}


def stored(lines: list[Json]) -> bytes:
    """An object of these lines."""
    return gzip.compress(b"".join(write_json(one) + b"\n" for one in lines), mtime=0)


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest(
                "PUT",
                f"{FOLDER}/dt=2026-01-31/hour=09/{row.method}-{message_uuid('m-1')}.ndjson.gz",
                stored([line(row)]),
                NDJSON,
            ),
            SIGNED,
            row.context,
        )
        for row in ROWS
    ),
    *calls(BASE, SIGNED),
]


def lines(content: bytes) -> list[Json]:
    """What an object holds."""
    return [json.loads(text) for text in gzip.decompress(content).splitlines()]
