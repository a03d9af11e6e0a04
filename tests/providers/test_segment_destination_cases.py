"""Six providers send what the actions of Segment's own integrations send for the same message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from durable_analytics.providers import HttpRequest
from durable_analytics.providers.http import Form, JsonItems
from tests.documentation.pages import page
from tests.providers.building import ACCOUNTS, built
from tests.support.destination_cases.case import Case

ACTIONS: Mapping[str, str] = {
    "amplitude": "groupIdentifyUser identifyUser logEvent logEventV2 logPurchase mapUser",
    "braze": (
        "createAlias createAlias2 ecommerce ecommerceSingleProduct identifyUser identifyUser2 "
        "trackEvent trackEvent2 trackPurchase trackPurchase2 triggerCampaign triggerCanvas "
        "updateUserProfile updateUserProfile2 upsertCatalogItem"
    ),
    "customerio": (
        "createUpdateDevice createUpdateObject createUpdatePerson deleteDevice deleteObject "
        "deletePerson deleteRelationship mergePeople reportContentEvent reportDeliveryEvent "
        "suppressPerson trackEvent trackPageView trackScreenView unsuppressPerson"
    ),
    "ga4": (
        "addPaymentInfo addToCart addToWishlist beginCheckout customEvent generateLead login "
        "pageView purchase refund removeFromCart search selectItem selectPromotion signUp viewCart "
        "viewItem viewItemList viewPromotion"
    ),
    "mixpanel": "alias groupIdentifyUser identifyUser incrementProperties trackEvent trackPurchase",
    "posthog": "event identify",
}
"""The actions of each integration in segmentio/action-destinations."""


@dataclass(frozen=True)
class Table:
    """The cases of a vendor."""

    cases: list[Case]
    no_counterpart: Mapping[str, str]
    """The actions whose request no method sends, and what they do."""


def _table(name: str) -> Table:
    module = import_module(f"tests.support.destination_cases.{name}")
    return Table(module.CASES, module.NO_COUNTERPART)


TABLES = {name: _table(name) for name in ACTIONS}


def sent_object(request: HttpRequest) -> Any:
    """Return the first event, update or alias of a request, or else its body."""
    match request.body:
        case Form(fields):
            return json.loads(fields["mapping"])[0]
        case JsonItems(items):
            return json.loads(items[0])
        case body:
            return body


def parts_of(value: Any, expected: Any) -> Any:
    """Return only the parts of a value that are expected, so that a difference is shown."""
    if isinstance(value, dict) and isinstance(expected, dict):
        return {
            name: parts_of(value[name], part) for name, part in expected.items() if name in value
        }
    if isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        return [parts_of(item, part) for item, part in zip(value, expected, strict=True)]
    return value


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case.actions.split()[0]}-{case.method}-{index}")
        for name, table in TABLES.items()
        for index, case in enumerate(table.cases)
    ],
)
def test_a_message_has_the_parts_that_segments_integration_sends(name: str, case: Case) -> None:
    """Every other part of the request is in the provider's golden table."""
    provider = ACCOUNTS[name]
    context = {"context": case.context} if case.context else {}

    request = built(provider, case.method, case.message, **context)

    assert parts_of(sent_object(request), case.sent) == case.sent
    if case.path:
        assert request.url == f"{provider.base_url}/{case.path}"


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_a_case_or_a_reason(name: str) -> None:
    """An action without a case is in the table of differences, and in the documentation."""
    table = TABLES[name]
    covered = {action for case in table.cases for action in case.actions.split()}

    assert covered.isdisjoint(table.no_counterpart)
    assert covered | table.no_counterpart.keys() == {*ACTIONS[name].split()}
    assert all(f"`{action}`" in page("vendor-differences") for action in table.no_counterpart)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_method_but_call_has_a_case_or_a_reason(name: str) -> None:
    """A method that no action of the integration sends is named in the documentation."""
    methods = {case.method for case in TABLES[name].cases}
    others = {*ACCOUNTS[name].methods()} - methods - {"call"}
    (section,) = (
        text
        for text in page("vendor-differences").split("\n## ")
        if text.startswith(f"{ACCOUNTS[name].title}\n")
    )

    assert all(f"`{method.capitalize()}`" in section for method in others)
