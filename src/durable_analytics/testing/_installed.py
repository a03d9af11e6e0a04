"""The registry of vendors: it finds the vendors of all installed packages by entry points."""

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from durable_analytics.testing._vendor import Vendor

GROUP = "durable_analytics.standin_vendors"
"""The entry-point group: `name = "package.module:VENDOR"`, with the name of the provider."""


class InstalledVendors(Mapping[str, Vendor]):
    """All installed vendors, sorted by name. A vendor is imported when it is read.

    `vendors[name]` raises KeyError if the vendor is not installed, and TypeError if its entry point
    is not a `Vendor`.
    """

    def __getitem__(self, name: str) -> Vendor:
        vendor = entry_points(group=GROUP)[name].load()
        if not isinstance(vendor, Vendor):
            raise TypeError(f"the entry point {name} of {GROUP} is not a Vendor")
        return vendor

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(entry_points(group=GROUP).names))

    def __len__(self) -> int:
        return len(entry_points(group=GROUP).names)


VENDORS = InstalledVendors()
"""The vendors of a stand-in that is created without others."""
