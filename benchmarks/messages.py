"""The messages, the same for both sides: typical orders, no two of them alike."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

EVENT = "Order Completed"

_POOL = 1_000
"""Different orders: as many as a batch holds, so that none repeats within one."""

_NAMES = (
    *("Monopoly", "Espresso Cup", "Linen Shirt", "Trail Shoe", "Desk Lamp", "Road Atlas"),
    *("Wool Scarf", "Chess Clock", "Garden Hose", "Tea Kettle", "Rain Jacket", "Bike Light"),
)
_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CAD")
_COUPONS = ("SPRING", "WELCOME10", "FREESHIP", "VIP")


def calls(count: int) -> Iterator[Json]:
    """The keyword arguments of `track`, which both clients know by the same names."""
    pool = _orders(_POOL)
    for number in range(count):
        yield {"user_id": user_id(number), "event": EVENT, "properties": pool[number % _POOL]}


def user_id(number: int) -> str:
    """Different for each message, and in their order."""
    return f"u-{number:07}"


def tracks(count: int, *, least_bytes: int = 0, seed: int = 0) -> list[Json]:
    """Messages with ids and times of their own, as the wire contract has them.

    Args:
        count: How many.
        least_bytes: Products are added until the JSON has so many bytes.
        seed: Another one makes other messages.
    """
    chance = random.Random(seed)  # noqa: S311  # the same messages each time, no secrets
    when = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    made = []
    for number in range(count):
        when += timedelta(milliseconds=chance.randint(1, 900))
        order = _order(chance)
        track = {
            "user_id": user_id(number),
            "event": EVENT,
            "properties": order,
            "message_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        while len(compact(track)) < least_bytes:
            order["products"].append(_product(chance))
        made.append(track)
    return made


def compact(value: Any) -> bytes:
    """JSON without a byte too many: what a message weighs."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _orders(count: int) -> list[Json]:
    chance = random.Random(0)  # noqa: S311  # the same messages each time, no secrets
    return [_order(chance) for _ in range(count)]


def _order(chance: random.Random) -> Json:
    product = _product(chance)
    total = round(product["price"] * product["quantity"], 2)
    tax = round(total * 0.19, 2)
    return {
        "order_id": f"o-{chance.randrange(10**8):08}",
        "revenue": total,
        "tax": tax,
        "shipping": chance.choice((0, 4.9, 9.9)),
        "total": round(total + tax, 2),
        "currency": chance.choice(_CURRENCIES),
        "coupon": chance.choice(_COUPONS),
        "products": [product],
    }


def _product(chance: random.Random) -> Json:
    return {
        "product_id": f"{chance.getrandbits(48):012x}",
        "name": chance.choice(_NAMES),
        "price": round(chance.uniform(2, 300), 2),
        "quantity": chance.randint(1, 4),
    }
