"""An integration: one configured account at one provider, and the policies that it brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from durable_analytics.errors import UnknownIntegration
from durable_analytics.policies import Policies
from durable_analytics.providers import Provider


@dataclass(frozen=True, slots=True)
class Integration:
    """A name, an account at a provider, and its policies."""

    name: str
    provider: Provider
    policies: Policies | None = None
    allow_policies_override: bool = False
    """Whether an input's policies count."""


@dataclass(frozen=True, slots=True)
class Integrations:
    """All that a worker delivers to."""

    by_name: Mapping[str, Integration]
    default: str | None = None

    def find(self, name: str | None) -> Integration:
        """The integration that an input names, or the default, or the only one.

        Raises:
            UnknownIntegration: There is none of that name, or no name and several to choose from.
        """
        known = ", ".join(sorted(self.by_name)) or "none"
        if name is None:
            name = self.default or (next(iter(self.by_name)) if len(self.by_name) == 1 else None)
        if name is None:
            raise UnknownIntegration(
                f"the input names no integration and the worker has no default; configured: {known}"
            )
        if name not in self.by_name:
            close = get_close_matches(name, self.by_name, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UnknownIntegration(
                f"the integration that the input names is not configured; configured: {known}{hint}"
            )
        return self.by_name[name]
