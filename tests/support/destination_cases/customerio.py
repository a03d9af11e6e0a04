"""Customer.io: people, events and objects."""

from tests.support.destination_cases.case import Case, call
from tests.support.json_objects import Json

NO_COUNTERPART: dict[str, str] = {}

USER: Json = {"user_id": "u-1", "timestamp": "2018-03-04T12:08:56.235Z"}
TIME, UNIX = "2018-03-04T12:08:56.235Z", 1520165336
ENTITY = "api/v2/entity"


def person(action: str, **other: object) -> Json:
    """An operation on the person."""
    return {"type": "person", "action": action, "identifiers": {"id": "u-1"}, **other}


CASES = [
    Case(
        "createUpdatePerson",
        "identify",
        {
            **USER,
            "anonymous_id": "a-1",
            "traits": {
                "email": "ada@example.com",
                "createdAt": TIME,
                "person": {"over18": True, "birthdate": TIME, "identification": "valid"},
            },
        },
        person(
            "identify",
            timestamp=UNIX,
            attributes={
                "email": "ada@example.com",
                "created_at": UNIX,
                "person": {"over18": True, "birthdate": UNIX, "identification": "valid"},
                "anonymous_id": "a-1",
            },
        ),
        path=ENTITY,
    ),
    Case(
        "createUpdatePerson",
        "identify",
        {"anonymous_id": "a-1", "traits": {"email": "ada@example.com"}},
        {"type": "person", "action": "identify", "identifiers": {"email": "ada@example.com"}},
        path=ENTITY,
    ),
    Case(
        "createUpdatePerson",
        "identify",
        {
            **USER,
            "traits": {
                "objectId": "g-1",
                "object_type_id": "2",
                "relationshipAttributes": {"role": "admin"},
            },
        },
        person(
            "identify",
            attributes={"objectId": "g-1"},
            cio_relationships=[
                {
                    "identifiers": {"object_type_id": "2", "object_id": "g-1"},
                    "relationship_attributes": {"role": "admin"},
                }
            ],
        ),
        path=ENTITY,
    ),
    Case(
        "trackEvent",
        "track",
        {
            **USER,
            "anonymous_id": "a-1",
            "event": "Report Exported",
            "properties": {"rows": 2, "person": {"birthdate": TIME}},
        },
        person(
            "event",
            name="Report Exported",
            timestamp=UNIX,
            attributes={"rows": 2, "person": {"birthdate": UNIX}, "anonymous_id": "a-1"},
        ),
        path=ENTITY,
    ),
    Case(
        "trackEvent",
        "track",
        {"anonymous_id": "a-1", "event": "Opened"},
        {
            "type": "person",
            "action": "event",
            "name": "Opened",
            "identifiers": {"anonymous_id": "a-1"},
        },
        path=ENTITY,
    ),
    Case(
        "trackPageView",
        "page",
        {**USER, "properties": {"url": "https://example.com/x", "rows": 2}},
        person(
            "page",
            name="https://example.com/x",
            timestamp=UNIX,
            attributes={"url": "https://example.com/x", "rows": 2},
        ),
        path=ENTITY,
    ),
    Case(
        "trackScreenView",
        "screen",
        {**USER, "name": "Cart", "properties": {"rows": 2}},
        person("screen", name="Cart", timestamp=UNIX, attributes={"rows": 2}),
        path=ENTITY,
    ),
    Case(
        "createUpdateObject",
        "group",
        {
            "user_id": "u-1",
            "group_id": "g-1",
            "traits": {
                "object_type_id": "2",
                "objectAttributes": {"name": "Acme", "since": TIME},
                "relationshipAttributes": {"role": "admin"},
            },
        },
        {
            "type": "object",
            "action": "identify",
            "identifiers": {"object_type_id": "2", "object_id": "g-1"},
            "attributes": {"name": "Acme", "since": UNIX},
            "cio_relationships": [
                {"identifiers": {"id": "u-1"}, "relationship_attributes": {"role": "admin"}}
            ],
        },
        path=ENTITY,
    ),
    Case(
        "createUpdateObject",
        "group",
        {"anonymous_id": "a-1", "group_id": "g-1"},
        {
            "type": "object",
            "action": "identify_anonymous",
            "identifiers": {"object_type_id": "1", "object_id": "g-1"},
            "cio_relationships": [{"identifiers": {"anonymous_id": "a-1"}}],
        },
        path=ENTITY,
    ),
    Case(
        "mergePeople",
        "alias",
        {"previous_user_id": "cio_03000001", "new_user_id": "ada@example.com"},
        {
            "type": "person",
            "action": "merge",
            "primary": {"email": "ada@example.com"},
            "secondary": {"cio_id": "03000001"},
        },
        path=ENTITY,
    ),
    Case("deletePerson", "delete", {"user_id": "u-1"}, person("delete"), path=ENTITY),
    call("suppressPerson", ENTITY, person("suppress")),
    call("unsuppressPerson", ENTITY, person("unsuppress")),
    call(
        "createUpdateDevice",
        ENTITY,
        person("add_device", device={"token": "d-1", "platform": "ios", "last_used": UNIX}),
    ),
    call("deleteDevice", ENTITY, person("delete_device", device={"token": "d-1"})),
    call(
        "deleteObject",
        ENTITY,
        {
            "type": "object",
            "action": "delete",
            "identifiers": {"object_type_id": "2", "object_id": "g-1"},
        },
    ),
    call(
        "deleteRelationship",
        ENTITY,
        {
            "type": "object",
            "action": "delete_relationships",
            "identifiers": {"object_type_id": "2", "object_id": "g-1"},
            "cio_relationships": [{"identifiers": {"id": "u-1"}}],
        },
    ),
    call(
        "reportDeliveryEvent",
        "api/v1/metrics",
        {"delivery_id": "d-1", "metric": "delivered", "timestamp": UNIX},
    ),
    call(
        "reportContentEvent",
        ENTITY,
        {
            "type": "person",
            "action": "viewed_content",
            "name": "viewed_content",
            "identifiers": {"anonymous_id": "a-1"},
            "attributes": {"contentType": "in-app", "contentId": 1, "templateId": 1},
        },
    ),
]
