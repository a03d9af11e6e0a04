"""The configuration documents that browser SDKs request before they send messages."""

from typing import Any


def segment_settings(write_key: str, scheme: str, host: str) -> dict[str, Any]:
    """Return the response to `/v1/projects/{writeKey}/settings`, in Segment's format.

    Args:
        write_key: The source's write key.
        scheme: The scheme of the URL at which the SDK reaches the gateway: http or https.
        host: The host name of this URL, with the port, if any.
    """
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # Turns off the SDK's metrics about itself; the gateway has no use for them.
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudderstack_source_config(name: str, write_key: str) -> dict[str, Any]:
    """Return the response to `/sourceConfig`, in RudderStack's format.

    Args:
        name: The source's name.
        write_key: The source's write key.
    """
    off = {"enabled": False}
    return {
        "source": {
            "id": name,
            "name": name,
            "writeKey": write_key,
            "workspaceId": name,
            "enabled": True,
            # Turns off the SDK's reports about itself; the gateway has no use for them.
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            # The worker delivers to the integrations; the SDK must not send to any of them itself.
            "destinations": [],
            "dataplanes": {},
        },
        "consentManagementMetadata": {"providers": []},
    }
