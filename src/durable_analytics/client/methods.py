"""The methods of `AnalyticsClient` that each start a delivery.

Written by `make methods` from `wire/messages.py`: change the models there.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from durable_analytics.client.arguments import NOT_GIVEN, Id, Json, Time, passes_keywords
from durable_analytics.client.handle import DeliveryHandle
from durable_analytics.wire.policies import Policies


class DeliveryMethods:
    """The methods of `AnalyticsClient` that each start a delivery."""

    _submit: Callable[[str, dict[str, Any]], Awaitable[DeliveryHandle]]

    @passes_keywords
    async def identify(
        self,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Identify a user and record the user's traits.

        >>> handle = await analytics.identify(user_id="u-1", traits={"plan": "pro", "age": None})

        Args:
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            traits: Attributes of the person; null deletes a trait if the provider supports it.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def track(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Record an event of a user.

        >>> handle = await analytics.track(
        ...     event="Order Completed", user_id="u-1", properties={"revenue": 19.99}
        ... )

        Args:
            event: The action's name, like "Order Completed".
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            properties: Attributes of the event. `revenue` and `value` are numbers, `currency` is
                ISO 4217.
            traits: Attributes of the person.
            channel: Where it happened, like "web_site".
            company_id: The company in whose context it happened.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def group(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Associate a user with a group, such as a company, and record the group's traits.

        >>> handle = await analytics.group(group_id="g-1", user_id="u-1", traits={"seats": 5})

        Args:
            group_id: The group's id in the caller's database.
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            traits: Attributes of the group.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def alias(
        self,
        *,
        previous_user_id: Id,
        new_user_id: Id | Sequence[Id],
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Connect two ids of the same user.

        >>> handle = await analytics.alias(previous_user_id="a-1", new_user_id="u-1")

        Args:
            previous_user_id: The old id, often an anonymous one.
            new_user_id: The new id; a list if the provider accepts one (Trak.io).
            traits: Attributes of the person.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def page(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Record a page view on a website.

        >>> handle = await analytics.page(user_id="u-1", name="Prices", category="Shop")

        Args:
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            name: The page's name. No default is set: journy.io gives the name a meaning.
            category: The page's category.
            properties: Attributes of the page: `url`, `path`, `title`, `referrer`, `search`,
                `keywords`.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def screen(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Record a screen view in an app.

        >>> handle = await analytics.screen(name="Prices", anonymous_id="a-1")

        Args:
            name: The screen's name. Required.
            user_id: The person's id in the caller's database.
            anonymous_id: An id for a person without a user id, like the id of a session.
            category: The screen's category.
            properties: Attributes of the screen.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def delete(
        self,
        *,
        user_id: Id,
        traits: Json | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Suppress a user and delete the stored data of the user.

        >>> handle = await analytics.delete(user_id="u-1")

        Args:
            user_id: The person's id in the caller's database.
            traits: Attributes that find the person if the id does not, like an email address.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def annotate(
        self,
        *,
        event: str,
        properties: Json | None = None,
        channel: str | None = None,
        timestamp: Time | None = None,
        message_id: Id | None = None,
        integrations: Json | None = None,
        context: Json | None = None,
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Record an event that concerns all users, such as a deployment.

        >>> handle = await analytics.annotate(event="Deployed", properties={"version": "4.1"})

        Args:
            event: What happened.
            properties: Attributes of the event.
            channel: Where it happened.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def metric(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Increase or decrease a metric of a user.

        >>> handle = await analytics.metric(key="words", user={"id": "u-1"}, value=750)

        Args:
            key: The metric's name at the provider.
            user: The person: an object with `id`, and what else the provider should store.
            value: The number that is added to the total; negative to decrement.
            attributes: Attributes of the event; their keys must exist at the provider.
            idempotency_key: The provider counts events with the same key once. The message id when
                absent.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError

    @passes_keywords
    async def call(
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
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> DeliveryHandle:
        """Call any other endpoint of the provider.

        >>> handle = await analytics.call(method="POST", path="/v1/import", body={"rows": 2})

        Args:
            method: The HTTP method.
            path: Relative to the integration's base URL, like "/v1/track".
            query: The parameters of the query string.
            headers: More headers, without credentials.
            body: Any JSON value, sent as JSON.
            timestamp: When it happened. Default: when Temporal starts the delivery.
            message_id: Identifies the message: a call with the same id joins the first delivery.
                Fewer than 100 characters. Default: a UUID.
            integrations: Destinations to switch on or off, like `{"All": False, "PostHog": True}`.
            context: The context of this message, like `{"ip": …}`. It is merged over that of the
                client, key by key, nested objects too.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            request_options: `headers`, `query` and `body`, added to the provider's request.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the delivery; Temporal has stored the message.

        Raises:
            ValidationError: The message breaks the contract; the error names each field.
            NotAccepted: Temporal did not store the message within `start_timeout`.
        """
        raise NotImplementedError
