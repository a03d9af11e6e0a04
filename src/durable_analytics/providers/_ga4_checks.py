"""Checks of names and values: Google Analytics 4 ignores invalid ones without an error."""

import re
from collections.abc import Iterator
from typing import Any

from durable_analytics.wire.messages import JsonObject

_MOST_USER_PROPERTIES = 25
_NAME = re.compile(r"[^\W\d_]\w*")
_NAME_LIMIT_CHARACTERS = 40
_USER_PROPERTY_NAME_LIMIT_CHARACTERS = 24
_USER_PROPERTY_VALUE_LIMIT_CHARACTERS = 36

_RESERVED_EVENTS = frozenset(
    """
    ad_activeview ad_click ad_exposure ad_impression ad_query ad_reward adunit_exposure
    app_clear_data app_exception app_install app_remove app_store_refund app_update app_upgrade
    dynamic_link_app_open dynamic_link_app_update dynamic_link_first_open error firebase_campaign
    first_open first_visit in_app_purchase notification_dismiss notification_foreground
    notification_open notification_receive notification_send os_update screen_view session_start
    user_engagement
    """.split()  # noqa: SIM905  # a table that a person can compare with the reference
)
_RESERVED_PARAMETERS = frozenset({"firebase_conversion"})
_RESERVED_USER_PROPERTIES = frozenset(
    {
        "first_open_after_install",
        "first_open_time",
        "first_visit_time",
        "last_deep_link_referrer",
        "user_id",
    }
)
_RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")


def event_problem(name: str) -> str | None:
    """Return why Google would ignore an event with this name; None if the name is valid."""
    return _name_problem(name, _NAME_LIMIT_CHARACTERS, _RESERVED_EVENTS)


def parameter_problem(name: str, value: Any) -> str | None:
    """Return why Google would ignore a parameter of an event; None if it is valid."""
    problem = _name_problem(name, _NAME_LIMIT_CHARACTERS, _RESERVED_PARAMETERS)
    return problem or value_problem(value)


def _name_problem(name: str, limit: int, reserved: frozenset[str]) -> str | None:
    if name in reserved or name.startswith(_RESERVED_PREFIXES):
        return "is a reserved name"
    if len(name) > limit:
        return f"must have a name of at most {limit} characters"
    if not _NAME.fullmatch(name):
        return "must have a name of letters, digits and underscores that begins with a letter"
    return None


def value_problem(value: Any) -> str | None:
    """Return why Google would ignore a value; None if it is valid."""
    is_scalar = isinstance(value, (str, int, float))
    return None if is_scalar else "must be text, a number, true or false"


def user_property_problems(traits: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the name of each user property that Google would ignore, and the reason."""
    for index, (name, value) in enumerate(traits.items()):
        problem = _name_problem(
            name, _USER_PROPERTY_NAME_LIMIT_CHARACTERS, _RESERVED_USER_PROPERTIES
        )
        if value is not None:
            problem = problem or value_problem(value)
        if isinstance(value, str) and len(value) > _USER_PROPERTY_VALUE_LIMIT_CHARACTERS:
            limit = _USER_PROPERTY_VALUE_LIMIT_CHARACTERS
            problem = problem or f"must have at most {limit} characters"
        if index >= _MOST_USER_PROPERTIES:
            problem = problem or f"is one too many: only {_MOST_USER_PROPERTIES} are possible"
        if problem:
            yield name, problem
