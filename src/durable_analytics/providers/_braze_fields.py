"""Braze's names and limits of attributes and properties, and the products of an order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable_analytics.errors import FieldProblem
from durable_analytics.wire.field_types import is_filled, is_number
from durable_analytics.wire.messages import JsonObject, Track

NAME_LIMIT_CHARACTERS = 255
"""The longest name of an event or a property (Braze's API reference)."""

_ORDER_COMPLETED = "Order Completed"

RESERVED_EVENT_PROPERTIES = frozenset({"event_name", "time"})
RESERVED_PURCHASE_PROPERTIES = frozenset(
    {"currency", "event_name", "price", "product_id", "quantity", "time"}
)
"""The names of properties that Braze reserves."""

_UNUSED_RESERVED_PROPERTIES = frozenset({"event_name", "time"})
"""The reserved names that a purchase does not get from a product."""

_LARGEST_QUANTITY = 100

_RESERVED_ATTRIBUTES = frozenset(
    {"_merge_objects", "_update_existing_only", "braze_id", "external_id", "user_alias"}
)
"""Keys of an attributes object that identify the user or control the update."""

_ATTRIBUTE_NAMES = {
    "firstName": "first_name",
    "lastName": "last_name",
    "avatar": "image_url",
    "birthday": "dob",
}
"""The traits of Segment's specification that have another name at Braze."""

_GENDERS = {
    word: letter
    for letter, words in {
        "M": "man male m",
        "F": "woman female w f",
        "O": "other o",
        "N": "not applicable,n",
        "P": "prefer not to say,p",
    }.items()
    for word in (words.split(",") if "," in words else words.split())
}


@dataclass(frozen=True, slots=True)
class Product:
    """A product of an order."""

    path: str
    """The path of the product in the input, like "track.properties.products.0"."""

    fields: Any
    """The product as the caller sent it; an object, if it is valid."""

    order_currency: Any
    """The currency of the order, which is used if the product has none."""

    def problems(self) -> Iterator[FieldProblem]:
        """Yield the problems for which Braze would refuse the purchase."""
        if not isinstance(self.fields, dict):
            yield FieldProblem(self.path, "must be an object")
            return
        id_ = self.fields.get("product_id")
        if not (is_filled(id_) or is_number(id_)) or len(str(id_)) > NAME_LIMIT_CHARACTERS:
            reason = f"is required at Braze, with at most {NAME_LIMIT_CHARACTERS} characters"
            yield FieldProblem(f"{self.path}.product_id", reason)
        if not is_number(self.fields.get("price")):
            yield FieldProblem(f"{self.path}.price", "must be a number at Braze, like 19.99")
        quantity = self.fields.get("quantity", 1)
        if not (isinstance(quantity, int) and 1 <= quantity <= _LARGEST_QUANTITY):
            reason = f"must be a whole number from 1 to {_LARGEST_QUANTITY} at Braze"
            yield FieldProblem(f"{self.path}.quantity", reason)

    @property
    def currency(self) -> Any:
        """The currency of the purchase."""
        return self.fields.get("currency") or self.order_currency or "USD"

    def reserved(self) -> Iterator[FieldProblem]:
        """Yield the problems of the fields whose names Braze reserves."""
        for name in _UNUSED_RESERVED_PROPERTIES & self.fields.keys():
            yield FieldProblem(f"{self.path}.{name}", "is a reserved name at Braze")

    def replaced(self, order_properties: JsonObject) -> Iterator[str]:
        """Yield the paths of the fields that other properties of the order replace.

        Args:
            order_properties: As for `to_purchase`.
        """
        for name, value in self.fields.items():
            if order_properties.get(name, value) != value:
                yield f"{self.path}.{name}"

    def to_purchase(self, order_properties: JsonObject) -> JsonObject:
        """Return the purchase without the user and the time.

        Args:
            order_properties: Properties of the order; they replace the product's properties of the
                same names.
        """
        own = {
            name: value
            for name, value in self.fields.items()
            if name not in RESERVED_PURCHASE_PROPERTIES
        }
        properties = {**own, **order_properties}
        return {
            "product_id": str(self.fields["product_id"]),
            "currency": self.currency,
            "price": self.fields["price"],
            "quantity": self.fields.get("quantity", 1),
            **({"properties": properties} if properties else {}),
        }


def purchased_products(track: Track) -> list[Product]:
    """Return the products of an order; an empty list for an event that is not a purchase.

    An order with only a revenue is one product, whose id is that of the order. An order without
    products and revenue is not a purchase.
    """
    properties = track.properties or {}
    if track.event != _ORDER_COMPLETED:
        return []
    currency, products = properties.get("currency"), properties.get("products")
    if isinstance(products, list) and products:
        return [
            Product(f"track.properties.products.{index}", product, currency)
            for index, product in enumerate(products)
        ]
    revenue = next(
        (properties[n] for n in ("revenue", "total") if is_number(properties.get(n))), None
    )
    if revenue is None:
        return []
    id_ = properties.get("order_id")
    has_id = is_filled(id_) or is_number(id_)
    order = {"product_id": id_ if has_id else _ORDER_COMPLETED, "price": revenue}
    return [Product("track.properties", order, currency)]


def attribute_problems(traits: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the name of each trait that Braze does not accept, and the reason."""
    for name in traits:
        if name in _RESERVED_ATTRIBUTES:
            yield name, "is a reserved name at Braze: use user_id or anonymous_id"
        elif _ATTRIBUTE_NAMES.get(name) in traits:
            yield name, f"is the same attribute as {_ATTRIBUTE_NAMES[name]} at Braze: remove one"
        elif problem := property_problem(name, frozenset()):
            yield name, problem


def to_attributes(traits: JsonObject) -> JsonObject:
    """Return the traits with Braze's names and formats; null removes an attribute."""
    attributes = {_ATTRIBUTE_NAMES.get(name, name): value for name, value in traits.items()}
    if isinstance(gender := attributes.get("gender"), str):
        attributes["gender"] = _GENDERS.get(gender.lower(), gender)
    if isinstance(birthday := attributes.get("dob"), str):
        attributes["dob"] = birthday.partition("T")[0]
    address = traits.get("address")
    if isinstance(address, dict) and is_filled(address.get("city")):
        attributes.setdefault("home_city", address["city"])
    return attributes


def property_problem(name: str, reserved: frozenset[str]) -> str | None:
    """Return why Braze does not accept a property with this name; None if it does."""
    if name in reserved:
        return "is a reserved name at Braze"
    if not name or len(name) > NAME_LIMIT_CHARACTERS:
        return f"must have a name of 1 to {NAME_LIMIT_CHARACTERS} characters at Braze"
    if name.startswith("$"):
        return 'must have a name that does not begin with "$" at Braze'
    return None
