"""The HTTP clients of the integrations, each with its own proxy and certificate authorities."""

from collections.abc import Mapping

from activities.http import EmbeddersClient, HttpClient, Pace
from worker.settings import Settings


def http_clients(settings: Settings, own: Mapping[str, EmbeddersClient]) -> dict[str, HttpClient]:
    """Make an HTTP client for each integration, by name.

    Args:
        settings: The worker's settings.
        own: Clients of the caller, used instead of new ones. They are never closed here.
    """
    paces = {
        name: Pace(rate)
        for name, integration in settings.integrations.items()
        if (rate := integration.max_requests_per_second)
    }
    return {
        name: HttpClient(own[name], integration.max_in_flight, pace=paces.get(name))
        if name in own
        else HttpClient.of_settings(
            proxy=integration.proxy.get_secret_value() if integration.proxy else None,
            ca_bundle=integration.ca_bundle,
            max_in_flight=integration.max_in_flight,
            pace=paces.get(name),
            only_public=integration.needs_public_address,
        )
        for name, integration in settings.integrations.items()
    }
