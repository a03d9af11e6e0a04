"""Which messages an integration must not get: by consent, `integrations`, and suppressed users."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from durable_analytics.wire.contexts import merge_context
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Filtered
from durable_analytics.wire.search_attributes import hash_user

_NOT_BY_CONSENT = frozenset({"call", "delete"})
"""Methods that do not concern the consent of a person, who may be deleted without it."""

_IDS = ("user_id", "anonymous_id", "previous_user_id", "new_user_id")

_NOTHING: JsonObject = {}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one integration, in the order in which they apply."""

    consent_categories: tuple[str, ...] = ()
    """The categories to which a person must consent, all of them; none: consent does not count."""

    names: frozenset[str] = frozenset()
    """The names of the integration in the `integrations` of messages, in `casefold`; empty if it
    does not obey them."""

    suppressed: frozenset[str] = frozenset()
    """The hashes of users whose messages are not sent."""

    hash_keys: tuple[str, ...] = ()
    """The `user_hash_keys`."""

    def check(self, method: str, message: JsonObject, context: Any) -> Filtered | None:
        """Return why a message is not for the integration; None if it is.

        Args:
            method: The key of its method.
            message: The message. Its own context, if it has one, is merged over the other.
            context: The context of the input.
        """
        integrations = message.get("integrations")
        if self.consent_categories and method not in _NOT_BY_CONSENT:
            consent = _consent(message, context)
            if consent is not None and (reason := self._lacks_consent(consent, integrations)):
                return {"by": "consent", "reason": reason}
        if isinstance(integrations, dict) and (reason := self._is_excluded(integrations)):
            return {"by": "integrations", "reason": reason}
        if self.suppressed and method not in _NOT_BY_CONSENT and self._is_suppressed(message):
            return {"by": "suppressed", "reason": "the user is in suppressed_users_file"}
        return None

    def _is_suppressed(self, message: JsonObject) -> bool:
        return any(
            hash_user(person, key) in self.suppressed
            for person in _people(message)
            for key in self.hash_keys
        )

    def _lacks_consent(self, consent: Any, integrations: Any) -> str | None:
        """Return the category that is missing; a consent that cannot be read grants nothing."""
        if consent == {} and not integrations:
            return None  # As at Segment, which reads an empty consent only beside `integrations`.
        granted: Any = consent.get("categoryPreferences") if isinstance(consent, dict) else None
        if not isinstance(granted, dict):
            granted = _NOTHING
        for category in self.consent_categories:
            if granted.get(category) is not True:
                return f"there is no consent to the category {category}"
        return None

    def _is_excluded(self, integrations: Mapping[str, Any]) -> str | None:
        """Return why the `integrations` of a message exclude the integration."""
        if not self.names:
            return None
        is_named, all_key = False, None
        for key, value in integrations.items():
            name = key.casefold()
            if name in self.names:
                if value is False:
                    return f"its integrations have {key}: false"
                is_named |= value is not None
            elif name == "all" and value is False:
                all_key = key
        if all_key and not is_named:
            return f"its integrations have {all_key}: false, and do not name this one"
        return None


def _people(message: JsonObject) -> Iterator[str]:
    """Yield the ids of people in a message, with keys in either spelling."""
    user = message.get("user")
    values = [message.get(key) for name in _IDS for key in (name, to_camel(name))]
    for value in (*values, user.get("id") if isinstance(user, dict) else None):
        for one in value if isinstance(value, list) else [value]:
            if one not in (None, ""):
                yield str(one)


def _consent(message: JsonObject, context: Any) -> Any:
    """Return the `consent` of the context; None if there is none."""
    shared = context.get("consent") if isinstance(context, dict) else None
    own_context = message.get("context")
    own = own_context.get("consent") if isinstance(own_context, dict) else None
    if isinstance(shared, dict) and isinstance(own, dict):
        return merge_context(shared, own)
    return shared if own is None else own


NO_FILTERS = Filters()
"""The filters of an integration that gets all messages."""
