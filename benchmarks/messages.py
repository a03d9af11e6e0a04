"""The messages, equal for both contenders: typical orders, each one different."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

EVENT = "Order Completed"

_DIFFERENT_ORDERS = 10_000
"""More orders than an execution can have messages (5,000): none contains an order twice, which
would make it easier to compress."""

_NAMES = (
    *("Monopoly", "Espresso Cup", "Linen Shirt", "Trail Shoe", "Desk Lamp", "Road Atlas"),
    *("Wool Scarf", "Chess Clock", "Garden Hose", "Tea Kettle", "Rain Jacket", "Bike Light"),
)
_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CAD")
_COUPONS = ("SPRING", "WELCOME10", "FREESHIP", "VIP")


def make_calls(count: int) -> Iterator[Json]:
    """Yield keyword arguments of `track`; both clients have the same names for them."""
    orders = _orders(_DIFFERENT_ORDERS)
    for number in range(count):
        properties = orders[number % _DIFFERENT_ORDERS]
        yield {"user_id": user_id(number), "event": EVENT, "properties": properties}


def user_id(number: int) -> str:
    """A different id for each message; ids sort in the order of the messages."""
    return f"u-{number:07}"


def make_tracks(count: int, *, least_bytes: int = 0, seed: int = 0) -> list[Json]:
    """Make track messages with ids and timestamps, as the wire contract defines them.

    Args:
        count: How many messages.
        least_bytes: Products are added until the JSON of a message has this many bytes.
        seed: Another seed makes other messages.
    """
    generator = random.Random(seed)  # noqa: S311  # reproducible messages, no secrets
    timestamp = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    tracks = []
    for number in range(count):
        timestamp += timedelta(milliseconds=generator.randint(1, 900))
        order = _order(generator)
        track = {
            "user_id": user_id(number),
            "event": EVENT,
            "properties": order,
            "message_id": str(uuid.UUID(int=generator.getrandbits(128), version=4)),
            "timestamp": timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        while len(compact(track)) < least_bytes:
            order["products"].append(_product(generator))
        tracks.append(track)
    return tracks


def compact(value: Any) -> bytes:
    """JSON without spaces; its length is the size of a message."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _orders(count: int) -> list[Json]:
    generator = random.Random(0)  # noqa: S311  # reproducible messages, no secrets
    return [_order(generator) for _ in range(count)]


def _order(generator: random.Random) -> Json:
    product = _product(generator)
    total = round(product["price"] * product["quantity"], 2)
    tax = round(total * 0.19, 2)
    return {
        "order_id": f"o-{generator.randrange(10**8):08}",
        "revenue": total,
        "tax": tax,
        "shipping": generator.choice((0, 4.9, 9.9)),
        "total": round(total + tax, 2),
        "currency": generator.choice(_CURRENCIES),
        "coupon": generator.choice(_COUPONS),
        "products": [product],
    }


def _product(generator: random.Random) -> Json:
    return {
        "product_id": f"{generator.getrandbits(48):012x}",
        "name": generator.choice(_NAMES),
        "price": round(generator.uniform(2, 300), 2),
        "quantity": generator.randint(1, 4),
    }
