"""The search attributes of executions, which clients set at the start and workflows on a failure.

Temporal never encrypts search attributes, so none of them holds personal data.
"""

import hmac
from collections.abc import Sequence
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method, is_integration_name

INTEGRATION = SearchAttributeKey.for_keyword_list("AnalyticsIntegration")
"""The integration, where the caller named one or something failed."""

FAILURE = SearchAttributeKey.for_keyword("AnalyticsFailure")
"""The failure type; of a batch with some refused messages the most frequent one."""

REJECTED = SearchAttributeKey.for_int("AnalyticsRejected")
"""How many messages of a batch were refused."""

USER = SearchAttributeKey.for_keyword("AnalyticsUser")
"""The HMAC of the user id of a single message; absent without `user_hash_keys`."""

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (INTEGRATION, FAILURE, REJECTED, USER)
"""All of them."""


def hash_user(user_id: str, key: str) -> str:
    """Return the hex HMAC-SHA256 of a user id.

    Args:
        user_id: The user id.
        key: One of `user_hash_keys`; the first writes, and all find.
    """
    return hmac.digest(key.encode(), user_id.encode(), "sha256").hex()


def user_id_of(method: Method, message: JsonObject) -> str | None:
    """Return the id of the user whom a message concerns; None if it has none.

    Args:
        method: The method of the message.
        message: The message, in snake_case.
    """
    match method.key:
        case "metric":
            user = message.get("user")
            user_id = user.get("id") if isinstance(user, dict) else None
        case "alias":
            user_id = message.get("new_user_id")
            user_id = user_id[0] if isinstance(user_id, list) and user_id else user_id
        case _:
            user_id = message.get("user_id")
    return user_id if isinstance(user_id, str) and user_id else None


def start_attributes(
    integrations: Sequence[str], user_id: str | None = None, keys: Sequence[str] = ()
) -> TypedSearchAttributes:
    """Return the attributes that an execution is started with.

    Args:
        integrations: The integrations that the caller names.
        user_id: The id of the user whom a single message concerns.
        keys: The setting `user_hash_keys`.
    """
    pairs: list[SearchAttributePair[Any]] = []
    if integrations and all(map(is_integration_name, integrations)):
        pairs.append(SearchAttributePair(INTEGRATION, list(integrations)))
    if user_id and keys:
        pairs.append(SearchAttributePair(USER, hash_user(user_id, keys[0])))
    return TypedSearchAttributes(pairs)
