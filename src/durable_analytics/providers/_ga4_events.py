"""Tables that map the events of Segment's specification to those that Google recommends."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecommendedEvent:
    """An event at Google Analytics 4."""

    name: str

    parameters: Mapping[str, str] = field(default_factory=dict)
    """The names of its parameters, by the names of Segment's properties, if they differ."""


_ORDER = {"order_id": "transaction_id"}
_LOGIN = {"type": "method"}
_PROMOTION = {"name": "promotion_name", "creative": "creative_slot", "position": "location_id"}

RECOMMENDED_EVENTS: Mapping[str, RecommendedEvent] = {
    "Cart Viewed": RecommendedEvent("view_cart"),
    "Checkout Started": RecommendedEvent("begin_checkout", _ORDER),
    "Order Completed": RecommendedEvent("purchase", _ORDER),
    "Order Refunded": RecommendedEvent("refund", _ORDER),
    "Payment Info Entered": RecommendedEvent(
        "add_payment_info", {"payment_method": "payment_type"}
    ),
    "Product Added": RecommendedEvent("add_to_cart"),
    "Product Added to Wishlist": RecommendedEvent("add_to_wishlist"),
    "Product Clicked": RecommendedEvent("select_item"),
    "Product List Viewed": RecommendedEvent(
        "view_item_list", {"list_id": "item_list_id", "category": "item_list_name"}
    ),
    "Product Removed": RecommendedEvent("remove_from_cart"),
    "Product Viewed": RecommendedEvent("view_item"),
    "Products Searched": RecommendedEvent("search", {"query": "search_term"}),
    "Promotion Clicked": RecommendedEvent("select_promotion", _PROMOTION),
    "Promotion Viewed": RecommendedEvent("view_promotion", _PROMOTION),
    "Signed In": RecommendedEvent("login", _LOGIN),
    "Signed Up": RecommendedEvent("sign_up", _LOGIN),
}

REVENUE_EVENTS = frozenset({"Order Completed", "Order Refunded"})

SINGLE_PRODUCT_EVENTS = frozenset(
    {
        "Product Added",
        "Product Added to Wishlist",
        "Product Clicked",
        "Product Removed",
        "Product Viewed",
    }
)
"""The events whose properties describe one product."""

ITEM_PARAMETERS: Mapping[str, str] = {
    "product_id": "item_id",
    "name": "item_name",
    "brand": "item_brand",
    "category": "item_category",
    "variant": "item_variant",
    "position": "index",
    "affiliation": "affiliation",
    "coupon": "coupon",
    "price": "price",
    "quantity": "quantity",
}
"""The properties of a product at Segment, and the parameters of an item at Google."""
