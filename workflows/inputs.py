"""The raw input of a workflow, which its worker may have left compressed."""

from temporalio import workflow
from temporalio.common import RawValue

_COMPRESSED = b"binary/zstd"


def readable(input: RawValue) -> RawValue:
    """Return an input as its sender wrote it."""
    if not isinstance(input, RawValue) or input.payload.metadata.get("encoding") != _COMPRESSED:
        return input
    with workflow.unsafe.imports_passed_through():
        from durable_analytics.temporal.codecs import decompressed  # noqa: PLC0415  # an extra
    return RawValue(decompressed(input.payload))
