"""Braze: attributes, events and purchases of users."""

from tests.support.destination_cases.case import Case, call
from tests.support.json_objects import Json

NO_COUNTERPART: dict[str, str] = {}

USER: Json = {"user_id": "u-1"}
TIME = "2024-06-10T12:00:00.000Z"
EVENT: Json = {**USER, "timestamp": TIME}
SENT: Json = {"external_id": "u-1", "time": TIME}
TRACK = "users/track"

CASES = [
    Case(
        "updateUserProfile updateUserProfile2",
        "identify",
        {
            **USER,
            "traits": {
                "email": "ada@example.com",
                "firstName": "Ada",
                "lastName": "Lovelace",
                "avatar": "https://example.com/a.png",
                "gender": "female",
                "phone": "+441234",
                "address": {"city": "London"},
                "plan": "pro",
            },
        },
        {
            "attributes": [
                {
                    "external_id": "u-1",
                    "email": "ada@example.com",
                    "first_name": "Ada",
                    "last_name": "Lovelace",
                    "image_url": "https://example.com/a.png",
                    "gender": "F",
                    "phone": "+441234",
                    "home_city": "London",
                    "plan": "pro",
                    "country": "United States",
                    "current_location": {"latitude": 40.29, "longitude": -76.94},
                }
            ]
        },
        {"location": {"country": "United States", "latitude": 40.29, "longitude": -76.94}},
        TRACK,
    ),
    Case(
        "trackEvent trackEvent2",
        "track",
        {**EVENT, "event": "Report Exported", "properties": {"rows": 2}},
        {"events": [{**SENT, "name": "Report Exported", "properties": {"rows": 2}}]},
        path=TRACK,
    ),
    Case(
        "trackPurchase trackPurchase2",
        "track",
        {
            **EVENT,
            "event": "Order Completed",
            "properties": {
                "order_id": "o-1",
                "products": [
                    {"product_id": "p-1", "price": 100, "quantity": 2, "name": "Treadmill"},
                    {"product_id": "p-2", "price": 9.5, "quantity": 1, "currency": "EUR"},
                ],
            },
        },
        {
            "purchases": [
                {
                    **SENT,
                    "product_id": "p-1",
                    "price": 100,
                    "quantity": 2,
                    "currency": "USD",
                    "properties": {"name": "Treadmill", "order_id": "o-1"},
                },
                {
                    **SENT,
                    "product_id": "p-2",
                    "price": 9.5,
                    "quantity": 1,
                    "currency": "EUR",
                    "properties": {"order_id": "o-1"},
                },
            ]
        },
        path=TRACK,
    ),
    Case(
        "identifyUser identifyUser2",
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        {
            "aliases_to_identify": [
                {
                    "external_id": "u-1",
                    "user_alias": {"alias_name": "a-1", "alias_label": "anonymous_id"},
                }
            ],
            "merge_behavior": "merge",
        },
        path="users/identify",
    ),
    call(
        "identifyUser2",
        "users/identify",
        {
            "emails_to_identify": [
                {
                    "external_id": "u-1",
                    "email": "ada@example.com",
                    "prioritization": ["most_recently_updated"],
                }
            ]
        },
    ),
    call(
        "createAlias createAlias2",
        "users/alias/new",
        {"user_aliases": [{"external_id": "u-1", "alias_name": "a-1", "alias_label": "crm"}]},
    ),
    call(
        "triggerCampaign",
        "campaigns/trigger/send",
        {"campaign_id": "c-1", "recipients": [{"external_user_id": "u-1"}]},
    ),
    call(
        "triggerCanvas",
        "canvas/trigger/send",
        {"canvas_id": "c-1", "recipients": [{"external_user_id": "u-1"}]},
    ),
    call("upsertCatalogItem", "catalogs/cars/items/i-1", {"items": [{"color": "red"}]}, "PUT"),
    call(
        "ecommerce ecommerceSingleProduct",
        TRACK,
        {
            "events": [
                {
                    "external_id": "u-1",
                    "name": "ecommerce.product_viewed",
                    "time": TIME,
                    "properties": {
                        "product_id": "p-1",
                        "product_name": "Treadmill",
                        "variant_id": "v-1",
                        "price": 100,
                        "currency": "USD",
                        "source": "web",
                    },
                }
            ]
        },
    ),
]
