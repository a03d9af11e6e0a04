"""Clients of the tests' server that encrypt what Temporal stores."""

from temporalio.client import Client

from worker import data_converter


async def client_with_keys(temporal: Client, *keys: str) -> Client:
    """A client of the same server with these keys; the first one encrypts."""
    return await Client.connect(
        temporal.service_client.config.target_host,
        data_converter=data_converter(compress=False, encryption_keys=keys),
    )
