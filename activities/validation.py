"""The Validation activity: checks an input, and returns the plan of its delivery."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.failures import application_error, internal_error
from activities.origin import Origin
from activities.prepared_deliveries import PreparedDeliveries, is_large
from activities.search_attributes import SearchAttributes
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.delivery.preparation import identify, prepare, route_message
from durable_analytics.delivery.routes import NotSentError
from durable_analytics.delivery.routing import changed_fields
from durable_analytics.errors import DeliveryError, UnsupportedMethod, ValidationError
from durable_analytics.providers import Delivery
from durable_analytics.wire.decoding import decode, decode_readable
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.limits import (
    FAN_OUT_LIMIT_BYTES,
    INPUT_LIMIT_BYTES,
    PLANS_LIMIT_BYTES,
)
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.methods import ABSENT, Method
from durable_analytics.wire.outputs import count_left_out
from durable_analytics.wire.parsing import read_input
from durable_analytics.wire.plans import BatchPlan, FanOutPlan, Filtered, Plan
from durable_analytics.wire.policies import Policies, merge_policies

log = logging.getLogger("durable_analytics.validation")

_PLAN_LIMIT_BYTES = 64 * 1024
"""The largest plan, which is stored with the input, and partly in the output."""


@dataclass(eq=False)
class Validation:
    """The activity `<Method>.Validation`: one instance for each method."""

    method: Method
    integrations: Integrations
    prepared: PreparedDeliveries = field(default_factory=PreparedDeliveries)
    """The cache from which a Request in the same worker takes large messages that are checked."""

    search_attributes: SearchAttributes = field(default_factory=SearchAttributes)

    async def __call__(
        self,
        input: RawValue = ABSENT,
        origin: RawValue = ABSENT,
    ) -> Plan | FanOutPlan:
        """Return the plan; an invalid input fails with the error types of the contract."""
        with reporting(self.method) as report:
            report.has_search_attributes = await self.search_attributes.are_registered()
            source = await Origin.find(origin)

            @report.naming_integration(self.integrations, input)
            def check() -> Plan | FanOutPlan:
                data = normalise(self.method, decode(input))

                def plan_for(integration: Integration) -> Plan:
                    share = len(data.get("deliver_to") or [1])
                    plan, delivery = make_plan(self.method, data, integration, source, share)
                    if delivery:
                        self.prepared.keep(input, plan, delivery)
                    return plan

                if data.get("deliver_to") is None:
                    report.integration = self.integrations.find(data.get("integration"))
                    return plan_for(report.integration)
                envelope, message = read_input(self.method, data)
                integrations = self.integrations.all_of(envelope.deliver_to or ())
                limit_fan_out(input, len(integrations))
                identified = identify(message, source.defaults())
                return plan_fan_out(self.method, integrations, plan_for, {"message": identified})

            return report.complete(await run_in_thread_if_slow(input, self.integrations, check))


T = TypeVar("T")
PlanType = TypeVar("PlanType", Plan, BatchPlan, Plan | FanOutPlan, BatchPlan | FanOutPlan)


async def run_in_thread_if_slow(
    input: Any, integrations: Integrations, prepare: Callable[[], T]
) -> T:
    """Check or prepare an input; in a thread if that may take long, so the event loop stays free.

    Args:
        input: The input. A large one takes long.
        integrations: The integrations of the worker. A transform takes as long as the operator's
            code does.
        prepare: Checks or prepares it.
    """
    may_be_slow = is_large(input) or integrations.have_transform
    return await asyncio.to_thread(prepare) if may_be_slow else prepare()


@dataclass
class _Report:
    """What a Validation reports to its workflow, in a plan or in a failure."""

    integration: Integration | None = None
    """The integration of the input; None until it is known, and for a fan-out."""

    has_search_attributes: bool = False
    """Whether the search attributes are registered in Temporal."""

    @contextmanager
    def naming_integration(self, integrations: Integrations, input: Any) -> Iterator[None]:
        """Find the integration of an input that the block refuses.

        Reading the input again may take long: use it in a thread.
        """
        try:
            yield
        except ValidationError:
            self.integration = self.integration or _integration_of(integrations, input)
            raise

    def complete(self, plan: PlanType) -> PlanType:
        """Record in a plan whether the search attributes are registered, and return the plan."""
        if self.has_search_attributes:
            plan["search_attributes"] = True
        return plan

    def failure(self, error: DeliveryError) -> ApplicationError:
        """Return the failure of the Validation."""
        name = self.integration.name if self.integration else None
        registered = {"search_attributes": True} if self.has_search_attributes else {}
        return application_error(error, {"response": None, **registered}, integration=name)


def _integration_of(integrations: Integrations, input: Any) -> Integration | None:
    """Return the integration that a refused input names; None if it names none or several."""
    data = decode_readable(input)
    if not isinstance(data, dict):
        return None
    if any(data.get(key) is not None for key in ("deliver_to", "deliverTo")):  # also a wrong one
        return None
    name = data.get("integration")
    if not isinstance(name, str | None):
        return None
    try:
        return integrations.find(name)
    except DeliveryError:
        return None


@contextmanager
def reporting(method: Method) -> Iterator[_Report]:
    """Convert any exception in the block to the failure of a Validation, and log it."""
    report = _Report()
    try:
        yield report
    except DeliveryError as error:
        name = report.integration.name if report.integration else None
        _log_refusal(method, name, error)
        raise report.failure(error) from None
    except Exception as error:  # noqa: BLE001  # any other exception is a bug
        raise report.failure(internal_error(error)) from None


def limit_fan_out(input: Any, integrations: int) -> None:
    """Refuse a fan-out whose activities Temporal could not schedule together.

    Raises:
        ValidationError: It is too large.
    """
    size = len(input.payload.data) if isinstance(input, RawValue) else 0
    if size * integrations > FAN_OUT_LIMIT_BYTES:
        reason = (
            f"has {integrations} integrations, and the input {size} bytes: together they are more "
            f"than {FAN_OUT_LIMIT_BYTES}; send a smaller input, or to fewer integrations"
        )
        raise ValidationError.at("deliver_to", reason)


def plan_fan_out(
    method: Method,
    integrations: Iterable[Integration],
    plan_for: Callable[[Integration], Plan],
    unsupported: JsonObject,
) -> FanOutPlan:
    """Return the plans of a fan-out; an error at one integration does not affect the others.

    Args:
        method: The method.
        integrations: The integrations, in the order of the input.
        plan_for: Returns the plan for one integration.
        unsupported: Further keys of a plan whose provider does not support the method.
    """
    plans: dict[str, Any] = {}
    for integration in integrations:
        name = integration.name
        try:
            plans[name] = plan_for(integration)
        except UnsupportedMethod as error:
            filtered: Filtered = {"by": "unsupported", "reason": error.message}
            plans[name] = {
                "integration": name,
                "policies": effective_policies(method, integration, None),
                "task_queue": integration.task_queue(activity.info().task_queue),
                "filtered": filtered,
                **unsupported,
            }
        except DeliveryError as error:
            _log_refusal(method, name, error)
            plans[name] = {"integration": name, "error": error.as_json()}
        except Exception as error:  # noqa: BLE001  # a bug concerns only this integration
            plans[name] = {"integration": name, "error": internal_error(error).as_json()}
    return {"plans": plans}


def make_plan(
    method: Method, data: JsonObject, integration: Integration, origin: Origin, share: int = 1
) -> tuple[Plan, Delivery[Message] | None]:
    """Check an input, also against the limits of its provider; return its plan and its delivery.

    The delivery has the request that was built, as `earlier`. If the message is filtered, the
    delivery is None, and nothing else is checked.

    Args:
        method: The method.
        data: The input, as `normalise` returned it.
        integration: The integration to deliver to.
        origin: The execution that delivers the message.
        share: How many plans are stored together, and share one size limit.

    Raises:
        UnsupportedMethod: The provider does not support the method.
        ValidationError: The input breaks the contract or a limit of the provider.
    """
    envelope, message = read_input(method, data)
    policies = effective_policies(method, integration, envelope.policies)
    violations = Counter[str]()
    try:
        routed = route_message(integration, message, envelope, violations)
    except NotSentError as not_sent:
        return {
            "integration": integration.name,
            "message": identify(message, origin.defaults()),
            "policies": policies,
            "task_queue": integration.task_queue(activity.info().task_queue),
            "filtered": not_sent.filtered,
        }, None
    integration.provider.require(method.key)
    prepared = prepare(integration.provider, routed, envelope, origin.defaults())
    request = integration.provider.build(prepared.delivery)
    delivery = replace(prepared.delivery, earlier=request)
    plan: Plan = {
        "integration": integration.name,
        "message": prepared.as_delivered(),
        "policies": policies,
        "task_queue": integration.task_queue(activity.info().task_queue),
    }
    add_turn_seconds(plan, integration)
    if violations:
        plan["violations"] = count_left_out(violations)
    if left_out := prepared.delivery.left_out:
        plan["left_out"] = count_left_out(dict.fromkeys(left_out, 1))
    if len(json.dumps(plan)) > _PLAN_LIMIT_BYTES:
        raise ValidationError.at(
            method.key, "has an id that is too long for the output: shorten it"
        )
    if routed is message:
        return plan, delivery
    if integration.route.needs_whole_messages or envelope.tracking_plan:
        plan["routed"] = {"message": routed.fields, "context": routed.context}
    else:
        plan["message"] |= changed_fields(message.fields, routed.fields)
    limit = min(INPUT_LIMIT_BYTES - _PLAN_LIMIT_BYTES, PLANS_LIMIT_BYTES // share)
    if len(json.dumps(plan)) > limit:
        raise ValidationError.at(
            method.key,
            f"is too large: the settings of {integration.name} change it, and the "
            f"result may have {limit} bytes",
        )
    return plan, delivery


def add_turn_seconds(plan: Plan, integration: Integration) -> None:
    """Add how long a request may wait for its turn, if the integration limits its request rate."""
    if integration.longest_turn:
        plan["turn_seconds"] = integration.longest_turn.total_seconds()


def effective_policies(
    method: Method, integration: Integration, own: Policies | None
) -> JsonObject:
    """Return the `policies` of a plan: merged, then limited by the integration's `policy_limits`.

    Args:
        method: The method.
        integration: The integration.
        own: The policies of the input; they are used only if the integration allows overriding.
    """
    if own and not integration.allow_policies_override:
        log.warning(
            "policies of the input ignored: the integration does not allow overriding",
            extra={
                "workflow_id": activity.info().workflow_id,
                "integration": integration.name,
                "method": method.key,
            },
        )
        own = None
    merged, limited = merge_policies(own, integration.policies), list[str]()
    if integration.policy_limits:
        merged, limited = integration.policy_limits.apply(merged)
    policies = merged.model_dump(mode="json")
    return {**policies, "limited": limited} if limited else policies


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
