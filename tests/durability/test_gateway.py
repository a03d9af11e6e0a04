"""The gateway promises while no worker is there, and a worker that comes keeps the promises."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.delivered import messages
from tests.support.gateway_messages import arrived
from tests.support.gateway_process import Gateway, address, gateway_process
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

CONNECTIONS = 100
REQUESTS = 10_000


async def send(gateway: Gateway, ids: list[str]) -> Counter[bytes]:
    """Send a single message for each id over one connection; returns the status lines."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses: Counter[bytes] = Counter()
    for id_ in ids:
        body = b'{"userId":"u-1","event":"E","messageId":"%b"}' % id_.encode()
        head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer segment\r\n"
        writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        statuses[answer.splitlines()[0]] += 1
        length = answer.partition(b"content-length:")[2].split()[0]
        await reader.readexactly(int(length))
    writer.close()
    return statuses


async def test_10_000_requests_while_the_worker_is_down(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """All are answered with 200, and all arrive once a worker is up, each of them once."""
    ids = [str(uuid4()) for _ in range(REQUESTS)]
    parts = [ids[first::CONNECTIONS] for first in range(CONNECTIONS)]

    async with gateway_process(address(temporal), task_queue) as gateway:
        async with asyncio.timeout(120):
            statuses = await asyncio.gather(*(send(gateway, part) for part in parts))
        assert sum(statuses, Counter()) == {b"http/1.1 200 ok": REQUESTS}
    assert standin.requests == []

    async with worker_process(temporal, standin, task_queue):
        await arrived(standin, ids)

    assert Counter(one["messageId"] for one in messages(standin)) == Counter(ids)
