"""What the SDK in a browser asks for before it sends: where to send, and that all of it is on."""

from typing import Any


def sdk_settings(write_key: str, scheme: str, host: str) -> dict[str, Any]:
    """The answer to `/v1/projects/{writeKey}/settings`, in place of Segment's.

    Args:
        write_key: The source's.
        scheme: As the SDK reached this gateway: http or https.
        host: And by which name, with the port.
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
        # Counts of the SDK about itself, which nobody here reads.
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
