"""The worker's data converter: it reads compressed payloads, and never fails on an argument."""

from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DataConverter, DefaultPayloadConverter

from durable_analytics import codecs


class TolerantPayloadConverter(DefaultPayloadConverter):
    """Hands over raw what it cannot decode.

    The SDK decodes surplus arguments without their type hints, and what does not decode fails the
    workflow task, which Temporal retries for ever. Raw, it reaches our code, which refuses it.
    """

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """See base class."""
        try:
            return super().from_payloads(payloads, type_hints)
        except Exception:  # noqa: BLE001  # whatever it is, the argument is wrong
            return [RawValue(payload) for payload in payloads]


def data_converter(*, compress: bool) -> DataConverter:
    """The converter for a worker's client.

    Args:
        compress: Whether payloads are written compressed.
    """
    base = DataConverter(payload_converter_class=TolerantPayloadConverter)
    return codecs.data_converter(compress=compress, base=base)
