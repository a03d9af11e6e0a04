"""Encoding of rejected messages by their reason, for heartbeats, which must be small."""

import json
from collections.abc import Iterable

from durable_analytics.errors import DELIVERY_ERRORS
from durable_analytics.wire.indexes import decode_indexes, encode_indexes
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Rejection


def encode_reasons(rejected: Iterable[Rejection]) -> list[JsonObject]:
    """Group rejections by their error: `[{"error": …, "indexes": …}]`."""
    groups: dict[str, list[int]] = {}
    for rejection in rejected:
        groups.setdefault(json.dumps(rejection["error"]), []).append(rejection["index"])
    return [
        {"error": json.loads(error), "indexes": encode_indexes(indexes)}
        for error, indexes in groups.items()
    ]


def shorten_reasons(reasons: Iterable[JsonObject]) -> list[JsonObject]:
    """Return the same rejections, grouped by the type of their error only."""
    groups: dict[str, list[int]] = {}
    for reason in reasons:
        groups.setdefault(reason["error"]["type"], []).extend(decode_indexes(reason["indexes"]))
    text = "the reasons of all rejected messages were too long to be kept between attempts"
    return [
        {"error": DELIVERY_ERRORS[name](text).as_json(), "indexes": encode_indexes(indexes)}
        for name, indexes in groups.items()
    ]


def decode_reasons(reasons: Iterable[JsonObject]) -> dict[int, JsonObject]:
    """Return the error of each rejected message, by its index."""
    return {
        index: reason["error"] for reason in reasons for index in decode_indexes(reason["indexes"])
    }
