"""The error of a process that cannot listen on the address in its settings."""

from durable_analytics.errors import SettingsError


def cannot_listen(setting: str, address: str, reason: str | None = None) -> SettingsError:
    """Return the error, which names the setting and what to do.

    Args:
        setting: The setting, or the settings, with the address.
        address: The host and the port.
        reason: The reason that the operating system gives; None if it is not known.
    """
    detail = f"{address}: {reason}" if reason else address
    return SettingsError([f"{setting}: cannot listen on {detail}; set another address or port"])
