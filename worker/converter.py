"""The worker's data converter: it reads compressed payloads, and accepts any argument."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from durable_analytics.temporal import codecs
from durable_analytics.temporal.converter import DATA_CONVERTER, OrderedPayloadConverter
from durable_analytics.temporal.encryption_keys import EncryptionKey


class TolerantPayloadConverter(OrderedPayloadConverter):
    """Returns arguments that it cannot decode as raw payloads.

    The SDK decodes surplus arguments without type hints. An argument that cannot be decoded would
    fail the workflow task, which Temporal retries for ever. A raw payload is refused later.
    """

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """See base class."""
        try:
            return super().from_payloads(payloads, type_hints)
        except Exception:  # noqa: BLE001  # for any exception, the argument is wrong
            return [RawValue(payload) for payload in payloads]


def data_converter(
    *, compress: bool, encryption_keys: Sequence[EncryptionKey | str] = ()
) -> DataConverter:
    """Return the converter for a worker's client.

    Args:
        compress: Whether payloads are written compressed.
        encryption_keys: The keys that encrypt payloads (the first one) and decrypt them (all).
    """
    base = replace(DATA_CONVERTER, payload_converter_class=TolerantPayloadConverter)
    return codecs.data_converter(compress=compress, encryption_keys=encryption_keys, base=base)
