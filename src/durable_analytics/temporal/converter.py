"""The data converter: it keeps the order of keys, and omits stack traces of expected failures.

The SDK's converter sorts the keys of an object; in an output, `status` must come first.
"""

import json
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, Internal


class _OrderedJson(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        data = json.dumps(value, cls=self._encoder, separators=(",", ":")).encode()
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class OrderedPayloadConverter(CompositePayloadConverter):
    """The SDK's default converter, except that it keeps the order of keys."""

    def __init__(self) -> None:
        converters = (
            _OrderedJson() if isinstance(converter, JSONPlainPayloadConverter) else converter
            for converter in DefaultPayloadConverter.default_encoding_payload_converters
        )
        super().__init__(*converters)


_EXPECTED = DELIVERY_ERRORS.keys() - {Internal.wire_name()}


class ContractFailureConverter(DefaultFailureConverter):
    """The SDK's default converter, except that failures of the contract have no stack trace.

    Stack traces of wrong inputs would take two thirds of a history.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """See base class."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError) and exception.type in _EXPECTED:
            failure.stack_trace = ""


DATA_CONVERTER = replace(
    DataConverter.default,
    payload_converter_class=OrderedPayloadConverter,
    failure_converter_class=ContractFailureConverter,
)
"""The default data converter of the clients and processes of this project."""
