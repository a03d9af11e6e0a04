"""The registry of providers: it finds the providers of all installed packages by entry points."""

from functools import cache
from importlib.metadata import entry_points

from durable_analytics.providers._base import Provider

GROUP = "durable_analytics.providers"
"""The entry-point group: `name = "package.module:ProviderClass"`."""


def provider_names() -> list[str]:
    """Return the names of all installed providers, sorted."""
    return sorted(entry_points(group=GROUP).names)


@cache
def provider_class(name: str) -> type[Provider]:
    """Return the class that an entry point names.

    Raises:
        KeyError: No such provider is installed.
        TypeError: The entry point is not a subclass of `Provider`.
    """
    loaded = entry_points(group=GROUP)[name].load()
    if not (isinstance(loaded, type) and issubclass(loaded, Provider)):
        raise TypeError(f"the entry point {name} of {GROUP} is not a subclass of Provider")
    return loaded
