"""The checks of `ProviderConformance` find where a provider and the stand-in differ."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from durable_analytics.testing import Received, ReceivedMessage, Reply, Vendor
from durable_analytics.testing.authentication import header
from durable_analytics.testing.messages import in_body
from tests.support.acme import Acme, failing

ACME = Vendor(
    title="Acme",
    credentials={"key": "acme-key-1"},
    authorizes=header("x-acme-key", "key"),
    refuses=Reply(401, {"error": "wrong key"}),
    answers=lambda _: Reply(200, {}),
    messages=in_body("message_id"),
)


def found_ids(*ids: str | None) -> Vendor:
    """The vendor, which finds messages with these ids in each request."""

    def find(request: Received) -> Sequence[ReceivedMessage]:
        return [ReceivedMessage(id_, request.body) for id_ in ids]

    return replace(ACME, messages=find)


@pytest.mark.parametrize("vendor", [ACME, found_ids("kit-message-1", "kit-message-1-group")])
def test_a_vendor_that_agrees_passes(vendor: Vendor) -> None:
    """A message may become several at the vendor, each with an id of its own."""
    assert failing(Acme, vendor=vendor) == set()


@pytest.mark.parametrize(
    ("vendor", "check"),
    [
        (
            replace(ACME, authorizes=header("x-key", "key")),
            "the_stand_in_accepts_each_message",
        ),
        (
            replace(ACME, answers=lambda _: Reply(400, {})),
            "the_stand_in_accepts_each_message",
        ),
        (found_ids(), "the_stand_in_accepts_each_message"),
        (found_ids("other"), "the_stand_in_accepts_each_message"),
        (found_ids("kit-message-1", None), "the_stand_in_accepts_each_message"),
        (found_ids("kit-message-1", "kit-message-1"), "the_stand_in_accepts_each_message"),
        (
            replace(ACME, authorizes=lambda _request, _credentials: True),
            "the_stand_in_refuses_other_credentials",
        ),
        (
            replace(ACME, refuses=Reply(204)),
            "the_provider_recognises_wrong_credentials",
        ),
    ],
)
def test_finds_what_differs(vendor: Vendor, check: str) -> None:
    """Only this check fails."""
    assert failing(Acme, vendor=vendor) == {check}
