"""Google Analytics 4: the events of Segment's specification, and others."""

from tests.support.destination_cases.case import Case
from tests.support.json_objects import Json

NO_COUNTERPART: dict[str, str] = {}

PRODUCT: Json = {
    "product_id": "p-1",
    "name": "Monopoly",
    "brand": "Hasbro",
    "category": "Games",
    "variant": "200 pieces",
    "price": 18.99,
    "quantity": 1,
    "coupon": "MAYDEALS",
}
ITEM: Json = {
    "item_id": "p-1",
    "item_name": "Monopoly",
    "item_brand": "Hasbro",
    "item_category": "Games",
    "item_variant": "200 pieces",
    "price": 18.99,
    "quantity": 1,
    "coupon": "MAYDEALS",
}
ORDER: Json = {
    "order_id": "o-1",
    "affiliation": "Store",
    "total": 25,
    "shipping": 3,
    "tax": 2,
    "coupon": "SUMMER",
    "currency": "USD",
    "products": [{**PRODUCT, "position": 2}],
}
ITEMS: Json = {"items": [{**ITEM, "index": 2}]}
SENT_REFUND: Json = {
    "transaction_id": "o-1",
    "affiliation": "Store",
    "value": 25,
    "shipping": 3,
    "currency": "USD",
    **ITEMS,
}
SENT_ORDER: Json = {**SENT_REFUND, "tax": 2, "coupon": "SUMMER"}
PROMOTION: Json = {"promotion_id": "x-1", "creative": "top", "name": "Spring"}
SENT_PROMOTION: Json = {
    "promotion_id": "x-1",
    "creative_slot": "top",
    "promotion_name": "Spring",
}
CART: Json = {"products": ORDER["products"], "currency": "USD", "value": 19}
SENT_CART: Json = {**ITEMS, "currency": "USD", "value": 19}


def event(
    action: str,
    name: str,
    properties: Json,
    sent: str,
    parameters: Json,
    method: str = "track",
    context: Json | None = None,
) -> Case:
    """An event of a browser, and the event at Google."""
    message = {
        "anonymous_id": "123.456",
        "timestamp": "2026-01-31T09:30:00Z",
        "event" if method == "track" else "name": name,
        "properties": properties,
    }
    body = {
        "client_id": "123.456",
        "timestamp_micros": 1769851800000000,
        "events": [{"name": sent, "params": {**parameters, "engagement_time_msec": 1}}],
    }
    return Case(action, method, message, body, context or {}, "mp/collect")


SINGLE: Json = {**PRODUCT, "currency": "USD", "value": 19}
SENT_SINGLE: Json = {"items": [ITEM], "currency": "USD", "value": 19}

CASES = [
    event("purchase", "Order Completed", ORDER, "purchase", SENT_ORDER),
    event("refund", "Order Refunded", ORDER, "refund", SENT_REFUND),
    event("beginCheckout", "Checkout Started", CART, "begin_checkout", SENT_CART),
    event("viewCart", "Cart Viewed", CART, "view_cart", SENT_CART),
    event(
        "addPaymentInfo",
        "Payment Info Entered",
        {**CART, "payment_method": "card"},
        "add_payment_info",
        {**SENT_CART, "payment_type": "card"},
    ),
    event("addToCart", "Product Added", SINGLE, "add_to_cart", SENT_SINGLE),
    event("addToWishlist", "Product Added to Wishlist", SINGLE, "add_to_wishlist", SENT_SINGLE),
    event("removeFromCart", "Product Removed", SINGLE, "remove_from_cart", SENT_SINGLE),
    event("selectItem", "Product Clicked", PRODUCT, "select_item", {"items": [ITEM]}),
    event("viewItem", "Product Viewed", SINGLE, "view_item", SENT_SINGLE),
    event(
        "viewItemList",
        "Product List Viewed",
        {"list_id": "l-1", "category": "Deals", "products": ORDER["products"]},
        "view_item_list",
        {"item_list_id": "l-1", "item_list_name": "Deals", **ITEMS},
    ),
    event("selectPromotion", "Promotion Clicked", PROMOTION, "select_promotion", SENT_PROMOTION),
    event(
        "viewPromotion",
        "Promotion Viewed",
        {**PROMOTION, "position": "home"},
        "view_promotion",
        {**SENT_PROMOTION, "location_id": "home"},
    ),
    event("search", "Products Searched", {"query": "tea"}, "search", {"search_term": "tea"}),
    event("login", "Signed In", {}, "login", {}),
    event("signUp", "Signed Up", {"type": "email"}, "sign_up", {"method": "email"}),
    event(
        "generateLead",
        "generate_lead",
        {"value": 300, "currency": "USD"},
        "generate_lead",
        {"value": 300, "currency": "USD"},
    ),
    event("customEvent", "This is a Test", {}, "This_is_a_Test", {}),
    event(
        "pageView",
        "Home",
        {},
        "page_view",
        {
            "page_location": "https://example.com/x",
            "page_title": "Home of shoes",
            "page_referrer": "https://example.org/",
        },
        "page",
        {
            "page": {
                "url": "https://example.com/x",
                "title": "Home of shoes",
                "referrer": "https://example.org/",
            }
        },
    ),
]
