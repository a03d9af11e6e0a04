"""The Validation activity: checks an input against contract, settings and provider, and plans."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from temporalio import activity
from temporalio.common import RawValue

from activities.failures import application_error
from activities.internal import internal_error
from activities.preparing import check_date, choose, prepare
from durable_analytics.contract import ABSENT, Method
from durable_analytics.errors import DeliveryError, ValidationError
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.messages import JsonObject, instant
from durable_analytics.policies import Policies, merge_policies
from durable_analytics.reading import decode, is_lenient, needs_message_id, normalise

log = logging.getLogger("durable_analytics.validation")

_MESSAGE_IDS = UUID("6f2c1f0e-6d5b-5d0c-9c55-0a4b5d1f7c11")
"""The UUIDv5 namespace of made-up message ids."""

_PLAN_LIMIT_BYTES = 64 * 1024
"""What is stored beside the input, and with the message in the output."""


@dataclass(eq=False)
class Validation:
    """`<Method>.Validation`: one instance a method."""

    method: Method
    integrations: Integrations

    async def __call__(
        self,
        input: RawValue = ABSENT,
        origin: RawValue = ABSENT,
    ) -> JsonObject:
        """Return the plan, or fail with the type and the fields that the contract names."""
        with refusing(self.method) as told:
            data = normalise(self.method, decode(input))
            told.integration = choose(data, self.integrations)
            return make_plan(self.method, data, told.integration, Origin.read(origin))


@dataclass
class _Told:
    """What a refusal tells beside its error."""

    integration: Integration | None = None


@contextmanager
def refusing(method: Method) -> Iterator[_Told]:
    """Turn whatever goes wrong inside into the failure of a Validation, and log it."""
    told = _Told()
    try:
        yield told
    except DeliveryError as error:
        name = told.integration.name if told.integration else None
        _log_refusal(method, name, error)
        raise application_error(error, integration=name) from None
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a bug of ours
        name = told.integration.name if told.integration else None
        raise application_error(internal_error(error), integration=name) from None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from: it settles the id and the time of one that has none."""

    started_at: datetime
    run: str

    @classmethod
    def read(cls, origin: Any) -> "Origin":
        """What the workflow says of itself, or what the activity knows where it says nothing.

        Raises:
            ValidationError: It says something else.
        """
        info = activity.info()
        given = decode(origin, "origin")
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise ValidationError.at("origin", 'must be an object like {"started_at": …}, or null')
        started_at = given.get("started_at") or info.scheduled_time.isoformat()
        run = given.get("first_run_id") or info.workflow_run_id or info.activity_run_id or ""
        try:
            started = datetime.fromisoformat(started_at)
            utc = (started if started.tzinfo else started.replace(tzinfo=UTC)).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError.at("origin.started_at", "must be ISO 8601") from None
        return cls(utc, str(run))

    def message_id(self) -> str:
        """The same over attempts, replays, retried and reset runs; another for another message."""
        info = activity.info()
        place = [info.namespace, info.workflow_id, self.run, info.activity_id]
        return str(uuid5(_MESSAGE_IDS, json.dumps(place)))


def plan_alone(method: Method, data: JsonObject, integration: Integration) -> JsonObject:
    """The plan of a Request that was called without one."""
    return make_plan(method, data, integration, Origin.read(None))


def make_plan(
    method: Method, data: JsonObject, integration: Integration, origin: Origin
) -> JsonObject:
    """Check everything, the provider's limits included, and return the plan of the contract.

    Raises:
        UnsupportedMethod: The integration's provider lacks the method.
        ValidationError: The input breaks the contract or a limit of the provider.
    """
    message = data.get(method.key)
    given: Mapping[str, Any] = message if isinstance(message, dict) else {}
    filled_in = integration.provider.fill_in(method.key, dict(given))
    if needs_message_id(dict(given), lenient=is_lenient(data)):
        filled_in["message_id"] = origin.message_id()
    if given.get("timestamp") is None:
        filled_in["timestamp"] = instant(origin.started_at)
    prepared = prepare(method, data, integration, filled_in)
    if given.get("timestamp") is not None:
        check_date(integration.provider, prepared.delivery, origin.started_at)
    integration.provider.build(prepared.delivery, origin.started_at)
    policies = policies_in_force(method, integration, prepared.policies)
    plan = {
        "integration": integration.name,
        "message": prepared.as_delivered("message_id", "timestamp", *filled_in),
        "policies": policies.model_dump(mode="json"),
        "task_queue": activity.info().task_queue,
    }
    if len(json.dumps(plan)) > _PLAN_LIMIT_BYTES:
        raise ValidationError.at(method.key, "has an id too long to be repeated: shorten it")
    return plan


def policies_in_force(method: Method, integration: Integration, given: Policies | None) -> Policies:
    """The integration's and the default policies, under the input's where it allows that."""
    if given and not integration.allow_policies_override:
        log.warning(
            "policies of the input ignored: the integration does not allow overriding",
            extra={
                "workflow_id": activity.info().workflow_id,
                "integration": integration.name,
                "method": method.key,
            },
        )
        given = None
    return merge_policies(given, integration.policies)


def _log_refusal(method: Method, integration: str | None, error: DeliveryError) -> None:
    log.warning(
        "refused",
        extra={
            "workflow_id": activity.info().workflow_id,
            "integration": integration,
            "method": method.key,
            "error": error.wire_name(),
            "fields": [field.path for field in error.fields],
        },
    )
