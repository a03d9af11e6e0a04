"""`durable-analytics setup`: registers the search attributes of deliveries in Temporal."""

import asyncio

from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import connect_client
from durable_analytics.temporal import search_attributes


def setup(*, as_json: JsonOption = False) -> None:
    """Register the search attributes of deliveries in the namespace; safe to repeat."""
    registered = asyncio.run(_register())
    if as_json:
        print_json({"registered": registered})
        return
    for name in registered:
        print_line(f"registered {name}")
    if not registered:
        print_line("nothing to do: all search attributes are registered")


async def _register() -> list[str]:
    return await search_attributes.register(await connect_client())
