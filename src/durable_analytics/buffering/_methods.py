"""The methods of `BufferingClient` that each enqueue a message.

Written by `make methods` from `wire/messages.py`: change the models there.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from durable_analytics.client.arguments import Id, Json, Outcome, Time, passes_keywords


class EnqueueMethods:
    """The methods of `BufferingClient` that each enqueue a message."""

    _submit: Callable[[str, dict[str, Any]], str]

    @passes_keywords
    def identify(
        self,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Identify a user and record the user's traits.

        >>> analytics.identify(user_id="u-1", traits={"plan": "pro", "age": None})

        Args:
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            traits: Attributes of the person; null deletes a trait if the provider supports it.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def track(
        self,
        *,
        event: str,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        properties: Json | None = None,
        traits: Json | None = None,
        channel: str | None = None,
        company_id: Id | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Record an event of a user.

        >>> analytics.track(event="Order Completed", user_id="u-1", properties={"revenue": 19.99})

        Args:
            event: The action's name, like "Order Completed".
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            properties: Attributes of the event. `revenue` and `value` are numbers, `currency` is
                ISO 4217.
            traits: Attributes of the person.
            channel: Where it happened, like "web_site".
            company_id: The company in whose context it happened.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def group(
        self,
        *,
        group_id: Id,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Associate a user with a group, such as a company, and record the group's traits.

        >>> analytics.group(group_id="g-1", user_id="u-1", traits={"seats": 5})

        Args:
            group_id: The group's id in the caller's database.
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            traits: Attributes of the group.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def alias(
        self,
        *,
        previous_user_id: Id,
        new_user_id: Id | Sequence[Id],
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Connect two ids of the same user.

        >>> analytics.alias(previous_user_id="a-1", new_user_id="u-1")

        Args:
            previous_user_id: The old id, often an anonymous one.
            new_user_id: The new id; a list if the provider accepts one (Trak.io).
            traits: Attributes of the person.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def page(
        self,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        name: str | None = None,
        category: str | None = None,
        properties: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Record a page view on a website.

        >>> analytics.page(user_id="u-1", name="Prices", category="Shop")

        Args:
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            name: The page's name. No default is set: journy.io gives the name a meaning.
            category: The page's category.
            properties: Attributes of the page: `url`, `path`, `title`, `referrer`, `search`,
                `keywords`.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def screen(
        self,
        *,
        name: str,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        category: str | None = None,
        properties: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Record a screen view in an app.

        >>> analytics.screen(name="Prices", anonymous_id="a-1")

        Args:
            name: The screen's name. Required.
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            category: The screen's category.
            properties: Attributes of the screen.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def delete(
        self,
        *,
        user_id: Id,
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Suppress a user and delete the stored data of the user.

        >>> analytics.delete(user_id="u-1")

        Args:
            user_id: The person's id in the caller's database.
            traits: Attributes that find the person if the id does not, like an email address.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def annotate(
        self,
        *,
        event: str,
        properties: Json | None = None,
        channel: str | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Record an event that concerns all users, such as a deployment.

        >>> analytics.annotate(event="Deployed", properties={"version": "4.1"})

        Args:
            event: What happened.
            properties: Attributes of the event.
            channel: Where it happened.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def metric(
        self,
        *,
        key: str,
        user: Json,
        value: float | Decimal,
        attributes: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Increase or decrease a metric of a user.

        >>> analytics.metric(key="words", user={"id": "u-1"}, value=750)

        Args:
            key: The metric's name at the provider.
            user: The person: an object with `id`, and what else the provider should store.
            value: The number that is added to the total; negative to decrement.
            attributes: Attributes of the event; their keys must exist at the provider.
            idempotency_key: The provider counts events with the same key once. The message id when
                absent.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError

    @passes_keywords
    def call(
        self,
        *,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        path: str,
        query: Json | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        callback: Callable[[Outcome], Any] | None = None,
    ) -> str:
        """Call any other endpoint of the provider.

        >>> analytics.call(method="POST", path="/v1/import", body={"rows": 2})

        Args:
            method: The HTTP method.
            path: Relative to the integration's base URL, like "/v1/track".
            query: The parameters of the query string.
            headers: More headers, without credentials.
            body: Any JSON value, sent as JSON.
            timestamp: When it happened. Default: the time of this call.
            message_id: Identifies the message, so that the provider can drop repeats. Fewer than
                100 characters. Default: a new id.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            callback: Called once with the result of this message, in the client's thread.

        Returns:
            The message id; the message is in memory.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and `wait_when_full` has passed.
            ClientClosed: The client is closed.
        """
        raise NotImplementedError
