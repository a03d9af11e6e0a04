"""Checks of batch requests: their contents, order and limits."""

import json
from collections.abc import Mapping
from itertools import chain, pairwise

from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    PreparedMessage,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.providers import BatchDelivery, Delivery, HttpRequest
from durable_analytics.testing.conformance._case import (
    ConformanceCase,
    body_of,
    named_texts,
)
from durable_analytics.testing.conformance._samples import SENT_AT
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import Message, RequestOptions

_BATCH_ID = "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11"

_ITEMS_IN_A_FULL_SLICE = 50


class BatchChecks(ConformanceCase):
    """A batch request contains its messages, in order, within the limits, and no credential."""

    def test_batch_keys_have_limits(self) -> None:
        """`batch_limits` has the keys that `batch_key` returns for messages, and no others."""
        keys = {*self._batch_keys().values()}
        assert keys <= {*self.provider.batch_limits}, "`batch_limits` lacks a key of `batch_key`"
        unused = {*self.provider.batch_limits} - keys
        assert not unused, f"no sample message has the batch key {', '.join(unused)}"
        for key, limits in self.provider.batch_limits.items():
            assert limits.messages > 0, key
            assert limits.body_bytes > 0, key

    def test_items_are_built_alike(self) -> None:
        """The same message gives the same item, which is an object without credentials."""
        for method in self._batch_keys():
            for message, context in ((self.least(method), None), self.full(method)):
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
        for method, key in self._batch_keys().items():
            deliveries = [self._delivery(method, f"kit-batch-{number}") for number in range(3)]
            items = [write_json(self.provider.item(delivery)) for delivery in deliveries]
            request = self.authorized(self._batch_request(key, items))
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
            method = next(m for m, key_of_m in self._batch_keys().items() if key_of_m == key)
            item = write_json(self.provider.item(self.delivery(method, self.least(method))))
            items_in_slice = min(limits.messages, _ITEMS_IN_A_FULL_SLICE)
            overhead = len(self.authorized(self._batch_request(key, [])).content() or b"")
            large = (limits.body_bytes - overhead) // items_in_slice - 1
            for size, count in (
                (len(item), limits.messages * 2 + 1),
                (large, items_in_slice * 2 + 1),
            ):
                padded = item.ljust(size)  # JSON may end with spaces
                batch = self._prepared([(method, key, padded)] * count)
                slices = [*batch.slices(SENT_AT)]
                ends = [end for _, end in slices]
                assert slices == [*pairwise([0, *ends])], "slices leave messages out"
                assert ends[-1] == count, "slices leave messages out"
                for start, end in slices:
                    self._check_limits(key, [padded] * (end - start))

    def test_messages_of_different_endpoints_go_apart(self) -> None:
        """All messages of a slice have the same key."""
        keys = self._batch_keys()
        items = {
            method: write_json(self.provider.item(self.delivery(method, self.least(method))))
            for method in keys
        }
        rows = [(method, key, items[method]) for method, key in keys.items()] * 2
        if not rows:
            return
        for start, end in self._prepared(rows).slices(SENT_AT):
            assert len({key for _, key, _ in rows[start:end]}) == 1

    def _batch_keys(self) -> Mapping[str, str]:
        """Return the batch key of each method whose messages can be sent in a batch."""
        if not self.provider.batch_limits:
            return {}
        keys = {
            method: self.provider.batch_key(
                method, self.delivery(method, self.least(method)).message
            )
            for method in self.provider.methods()
            if method != "call"  # always sent alone
        }
        return {method: key for method, key in keys.items() if key is not None}

    def _delivery(self, method: str, message_id: str) -> Delivery[Message]:
        return self.delivery(method, {**self.least(method), "message_id": message_id})

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
