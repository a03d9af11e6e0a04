"""Webhook: Standard Webhooks, checked by the specification's own library and its test vector.

Segment's own webhook action differs on purpose: it sends what it was given, without an envelope,
signs it with HMAC-SHA1, and sends a batch as one array. Standard Webhooks has no batches.
"""

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest
import standardwebhooks
from temporalio.client import Client

from durable_analytics.errors import Rejected, ValidationError
from durable_analytics.providers import HttpRequest, HttpResponse
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.testing import VENDORS, StandIn
from tests.providers.building import (
    ACCOUNTS,
    SENT_AT,
    account,
    added_headers,
    built,
    refusal,
)
from tests.providers.whole_messages import ROWS
from tests.support.goldens.webhook import NEW, OLD, SIGNED, URL, signature
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import IntegrationSettings

WEBHOOK = ACCOUNTS["webhook"]


TRACK: Json = {"user_id": "u-1", "event": "E"}


def test_the_published_vector_is_signed_so() -> None:
    """The specification's secret, id, time and body."""
    provider = account("webhook", url=URL, secrets=[OLD])
    request = HttpRequest("POST", URL, b'{"test": 2432232314}')
    sent_at = datetime.fromtimestamp(1614265330, UTC)

    headers = provider.authorize(
        request, delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=sent_at
    ).headers

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method}-{row.extent}")
@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_library_verifies_each_message_with_each_secret(row: Any, secret: str) -> None:
    """While a secret is replaced, a receiver has the old one or the new one."""
    request = built(WEBHOOK, row.method, row.message, context=row.context)
    sent = WEBHOOK.authorize(request, delivery_id="m-1", sent_at=datetime.now(UTC))

    verified = standardwebhooks.Webhook(secret).verify(sent.content() or b"", dict(sent.headers))

    assert verified == request.body


def test_another_attempt_has_the_same_id_and_its_own_time() -> None:
    request = built(WEBHOOK, "track", TRACK)
    later = SENT_AT.replace(minute=40)

    first, second = (
        WEBHOOK.authorize(request, delivery_id="m-1", sent_at=time).headers
        for time in (SENT_AT, later)
    )

    assert first["webhook-id"] == second["webhook-id"] == "m-1"
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 600
    content = (request.content() or b"").decode()
    assert second["webhook-signature"].split()[0] == signature(OLD, "m-1", content, later)


@pytest.mark.parametrize("message_id", ["a.b", "schlüssel", "a b", "x" * 98 + "."])
def test_an_id_that_could_be_read_as_another_part_is_replaced(message_id: str) -> None:
    """A full stop separates the parts that are signed; a header is ASCII."""
    request = built(WEBHOOK, "track", {**TRACK, "message_id": message_id})
    headers = WEBHOOK.authorize(request, delivery_id=message_id, sent_at=SENT_AT).headers

    assert headers["webhook-id"] == message_uuid(message_id)
    assert request.body["data"]["message_id"] == message_id


def test_a_caller_cannot_set_what_is_signed() -> None:
    told = refusal(WEBHOOK, "track", TRACK, request_options={"headers": {"Webhook-Id": "x"}})

    assert list(told) == ["request_options.headers.Webhook-Id"]


def test_a_caller_may_add_to_the_body() -> None:
    """And replace nothing."""
    options = {"body": {"tenant": "t-1"}}

    assert built(WEBHOOK, "track", TRACK, request_options=options).body["tenant"] == "t-1"
    assert list(refusal(WEBHOOK, "track", TRACK, request_options={"body": {"type": "x"}})) == [
        "request_options.body.type"
    ]


def test_strict_false_sends_what_no_model_knows() -> None:
    given = {**TRACK, "colour": "red", "properties": {"revenue": "a lot"}}

    body = built(WEBHOOK, "track", given, strict=False).body

    assert body["data"]["colour"] == "red"
    assert body["data"]["properties"] == {"revenue": "a lot"}


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_!" + "a" * 40,
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
    ],
)
def test_a_secret_has_24_to_64_bytes(secret: str) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        account("webhook", url=URL, secrets=[OLD, secret])

    (error,) = refused.value.errors(include_input=False)
    assert error["loc"] == ("secrets", 1)
    assert error["msg"].endswith('must be "whsec_" and 24 to 64 bytes in base64')
    assert secret not in str(refused.value).replace('"whsec_"', "")


def test_secrets_may_be_one_text() -> None:
    """As an environment variable has them; padding and prefix may be absent."""
    bare = NEW.removeprefix("whsec_").rstrip("=")
    provider = account("webhook", url=URL, secrets=f"{OLD}, {bare}")

    assert added_headers(provider) == SIGNED


@pytest.mark.parametrize(
    "settings", [{"secrets": [OLD]}, {"url": URL}, {"url": URL, "secrets": []}]
)
def test_the_url_and_a_secret_are_required(settings: Json) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        account("webhook", **settings)

    (error,) = refused.value.errors()
    assert error["loc"] == ("secrets" if "url" in settings else "url",)


@pytest.mark.parametrize("url", ["hooks.example.com", "https://a:b@example.com", "https://x?k=1"])
def test_a_url_holds_no_credentials(url: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="url"):
        account("webhook", url=url, secrets=[OLD])


def test_the_secrets_alone_are_masked() -> None:
    """The time and the id of a request are no secrets, and stand in many responses."""
    assert WEBHOOK.secret_values() == {OLD, NEW}


def test_410_is_final() -> None:
    failure = WEBHOOK.classify(HttpResponse(410))

    assert isinstance(failure, Rejected)
    assert str(failure) == "Webhook answered 410: the receiver wants no more messages"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_receiver_may_abort_the_retries(status: int) -> None:
    failure = WEBHOOK.classify(HttpResponse(status, {"webhook-delivery": "abort-message"}))

    assert isinstance(failure, Rejected)
    assert str(failure) == (f"Webhook answered {status}: the receiver does not want this message")


def test_a_nan_is_no_message() -> None:
    with pytest.raises(ValidationError, match="not a finite number"):
        HttpRequest("POST", URL, {"data": {"x": float("nan")}}).content()


async def test_a_batch_goes_out_message_by_message(execute: Execute, standin: StandIn) -> None:
    """One is refused for good, one throttled and sent again, with its own id each time."""
    standin.script("webhook", {}, {"status": 410}, {"status": 429})
    retry = {"request": {"retry_policy": {"initial_interval": "PT0.01S"}}}
    messages = [
        {"type": "track", **TRACK, "user_id": f"u-{n}", "message_id": f"m-{n}"} for n in range(3)
    ]
    data = {"integration": "webhook", "policies": retry, "messages": messages}

    output = await execute("Batch", data)

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert [one["error"]["type"] for one in output["rejected"]] == ["Rejected"]
    assert len(standin.requests) == 4
    accepted = {message.id for message in standin.accepted["webhook"]}
    assert accepted | {output["rejected"][0]["message_id"]} == {"m-0", "m-1", "m-2"}


async def test_both_secrets_sign_while_one_is_replaced(temporal: Client, standin: StandIn) -> None:
    """Through a real worker; the receiver knows the second of them."""
    url, known = standin.base_url("webhook"), VENDORS["webhook"].credentials["secrets"]
    queue = f"rotation-{uuid.uuid4()}"
    webhook = IntegrationSettings(provider=account("webhook", url=url, secrets=[OLD, known]))
    settings = settings_for(standin, task_queue=queue, integrations={"segment": webhook})
    async with own_worker(temporal, settings):
        handle = await temporal.start_workflow(
            "Track", {"track": TRACK}, id=f"rotation-{uuid.uuid4()}", task_queue=queue
        )
        output = await outcome(handle)

    assert output["status"] == "success"
    assert "whsec_" not in json.dumps([output, standin.requests])
