"""Payloads as careless clients write them."""

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    """A payload as a careless client might write it."""
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))
