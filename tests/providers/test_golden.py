"""Every method of every provider becomes exactly the request that its table says."""

from importlib import import_module
from typing import Any

import pytest

from durable_analytics.contract import METHODS
from durable_analytics.messages import Message
from durable_analytics.providers import Provider, provider_names
from tests.conftest import Json
from tests.providers.building import ACCOUNTS, Golden, built, refusal

TABLES: dict[str, list[Golden]] = {
    name: import_module(f"tests.providers.test_{name}").GOLDEN for name in provider_names()
}
"""A test file a provider, and in it the table of its requests."""

_EXTRA: Json = {
    "anonymous_id": "a-1",
    "channel": "web",
    "integrations": {"All": True},
    "traits": {"a": "b"},
}
"""Values for the fields that some provider has no place for."""


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
    """Method, URL, headers, query, body, and the headers that carry the credentials."""
    context = {"context": row.context} if row.context else {}

    assert built(provider, row.method, row.message, **context) == row.request
    assert provider.authorization(row.method) == row.authorization


@pytest.mark.parametrize("name", TABLES)
def test_every_method_has_its_rows(name: str) -> None:
    """One with all fields and one with the least, for each method of the account."""
    there = sorted((row.method, row.extent) for row in TABLES[name])

    assert there == sorted(
        (method, extent) for method in ACCOUNTS[name].methods() for extent in ("full", "least")
    )


@pytest.mark.parametrize(("provider", "row"), rows("full"))
def test_a_full_row_lacks_only_what_the_provider_refuses(provider: Provider, row: Golden) -> None:
    """So that no field goes untested, and none is dropped in silence."""
    always_there = Message.model_fields.keys() - {"integrations"}
    lacking = METHODS[row.method].message.model_fields.keys() - row.message.keys() - always_there

    refused = {
        path
        for field in lacking
        for path in refusal(provider, row.method, {**row.message, field: _EXTRA[field]})
    }
    assert refused == {f"{row.method}.{field}" for field in lacking}
