"""The worker's data converter: it reads compressed payloads, and accepts any argument."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from durable_analytics.temporal import codecs
from durable_analytics.temporal.converter import DATA_CONVERTER, OrderedPayloadConverter


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


def data_converter(*, compress: bool) -> DataConverter:
    """Return the converter for a worker's client.

    Args:
        compress: Whether payloads are written compressed.
    """
    base = replace(DATA_CONVERTER, payload_converter_class=TolerantPayloadConverter)
    return codecs.data_converter(compress=compress, base=base)
