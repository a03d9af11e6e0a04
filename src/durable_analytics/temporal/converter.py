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
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, Internal, UnreadablePayload
from durable_analytics.wire.json_writer import PureJson


class _OrderedJson(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        if isinstance(value, PureJson):
            data = value.write()
        else:
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


class EncodedFailureConverter(ContractFailureConverter):
    """Leaves the messages and stack traces of failures to the payload codec, which encrypts them.

    The message of `UnreadablePayload` stays readable: it names the key that is missing, for readers
    who lack it.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """See base class."""
        super().to_failure(exception, payload_converter, failure)
        if failure.message == _ENCODED or isinstance(exception, UnreadablePayload):
            return  # It was never decoded on its way here, or must stay readable.
        # A failure that was decoded, and is passed on, has its text twice: also in its attributes.
        attributes = {"message": failure.message, "stack_trace": failure.stack_trace}
        failure.encoded_attributes.CopyFrom(payload_converter.to_payload(attributes))
        failure.message, failure.stack_trace = _ENCODED, ""


_ENCODED = "Encoded failure"
"""The message of the SDK's own converter that encodes failures."""


def encodes_failures(converter: DataConverter) -> bool:
    """Whether a converter encrypts the messages of failures, and so all other texts."""
    encoding = (EncodedFailureConverter, DefaultFailureConverterWithEncodedAttributes)
    return issubclass(converter.failure_converter_class, encoding)


DATA_CONVERTER = replace(
    DataConverter.default,
    payload_converter_class=OrderedPayloadConverter,
    failure_converter_class=ContractFailureConverter,
)
"""The default data converter of the clients and processes of this project."""
