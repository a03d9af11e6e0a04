"""Checks of batch requests: their contents, order and limits."""

import json
from copy import deepcopy
from itertools import chain, pairwise
from typing import Any, NamedTuple

from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    PreparedMessage,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.providers import BatchDelivery, HttpRequest
from durable_analytics.testing.conformance._case import (
    ConformanceCase,
    body_of,
    named_texts,
)
from durable_analytics.testing.conformance._samples import SENT_AT
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject, RequestOptions

_BATCH_ID = "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11"

_ITEMS_IN_A_FULL_SLICE = 50


class _BatchSample(NamedTuple):
    method: str
    key: str
    """The result of `Provider.batch_key`."""

    message: JsonObject


class BatchChecks(ConformanceCase):
    """A batch request contains its messages, in order, within the limits, and no credential."""

    def test_batch_keys_have_limits(self) -> None:
        """`batch_limits` has the keys that `batch_key` returns for messages, and no others."""
        keys = {sample.key for sample in self._batch_samples()}
        assert keys <= {*self.provider.batch_limits}, "`batch_limits` lacks a key of `batch_key`"
        unused = {*self.provider.batch_limits} - keys
        assert not unused, (
            f"no sample message has the batch key {', '.join(unused)}: add one to `more_samples`"
        )
        for key, limits in self.provider.batch_limits.items():
            assert limits.messages > 0, key
            assert limits.body_bytes > 0, key

    def test_items_are_built_alike(self) -> None:
        """The same message gives the same item, which is an object without credentials."""
        for method, _, sample in self._batch_samples():
            full, full_context = self.full(method)
            for message, context in ((sample, None), (full, full_context)):
                delivery = self.delivery(method, message, context)
                item = write_json(self.provider.item(delivery))
                assert item == write_json(self.provider.item(delivery)), f"{method} differs"
                assert item.startswith(b"{"), f"the item of {method} is not an object"
                shown = [
                    s for s in self.provider.secret_values() if len(s) > 7 and s.encode() in item
                ]
                assert not shown, f"the item of {method} contains a credential"

    def test_a_batch_holds_its_messages_in_order(self) -> None:
        """The message ids in a batch request are in order, if the provider sends message ids."""
        for method, key, message in self._batch_samples():
            deliveries = [
                self.delivery(method, {**message, "message_id": f"kit-batch-{number}"})
                for number in range(3)
            ]
            items = [write_json(self.provider.item(delivery)) for delivery in deliveries]
            request = self.authorized(self._batch_request(key, items))
            body = body_of(request)
            if isinstance(body, (dict, list)):
                missing = [i for i in items if not _contains(body, json.loads(i))]
                assert not missing, (
                    f"the JSON of the batch of {key} does not contain the result of `item` as it "
                    "is: `batch.items` are bytes that are JSON already"
                )
            if name := self.provider.message_id_fields.get(method):
                # An id may be computed from the message id, and another key may have this name.
                ids = [[text for n, text in named_texts(json.loads(i)) if n == name] for i in items]
                assert len({*map(tuple, ids)}) == len(items), (
                    f"different messages of {method} have the same id in {name}"
                )
                sent = [text for n, text in named_texts(body_of(request)) if n == name]
                assert sent == [*chain(*ids)], f"the batch of {key} has the ids {sent} in {name}"

    def test_slices_keep_to_the_limits(self) -> None:
        """Slices do not exceed the number of messages or the bytes, and contain all messages once.

        The bytes include the credentials.
        """
        for key, limits in self.provider.batch_limits.items():
            sample = next((one for one in self._batch_samples() if one.key == key), None)
            assert sample, f"no sample message has the batch key {key}: add one to `more_samples`"
            item = self._item(sample)
            items_in_slice = min(limits.messages, _ITEMS_IN_A_FULL_SLICE)
            overhead = len(self.authorized(self._batch_request(key, [])).content() or b"")
            large = (limits.body_bytes - overhead) // items_in_slice - 1
            for size, count in (
                (len(item), limits.messages * 2 + 1),
                (large, items_in_slice * 2 + 1),
            ):
                padded = item.ljust(size)  # JSON may end with spaces
                batch = self._prepared([(sample.method, key, padded)] * count)
                slices = [*batch.slices(SENT_AT)]
                ends = [end for _, end in slices]
                assert slices == [*pairwise([0, *ends])], "slices leave messages out"
                assert ends[-1] == count, "slices leave messages out"
                for start, end in slices:
                    self._check_limits(key, [padded] * (end - start))

    def test_messages_of_different_endpoints_go_apart(self) -> None:
        """All messages of a slice have the same key."""
        samples = self._batch_samples()
        rows = [(sample.method, sample.key, self._item(sample)) for sample in samples] * 2
        if not rows:
            return
        for start, end in self._prepared(rows).slices(SENT_AT):
            assert len({key for _, key, _ in rows[start:end]}) == 1

    def _batch_samples(self) -> list[_BatchSample]:
        """Return the sample messages that can be sent in a batch."""
        if not self.provider.batch_limits:
            return []
        least = [(method, self.least(method)) for method in self.provider.methods()]
        return [
            _BatchSample(method, key, message)
            for method, message in (*least, *deepcopy(self.more_samples))
            if method != "call"  # always sent alone
            and (key := self._batch_key(method, message)) is not None
        ]

    def _batch_key(self, method: str, message: JsonObject) -> str | None:
        return self.provider.batch_key(method, self.delivery(method, message).message)

    def _item(self, sample: _BatchSample) -> bytes:
        return write_json(self.provider.item(self.delivery(sample.method, sample.message)))

    def _batch_request(self, key: str, items: list[bytes]) -> HttpRequest:
        return self.provider.build_batch(BatchDelivery(key, items, SENT_AT))

    def _prepared(self, rows: list[tuple[str, str, bytes]]) -> PreparedBatch:
        messages = [
            PreparedMessage(index, method, f"kit-{index}", key, item)
            for index, (method, key, item) in enumerate(rows)
        ]
        defaults = BatchDefaults(_BATCH_ID, SENT_AT)
        return PreparedBatch(
            Integration("kit", self.provider), RequestOptions(), defaults, messages
        )

    def _check_limits(self, key: str, items: list[bytes]) -> None:
        limits = self.provider.batch_limits[key]
        size = len(self.authorized(self._batch_request(key, items)).content() or b"")
        assert size <= limits.body_bytes, f"a batch of {key} has {size} bytes"
        assert len(items) <= limits.messages, f"a batch of {key} has {len(items)} messages"


def _contains(body: Any, item: JsonObject) -> bool:
    """Whether an item is somewhere in a parsed body; `authorize` may have added fields to it."""
    if isinstance(body, list):
        return any(_contains(one, item) for one in body)
    if not isinstance(body, dict):
        return False
    return _includes(body, item) or any(_contains(one, item) for one in body.values())


def _includes(value: Any, expected: Any) -> bool:
    if isinstance(value, dict) and isinstance(expected, dict):
        return all(name in value and _includes(value[name], expected[name]) for name in expected)
    return bool(value == expected)
