"""Registers the search attributes in a namespace."""

from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice import v1 as operator
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import NotAccepted
from durable_analytics.wire.search_attributes import SEARCH_ATTRIBUTES

_UNSUPPORTED = (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED)


async def find_missing(client: Client, *, rpc_timeout: timedelta | None = None) -> dict[str, str]:
    """Return the search attributes that the namespace does not have: their types by name.

    Args:
        client: The connection; it names the namespace.
        rpc_timeout: The timeout of the request; None means that of the SDK.

    Raises:
        NotAccepted: An attribute is registered with another type.
        RPCError: The request to Temporal failed.
    """
    request = operator.ListSearchAttributesRequest(namespace=client.namespace)
    response = await client.operator_service.list_search_attributes(request, timeout=rpc_timeout)
    present = response.custom_attributes
    missing = {}
    for key in SEARCH_ATTRIBUTES:
        if key.name not in present:
            missing[key.name] = _type_name(key.indexed_value_type)
        elif int(present[key.name]) != int(key.indexed_value_type):
            actual, expected = _type_name(present[key.name]), _type_name(key.indexed_value_type)
            raise NotAccepted(
                f"the search attribute {key.name} is registered as {actual}, not as {expected}: "
                "remove it, then register it again"
            )
    return missing


async def register(client: Client) -> list[str]:
    """Register the missing search attributes, and return their names. It is safe to repeat.

    Raises:
        NotAccepted: Temporal does not allow it, or an attribute is registered with another type.
        RPCError: A request to Temporal failed.
    """
    missing = await find_missing(client)
    if not missing:
        return []
    request = operator.AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={
            key.name: _enum(key.indexed_value_type)
            for key in SEARCH_ATTRIBUTES
            if key.name in missing
        },
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status not in _UNSUPPORTED:
            raise
        names = ", ".join(f"{name} ({type_})" for name, type_ in missing.items())
        raise NotAccepted(
            f"Temporal does not allow registering search attributes: register {names} "
            "with the tools of your Temporal service"
        ) from None
    return list(missing)


def _enum(value: Any) -> IndexedValueType.ValueType:
    return IndexedValueType.ValueType(int(value))


def _type_name(value: Any) -> str:
    """Return the name of a type as Temporal's command line writes it, like `KeywordList`."""
    name = IndexedValueType.Name(_enum(value))
    return "".join(map(str.capitalize, name.removeprefix("INDEXED_VALUE_TYPE_").split("_")))
