"""Each method of each provider becomes exactly the request in the provider's golden table."""

from importlib import import_module
from typing import Any

import pytest

from durable_analytics.providers import Provider, provider_names
from durable_analytics.wire.messages import Message
from durable_analytics.wire.methods import METHODS
from tests.providers.building import ACCOUNTS, Golden, added_headers, built, refusal
from tests.support.json_objects import Json

TABLES: dict[str, list[Golden]] = {
    name: import_module(f"tests.support.goldens.{name}").GOLDEN for name in provider_names()
}
"""The golden table of each provider."""

_EXTRA: Json = {
    "anonymous_id": "a-1",
    "channel": "web",
    "company_id": "c-1",
    "traits": {"a": "b"},
}
"""Values for the fields that some providers do not have."""


def rows(*extents: str) -> list[Any]:
    """The rows of all tables, as parameters."""
    return [
        pytest.param(ACCOUNTS[name], row, id=f"{name}-{row.method}-{row.extent}")
        for name, table in TABLES.items()
        for row in table
        if row.extent in extents
    ]


@pytest.mark.parametrize(("provider", "row"), rows("full", "least"))
def test_a_message_becomes_this_request(provider: Provider, row: Golden) -> None:
    """Method, URL, headers, query, body, and the headers with credentials are as in the table."""
    context = {"context": row.context} if row.context else {}

    request = built(provider, row.method, row.message, **context)

    assert request == row.request
    assert added_headers(provider, request.credentials) == row.authorization


@pytest.mark.parametrize("name", TABLES)
def test_every_method_has_its_rows(name: str) -> None:
    """Each method has a row with all fields, and a row with the fewest fields."""
    extents = sorted((row.method, row.extent) for row in TABLES[name])

    assert extents == sorted(
        (method, extent) for method in ACCOUNTS[name].methods() for extent in ("full", "least")
    )


@pytest.mark.parametrize(("provider", "row"), rows("full"))
def test_a_full_row_lacks_only_what_the_provider_refuses(provider: Provider, row: Golden) -> None:
    """A field that is not in a full row is refused, so that no field is dropped silently."""
    common = Message.model_fields.keys()
    missing = METHODS[row.method].message.model_fields.keys() - row.message.keys() - common

    refused = {
        path
        for field in missing
        for path in refusal(provider, row.method, {**row.message, field: _EXTRA[field]})
    }
    assert refused == {f"{row.method}.{field}" for field in missing}
