"""The providers by name: ours and third parties' come in by the same entry points."""

from functools import cache
from importlib.metadata import entry_points

from durable_analytics.providers.base import Provider

GROUP = "durable_analytics.providers"
"""The entry-point group: `name = "package.module:ProviderClass"`."""


def provider_names() -> list[str]:
    """The names of all installed providers, sorted."""
    return sorted(entry_points(group=GROUP).names)


@cache
def provider_class(name: str) -> type[Provider]:
    """The class that an entry point names.

    Raises:
        KeyError: No such provider is installed.
        TypeError: The entry point names something else.
    """
    loaded = entry_points(group=GROUP)[name].load()
    if not (isinstance(loaded, type) and issubclass(loaded, Provider)):
        raise TypeError(f"the entry point {name} of {GROUP} names no Provider")
    return loaded
