"""Which messages an integration must not get: by consent, `integrations`, and suppressed users."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from durable_analytics.wire.contexts import merge_context
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Filtered
from durable_analytics.wire.search_attributes import hash_user

_EXEMPT_METHODS = frozenset({"call", "delete"})
"""Methods that are sent without consent and for suppressed users: deletions must not depend on
either."""

_ID_FIELDS = ("user_id", "anonymous_id", "previous_user_id", "new_user_id")

ALL = "all"
"""The casefolded key of `integrations` that stands for all integrations."""

_NOTHING: JsonObject = {}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one integration, in the order in which they apply."""

    consent_categories: tuple[str, ...] = ()
    """A person must consent to all of these categories. If empty, consent is not checked."""

    names: frozenset[str] = frozenset()
    """The casefolded names by which the `integrations` of a message can name the integration; empty
    if it ignores `integrations`."""

    suppressed: frozenset[str] = frozenset()
    """The hashes of users whose messages are not sent."""

    hash_keys: tuple[str, ...] = ()
    """The `user_hash_keys`."""

    def check(self, method: str, message: JsonObject, context: Any) -> Filtered | None:
        """Return why the integration must not get a message; None if it gets the message.

        Args:
            method: The key of the method.
            message: The message. Its own context, if any, is merged over that of the input.
            context: The context of the input.
        """
        integrations = message.get("integrations")
        if self.consent_categories and method not in _EXEMPT_METHODS:
            consent = _consent(message, context)
            if consent is not None and (reason := self._missing_consent(consent, integrations)):
                return {"by": "consent", "reason": reason}
        if isinstance(integrations, dict) and (reason := self._exclusion(integrations)):
            return {"by": "integrations", "reason": reason}
        if self.suppressed and method not in _EXEMPT_METHODS and self._is_suppressed(message):
            return {"by": "suppressed", "reason": "the user is in suppressed_users_file"}
        return None

    def _is_suppressed(self, message: JsonObject) -> bool:
        return any(
            hash_user(person, key) in self.suppressed
            for person in _person_ids(message)
            for key in self.hash_keys
        )

    def _missing_consent(self, consent: Any, integrations: Any) -> str | None:
        """Return the reason if a category lacks consent; an unreadable consent grants nothing."""
        if consent in ({}, []) and not integrations:
            return None  # Like Segment: `{}` counts as a consent object only with `integrations`.
        granted: Any = consent.get("categoryPreferences") if isinstance(consent, dict) else None
        if not isinstance(granted, dict):
            granted = _NOTHING
        for category in self.consent_categories:
            if granted.get(category) is not True:
                return f"there is no consent to the category {category}"
        return None

    def _exclusion(self, integrations: Mapping[str, Any]) -> str | None:
        """Return the reason if the `integrations` of a message exclude the integration."""
        if not self.names:
            return None
        is_named, all_key = False, None
        for key, value in integrations.items():
            name = key.casefold()
            if name in self.names:
                if value is False:
                    return f"its integrations have {key}: false"
                is_named |= value is not None
            elif name == ALL and value is False:
                all_key = key
        if all_key and not is_named:
            return f"its integrations have {all_key}: false, and do not name this one"
        return None


def _person_ids(message: JsonObject) -> Iterator[str]:
    """Yield the ids of persons in a message whose keys are snake_case or camelCase."""
    user = message.get("user")
    values = [message.get(key) for name in _ID_FIELDS for key in (name, to_camel(name))]
    for value in (*values, user.get("id") if isinstance(user, dict) else None):
        for person in value if isinstance(value, list) else [value]:
            if person not in (None, ""):
                yield str(person)


def _consent(message: JsonObject, context: Any) -> Any:
    """Return `context.consent`, merged from the input and the message; None if there is none."""
    shared = context.get("consent") if isinstance(context, dict) else None
    own_context = message.get("context")
    own = own_context.get("consent") if isinstance(own_context, dict) else None
    if isinstance(shared, dict) and isinstance(own, dict):
        return merge_context(shared, own)
    return shared if own is None else own


NO_FILTERS = Filters()
"""The filters of an integration that gets all messages."""
