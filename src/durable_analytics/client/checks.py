"""Checks of the clients' arguments, which raise in the call that passes a wrong argument."""

import inspect
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import isfinite
from numbers import Real
from typing import Any
from uuid import UUID, uuid4

from pydantic.alias_generators import to_camel
from temporalio.client import Client
from temporalio.converter import DataConverter

from durable_analytics.client.arguments import NOT_GIVEN
from durable_analytics.client.values import ids_as_text, to_json_values
from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers.request_options import check_options
from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.temporal.encryption_keys import read_keys
from durable_analytics.version import __version__
from durable_analytics.wire.json_reader import DEEPEST_INPUT
from durable_analytics.wire.keys import snake_case
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.methods import (
    NOT_A_NAME,
    NOT_A_QUEUE_NAME,
    is_integration_name,
    is_queue_name,
)
from durable_analytics.wire.parsing import read_batch
from durable_analytics.wire.policies import LONGEST, Policies

LIBRARY = {"name": "durable-analytics", "version": __version__}
"""The `context.library` of every message, unless the caller sets another."""

Duration = float | timedelta
"""Seconds, or a `timedelta`."""


def duration(name: str, value: Any, *, may_be_zero: bool = True) -> timedelta:
    """Read a duration.

    Args:
        name: The name of the parameter.
        value: Seconds (an int or a float), or a `timedelta`.
        may_be_zero: Whether 0 is allowed.

    Raises:
        TypeError: The value is of another type.
        ValueError: The value is negative, not finite, longer than 10 years, or 0 without
            `may_be_zero`.
    """
    example = f"write {name}=5 or {name}=timedelta(seconds=5)"
    if type(value) is bool or not isinstance(value, (timedelta, Real)):
        kind = type(value).__name__
        raise TypeError(f"{name} must be seconds or a timedelta, not {kind}: {example}")
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if isfinite(seconds) and 0 <= seconds <= LONGEST.total_seconds():
        checked = timedelta(seconds=seconds)
        if checked or may_be_zero:
            return checked
    bound = "0 or more" if may_be_zero else "more than 0"
    raise ValueError(
        f"{name} must be {bound} seconds and at most 10 years, not {value!r}: {example}"
    )


def optional_duration(name: str, value: Any) -> timedelta | None:
    """Read a duration that may be None; raises as `duration` does."""
    return None if value is None else duration(name, value)


def whole_number(name: str, value: Any, most: int | None = None) -> int:
    """Read a limit.

    Raises:
        TypeError: The value is not a whole number.
        ValueError: The value is below 1, or more than `most`.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, like 100, not {type(value).__name__}")
    if value < 1 or (most is not None and value > most):
        bound = "1 or more" if most is None else f"1 to {most}"
        raise ValueError(f"{name} must be {bound}, not {value}")
    return int(value)


def boolean(name: str, value: Any) -> bool:
    """Read a switch. Raises TypeError if it is not True or False: "false" is true in Python."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def text(name: str, value: Any) -> str:
    """Read a name. Raises TypeError if it is not text, ValueError if it is blank."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name} must not be blank: omit it to use the default")
    return str.__str__(value)


def queue_name(name: str, value: Any) -> str:
    """Read the name of a task queue.

    Raises:
        TypeError: It is not text.
        ValueError: It is blank, or Temporal refuses such names.
    """
    read = text(name, value)
    if not is_queue_name(read):
        raise ValueError(f"{name} {NOT_A_QUEUE_NAME}")
    return read


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Read a list of texts. Raises TypeError if it is not one, ValueError if one is blank."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        kind = type(value).__name__
        raise TypeError(f'{name} must be a list of texts, not {kind}: write {name}=["…"]')
    return tuple(text(f"{name}[{index}]", item) for index, item in enumerate(value))


def batch_uuid(value: str | UUID | None) -> UUID:
    """Return the argument `batch_id` as a UUID; None gives a new one.

    Raises:
        ValueError: The text is not a UUID.
        TypeError: The value is neither a UUID nor text.
    """
    if value is None:
        return uuid4()
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        raise TypeError(f"batch_id must be a UUID, not {type(value).__name__}")
    try:
        return UUID(value)
    except ValueError:
        raise ValueError("batch_id must be a UUID, like str(uuid.uuid4())") from None


def function(name: str, value: Any, signature: str) -> None:
    """Check a callback.

    Args:
        name: The name of the parameter.
        value: The function.
        signature: How it is called, like "on_error(error, messages)".

    Raises:
        TypeError: The value cannot be called, or is a coroutine function, which is not awaited.
    """
    if not callable(value):
        raise TypeError(
            f"{name} must be a function, called as {signature}, not {type(value).__name__}"
        )
    if inspect.iscoroutinefunction(value):
        raise TypeError(
            f"{name} must be a normal function, not `async def`: the client does not await it"
        )


def temporal_client(value: Any) -> Client:
    """Read a connection. Raises TypeError if it is not a Temporal client."""
    if isinstance(value, Client):
        return value
    hint = ""
    if isinstance(value, str):
        hint = f"; to choose an integration, write integration={value!r}"
    elif inspect.iscoroutine(value):
        value.close()
        hint = "; `await` it"
    raise TypeError(
        f"client must be a connected temporalio.client.Client, not {type(value).__name__}{hint}"
    )


def converter(value: Any) -> DataConverter:
    """Read a data converter. Raises TypeError if it is not one of Temporal's.

    None is wrong: a converter that is missing by mistake would store messages without encryption.
    """
    if value is NOT_GIVEN:
        return DATA_CONVERTER
    if isinstance(value, DataConverter):
        return value
    raise TypeError(
        "data_converter must be a temporalio.converter.DataConverter, like durable_analytics."
        f"temporal.codecs.data_converter(compress=True), not {type(value).__name__}"
    )


def encrypting(chosen: DataConverter, encryption_keys: Any) -> DataConverter:
    """Return the data converter that encrypts with these keys; without keys, the one that is given.

    Raises:
        TypeError: The keys are not a list of texts.
        ValueError: A key has a wrong form, a package is missing, or there is another data converter
            beside the keys.
    """
    keys = texts("encryption_keys", encryption_keys)
    if not keys:
        return chosen
    if chosen is not DATA_CONVERTER:
        raise ValueError(
            "encryption_keys must not be set beside data_converter: write data_converter="
            "durable_analytics.temporal.codecs.data_converter(compress=…, encryption_keys=…)"
        )
    try:
        read_keys(keys)
        from durable_analytics.temporal.codecs import data_converter  # noqa: PLC0415  # an extra
    except ValueError as error:
        raise ValueError(f"encryption_keys: {error}") from None
    except ModuleNotFoundError as error:
        raise ValueError(
            f"encryption_keys needs the package {error.name}: install durable-analytics[encryption]"
        ) from None
    return data_converter(compress=False, encryption_keys=keys)


def read_context(context: JsonObject, *, strict: bool) -> JsonObject:
    """Convert a context, in JSON, to the form that it has in an input.

    Args:
        context: The context, with keys in either spelling.
        strict: The input's `strict`. With false, the worker does not change a context: its known
            keys are written in Segment's spelling.

    Raises:
        ValidationError: A key is set in both spellings.
    """
    renamed = ids_as_text(snake_case(context, Context, "context"))
    return renamed if strict else {_IN_CAMEL_CASE.get(key, key): v for key, v in renamed.items()}


def check_names(data: JsonObject) -> None:
    """Check the names of the integrations of an input.

    A worker answers for names that it does not know; other texts can be no integration at all.

    Args:
        data: The options of an input, which match their model.

    Raises:
        ValidationError: A text cannot be the name of an integration.
    """
    names = {"integration": data.get("integration")}
    for index, name in enumerate(data.get("deliver_to") or ()):
        names[f"deliver_to.{index}"] = name
    problems = [
        FieldProblem(path, NOT_A_NAME)
        for path, name in names.items()
        if name is not None and not is_integration_name(name)
    ]
    if problems:
        raise ValidationError.of(problems)


_IN_CAMEL_CASE = {name: to_camel(name) for name in Context.model_fields}


def input_options(
    *,
    integration: Any = None,
    deliver_to: Any = None,
    policies: Any = None,
    context: Any = None,
    request_options: Any = None,
    strict: Any = True,
) -> JsonObject:
    """Convert the options of a client to the JSON of its inputs, without those that are None.

    Raises:
        ValidationError: The options break the contract.
    """
    if isinstance(integration, str) and not integration.strip():
        raise ValidationError.at(
            "integration", "must not be blank: omit it to use the worker's default"
        )
    if isinstance(policies, Policies):
        policies = policies.model_dump(mode="json", exclude_none=True)
    if context is not None and not isinstance(context, Mapping):
        raise ValidationError.at("context", "must be an object")
    raw = {
        "integration": integration,
        "deliver_to": None if deliver_to is None else texts("deliver_to", deliver_to),
        "policies": policies,
        "context": {"library": LIBRARY, **(context or {})},
        "request_options": request_options,
        "strict": None if strict is True else strict,
    }
    given = {key: value for key, value in raw.items() if value is not None}
    options: JsonObject = to_json_values(given, levels=DEEPEST_INPUT)
    options["context"] = read_context(options["context"], strict=strict is not False)
    read_batch({**options, "messages": [{}]})
    check_names(options)
    check_options("request_options", options.get("request_options"))
    return options
