"""One pooled HTTP client an integration, through its proxy and with its authorities."""

import ssl
from collections.abc import Mapping

import httpx

from worker.accounts import Account
from worker.settings import Settings

_KEPT_CONNECTIONS = 20


def http_clients(
    settings: Settings, own: Mapping[str, httpx.AsyncClient]
) -> dict[str, httpx.AsyncClient]:
    """The clients by the integration's name.

    Args:
        settings: The worker's settings.
        own: Clients of the embedder's, used instead and never closed here.
    """
    limit = settings.max_concurrent_activities
    return {
        name: own[name] if name in own else _http_client(account, limit)
        for name, account in settings.integrations.items()
    }


def _http_client(account: Account, limit: int) -> httpx.AsyncClient:
    verify: ssl.SSLContext | bool = True
    if account.ca_bundle:
        verify = ssl.create_default_context(cafile=str(account.ca_bundle))
    return httpx.AsyncClient(
        proxy=account.proxy.get_secret_value() if account.proxy else None,
        verify=verify,
        # Only the settings say where requests go.
        trust_env=False,
        limits=httpx.Limits(max_connections=limit, max_keepalive_connections=_KEPT_CONNECTIONS),
    )
