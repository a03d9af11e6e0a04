"""Archive: objects of lines, their keys, and a real S3 server (moto's) that checks signatures."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
import httpx
import pydantic
import pytest
from botocore.config import Config  # type: ignore[import-untyped]  # it has no types
from moto.server import ThreadedMotoServer
from temporalio.client import Client

from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse, Provider
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.testing import VENDORS, StandIn
from durable_analytics.wire.parsing import read_batch
from tests.providers.building import ACCOUNTS, SENT_AT, account, built, refusal
from tests.providers.whole_messages import ROWS
from tests.support.goldens.archive import FOLDER, NDJSON, line, lines, stored
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import IntegrationSettings

ARCHIVE = ACCOUNTS["archive"]


BATCH_ID = "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11"


TRACK: Json = {"type": "track", "user_id": "u-1", "event": "E"}


def prepared(messages: list[Json], first: int = 0) -> PreparedBatch:
    """A batch as Validation and Request prepare it, half an hour before midnight."""
    defaults = BatchDefaults(BATCH_ID, datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    batch = read_batch({"messages": messages})
    return prepare_batch(batch, Integration("tested", ARCHIVE), defaults, first)


def test_a_batch_becomes_this_request() -> None:
    """Every method with all fields and with the least, a line each, in order."""
    messages = [{**line(row), "message_id": f"m-{n}"} for n, row in enumerate(ROWS)]
    batch = prepared(messages)

    assert batch.rejected == []
    assert batch.request(batch.messages, SENT_AT) == HttpRequest(
        "PUT",
        f"{FOLDER}/dt=2026-01-31/hour=23/{BATCH_ID}-0-18.ndjson.gz",
        stored(messages),
        NDJSON,
    )


def test_what_is_stored_can_be_sent_again() -> None:
    """The lines are the messages of another batch, which stores the same."""
    batch = prepared([line(row) for row in ROWS])
    content = batch.request(batch.messages, SENT_AT).content() or b""

    again = prepared(lines(content))

    assert again.rejected == []
    assert again.request(again.messages, SENT_AT).content() == content


def test_another_attempt_overwrites_the_same_object() -> None:
    """Its key and its content do not depend on the time of the attempt, nor on a day's end."""
    batch = prepared([TRACK, TRACK])

    first, second = (
        batch.request(batch.messages, time)
        for time in (SENT_AT, SENT_AT + timedelta(days=1, hours=1))
    )

    assert first == second


def test_parts_of_a_batch_are_objects_of_their_own() -> None:
    """A batch that is cut has a key for each range of messages."""
    whole = prepared([TRACK] * 4)
    part = prepared([TRACK] * 2, first=2)

    urls = [batch.request(batch.messages, SENT_AT).url for batch in (whole, part)]

    assert [url.rpartition("/")[2] for url in urls] == [
        f"{BATCH_ID}-0-4.ndjson.gz",
        f"{BATCH_ID}-2-4.ndjson.gz",
    ]


@pytest.mark.parametrize(
    ("timestamp", "folder"),
    [
        ("2026-01-31T23:59:59Z", "dt=2026-01-31/hour=23"),
        ("2026-01-31T23:30:00-05:00", "dt=2026-02-01/hour=04"),
        ("2026-01-31", "dt=2026-01-31/hour=00"),
    ],
)
def test_a_single_message_lies_at_its_own_hour(timestamp: str, folder: str) -> None:
    """In UTC."""
    url = built(ARCHIVE, "track", {"user_id": "u", "event": "E", "timestamp": timestamp}).url

    assert url.startswith(f"{FOLDER}/{folder}/track-")


@pytest.mark.parametrize("message_id", ["../../x", "a/b", "ä?#", "M-1", "x" * 99])
def test_a_message_id_leads_nowhere_else(message_id: str) -> None:
    """The key has a UUID made from it; the line has the id itself."""
    request = built(ARCHIVE, "track", {"user_id": "u", "event": "E", "message_id": message_id})

    name = request.url.rpartition("/")[2]
    assert name == f"track-{message_uuid(message_id)}.ndjson.gz"
    assert uuid.UUID(message_uuid(message_id)).version == 5
    assert lines(request.content() or b"")[0]["message_id"] == message_id


def test_a_uuid_stays_itself() -> None:
    assert message_uuid(BATCH_ID.upper()) == message_uuid(BATCH_ID) == BATCH_ID
    assert message_uuid(BATCH_ID.replace("-", "")) != BATCH_ID


def test_strict_false_stores_what_no_model_knows() -> None:
    given = {"user_id": "u", "event": "E", "colour": "red", "type": "blue"}

    request = built(ARCHIVE, "track", given, strict=False)

    (row,) = lines(request.content() or b"")
    assert (row["colour"], row["type"]) == ("red", "track")


def test_an_object_takes_no_additions() -> None:
    options = {"body": {"tenant": "t-1"}}

    told = refusal(ARCHIVE, "identify", {"user_id": "u"}, request_options=options)

    assert told == {
        "request_options.body": "cannot be added: the body of the request is not a JSON object"
    }


KEYS: Json = {"access_key_id": "a", "secret_access_key": "s"}


@pytest.mark.parametrize(
    ("prefix", "start"),
    [("", ""), ("raw", "raw/"), ("raw/", "raw/"), ("/a/b/", "a/b/"), ("a=1/b", "a=1/b/")],
)
def test_a_prefix_is_steps(prefix: str, start: str) -> None:
    provider = account("archive", **KEYS, bucket="b-1", region="us-east-1", prefix=prefix)

    url = built(provider, "identify", {"user_id": "u"}).url

    assert url.startswith(f"https://s3.us-east-1.amazonaws.com/b-1/{start}dt=")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("prefix", "a//b"),
        ("prefix", "../b"),
        ("prefix", "a b"),
        ("prefix", "ä"),
        ("bucket", "B"),
        ("bucket", "a/b"),
        ("bucket", "ab."),
        ("region", "eu central"),
        ("region", ""),
        ("region", None),
    ],
)
def test_a_wrong_setting_is_the_only_problem(setting: str, value: object) -> None:
    settings = {**KEYS, "bucket": "b-1", "region": "r", setting: value}

    with pytest.raises(pydantic.ValidationError) as refused:
        account("archive", **settings)

    assert [error["loc"] for error in refused.value.errors()] == [(setting,)]


def test_the_store_has_an_address_of_its_own() -> None:
    provider = account(
        "archive", **KEYS, bucket="b-1", region="r", base_url="https://minio.example.com:9000/"
    )

    url = built(provider, "identify", {"user_id": "u"}).url

    assert url.startswith("https://minio.example.com:9000/b-1/dt=")


def test_a_slow_body_is_tried_again() -> None:
    """S3 answers 400 to it."""
    body = "<Error><Code>RequestTimeout</Code></Error>"

    failure = ARCHIVE.classify(HttpResponse(400, body=body))

    assert isinstance(failure, Unavailable)
    assert str(failure) == "Archive answered 400 with RequestTimeout"


@dataclass
class S3:
    """A real server, and a client of it."""

    url: str
    client: Any
    settings: Json = field(repr=False)

    def objects(self) -> dict[str, bytes]:
        """What the bucket holds, by key."""
        listed = self.client.list_objects_v2(Bucket="archive-1").get("Contents", [])
        return {
            one["Key"]: self.client.get_object(Bucket="archive-1", Key=one["Key"])["Body"].read()
            for one in listed
        }

    def provider(self, **changes: object) -> Provider:
        """An account that may put objects."""
        return account("archive", **{**self.settings, **changes})


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A server of moto; it checks the signature of each request, and who may do what."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    options = {"endpoint_url": url, "region_name": "us-east-1"}
    config = Config(proxies={}, s3={"addressing_style": "path"})
    initial = {"aws_access_key_id": "initial", "aws_secret_access_key": "initial"}
    iam = boto3.client("iam", config=config, **options, **initial)
    iam.create_user(UserName="archivist")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="archivist", PolicyName="archive", PolicyDocument=policy)
    key = iam.create_access_key(UserName="archivist")["AccessKey"]
    keys = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    client = boto3.client(
        "s3", config=config, **options, **{f"aws_{name}": value for name, value in keys.items()}
    )
    client.create_bucket(Bucket="archive-1")
    with httpx.Client(trust_env=False) as http:
        # From here on.
        http.post(f"{url}/moto-api/reset-auth", content=b"0").raise_for_status()
        settings = {**keys, "base_url": url, "bucket": "archive-1", "region": "us-east-1"}
        yield S3(url, client, settings)
        http.post(f"{url}/moto-api/reset-auth", content=b"inf").raise_for_status()
    server.stop()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, 200, ""),
        ({"secret_access_key": "wrong"}, 403, "SignatureDoesNotMatch"),
        ({"access_key_id": "AKIAWRONG"}, 403, "InvalidAccessKeyId"),
        ({"bucket": "no-such-bucket"}, 404, "NoSuchBucket"),
    ],
)
def test_a_real_server_checks_the_signature(s3: S3, changes: Json, status: int, code: str) -> None:
    provider = s3.provider(**changes)
    request = built(provider, "track", {"user_id": "ü", "event": "E"})
    sent = provider.authorize(request, delivery_id="m-1", sent_at=datetime.now(UTC))

    with httpx.Client(trust_env=False) as http:
        response = http.request(sent.method, sent.url, headers=sent.headers, content=sent.content())

    assert (response.status_code, code in response.text) == (status, True)


async def deliver(
    temporal: Client, standin: StandIn, s3: S3, *inputs: tuple[str, Json]
) -> list[Json]:
    """The outputs of these workflows, through a real worker that delivers to the server."""
    queue = f"archive-{uuid.uuid4()}"
    archive = IntegrationSettings(provider=s3.provider(prefix=queue))
    settings = settings_for(standin, task_queue=queue, integrations={"segment": archive})
    outputs = []
    async with own_worker(temporal, settings):
        for workflow, data in inputs:
            handle = await temporal.start_workflow(
                workflow, data, id=f"archive-{uuid.uuid4()}", task_queue=queue
            )
            outputs.append(await outcome(handle))
    return outputs


async def test_a_real_server_stores_what_a_worker_sends(
    temporal: Client, standin: StandIn, s3: S3
) -> None:
    """One object a batch, one a single message; the same one when it comes again."""
    before = s3.objects()
    single: Json = {"track": {**TRACK, "message_id": "m-single", "timestamp": "2026-01-31"}}
    del single["track"]["type"]
    messages = [{**TRACK, "message_id": f"m-{n}", "event": f"E {n} ü"} for n in range(500)]

    outputs = await deliver(
        temporal,
        standin,
        s3,
        ("Batch", {"messages": [*messages, {"type": "track"}]}),
        ("Track", single),
        ("Track", single),
        ("Call", {"call": {"method": "GET", "path": "/archive-1", "query": {"list-type": 2}}}),
    )

    assert [output["status"] for output in outputs] == ["partial", *["success"] * 3]
    assert outputs[0]["accepted"] == 500
    new = {key: content for key, content in s3.objects().items() if key not in before}
    batch, track = sorted(new, key=lambda key: "track-" in key)
    assert len(new) == 2
    assert [one["event"] for one in lines(new[batch])] == [one["event"] for one in messages]
    assert track.endswith(f"/dt=2026-01-31/hour=00/track-{message_uuid('m-single')}.ndjson.gz")
    assert track in outputs[3]["response"]["body"]


async def test_a_throttled_object_is_put_again(execute: Execute, standin: StandIn) -> None:
    """The same one, whole; a message that is refused here is in neither."""
    slow = "<Error><Code>SlowDown</Code></Error>"
    standin.script("archive", {"status": 503, "body": slow})
    policies = {"request": {"retry_policy": {"initial_interval": "PT0.01S"}}}
    messages = [
        TRACK,
        {"type": "track"},
        {"type": "metric", "key": "k", "user": {"id": "u"}, "value": 1},
    ]
    data = {"integration": "archive", "policies": policies, "messages": messages}

    output = await execute("Batch", data)

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert [one["index"] for one in output["rejected"]] == [1]
    first, second = standin.requests
    assert (first["path"], first["body"]) == (second["path"], second["body"])
    assert [one["type"] for one in second["body"]] == ["track", "metric"]
    assert len(standin.accepted["archive"]) == 2
    assert VENDORS["archive"].credentials["access_key_id"] not in json.dumps(standin.requests)
