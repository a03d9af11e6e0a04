"""Kinds of settings, which in the environment are all text."""

import ipaddress
from typing import Annotated, Any

import pydantic
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, from_json

from durable_analytics.wire.methods import (
    NOT_A_NAME,
    NOT_A_QUEUE_NAME,
    is_integration_name,
    is_queue_name,
)
from durable_analytics.wire.policies import Duration


def _check_name(name: str) -> str:
    if not is_integration_name(name):
        raise ValueError(NOT_A_NAME)
    return name


Name = Annotated[str, AfterValidator(_check_name)]
"""The name of an integration or a source."""


def _check_queue_name(name: str) -> str:
    if not is_queue_name(name):
        raise ValueError(NOT_A_QUEUE_NAME)
    return name


QueueName = Annotated[str, Field(min_length=1), AfterValidator(_check_queue_name)]
"""The name of a task queue."""


def from_text(value: Any) -> Any:
    """Read text that is JSON, like a number, as what it means; other values stay as they are.

    >>> from_text({"maximum_attempts": "3", "total_timeout": "PT1H"})
    {'maximum_attempts': 3, 'total_timeout': 'PT1H'}
    """
    if isinstance(value, dict):
        return {key: from_text(item) for key, item in value.items()}
    try:
        return from_json(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _import_hook(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Import a function. Any exception in the operator's module is reported as a wrong setting."""
    try:
        return handler(value)
    except pydantic.ValidationError:
        raise
    except Exception as error:  # noqa: BLE001  # see the docstring
        raise ValueError(
            f"its module cannot be imported: it raises {type(error).__name__}"
        ) from None


def missing_setting(setting: str, why: str) -> PydanticCustomError:
    """Return the error that another setting is missing, for the validator of one that needs it.

    Args:
        setting: The setting that is missing.
        why: What needs it.
    """
    text = "is required, because {why}"
    return PydanticCustomError(MISSING_SETTING, text, {"why": why, "setting": setting})


MISSING_SETTING = "missing_setting"
"""The type of the error of `missing_setting`."""

Hook = WrapValidator(_import_hook)
"""For a function of the operator, as `package.module:function`."""

DurationSetting = Annotated[Duration, BeforeValidator(from_text)]
"""ISO 8601 or a number of seconds; in the environment, the number is text."""


def split_at_commas(value: Any) -> Any:
    """Split a list that is text, as an environment variable contains it: "segment, journy"."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _check_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        is_valid = (ip.version == 6) == host.startswith("[") and 1 <= int(port) <= 65535
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError(
            'must be an IP address and a port, like "127.0.0.1:9464", "0.0.0.0:9464" for every '
            'address, or "[::1]:9464"'
        )
    return address


SocketAddress = Annotated[str, AfterValidator(_check_address)]
"""An IP address and a port to listen on."""
