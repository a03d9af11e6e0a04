"""Each reader of what comes from outside takes time and memory in proportion to its size."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from durable_analytics.wire.methods import METHODS
from tests.support.activities import SETTINGS, raw, run
from tests.support.growth import assert_linear
from tests.support.json_objects import Json

pytestmark = pytest.mark.slow

MESSAGES: Mapping[str, Json] = {
    "identify": {"user_id": "u"},
    "track": {"user_id": "u", "event": "E"},
    "group": {"user_id": "u", "group_id": "g"},
    "alias": {"previous_user_id": "a", "new_user_id": "b"},
    "page": {"user_id": "u", "name": "P"},
    "screen": {"user_id": "u", "name": "S"},
    "delete": {"user_id": "u"},
    "annotate": {"event": "E"},
    "metric": {"key": "k", "user": {"id": "u"}, "value": 1},
    "call": {"method": "POST", "path": "/p"},
}

INTEGRATIONS = {
    method: next(
        name
        for name in ("segment", "trophy", "trakio", "journy")
        if method in SETTINGS.integrations[name].provider.methods()
    )
    for method in METHODS
}
"""A provider that has the method."""


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


SHAPES: Mapping[str, tuple[Callable[[int], Any], int]] = {
    "a list of numbers": (lambda n: [1] * n, 40_000),
    "a list of texts": (lambda n: ["t"] * n, 16_000),
    "a list of lists": (lambda n: [[]] * n, 16_000),
    "many keys": (lambda n: {f"k{i}": 1 for i in range(n)}, 16_000),
    "many keys, in camel case": (lambda n: {f"someKey{i}": 1 for i in range(n)}, 16_000),
    "many wide objects": (lambda n: [{f"k{j}": 1 for j in range(100)}] * n, 800),
    "many deep objects": (lambda n: [deep(90)] * n, 1600),
    "a long text": (lambda n: "t" * n, 400_000),
    "a long text of emoji": (lambda n: "\U0001f600" * n, 16_000),
    "a text of spaces": (lambda n: " " * n, 400_000),
    "a text of digits": (lambda n: "1" * n, 400_000),
    "a long number": (lambda n: 10**n, 4_000),
    "many long numbers": (lambda n: [10**4000] * n, 240),
    "long keys": (lambda n: {"k" * n: 1}, 400_000),
}
"""A value of a size, and a size that takes some milliseconds or comes near the input's limit."""

WIDE = ("a list of numbers", "many keys")
"""The shapes that may be wrong in many places at once."""


def places(method: str) -> list[tuple[str, ...]]:
    """Where in an input of the method something may stand: each key of the message and others."""
    fields = [(method, name) for name in METHODS[method].message.model_fields]
    inner = [(method, "user", name) for name in ("device_tokens", "attributes", "email", "id")]
    others = [
        (method, "unknown"),
        ("integration",),
        ("context",),
        ("context", "device"),
        ("context", "traits"),
        ("request_options",),
        ("request_options", "body"),
        ("request_options", "headers"),
        ("request_options", "query"),
        ("policies",),
        ("policies", "request"),
        ("policies", "request", "retry_policy", "non_retryable_error_types"),
        ("unknown",),
    ]
    return [*fields, *(inner if method == "metric" else []), *others]


def with_value(data: Json, place: tuple[str, ...], value: Any) -> Json:
    """The input with a value in this place."""
    step, *inside = place
    if not inside:
        return {**data, step: value}
    return {**data, step: with_value(data.get(step) or {}, tuple(inside), value)}


def cases() -> list[Any]:
    """Every place once: what several methods have in common is read in one way."""
    seen: set[tuple[str, ...]] = set()
    made = []
    for method in METHODS:
        for place in places(method):
            general = place[1:] if place[0] == method else place
            if general in seen:
                continue
            seen.add(general)
            made.append(pytest.param(method, place, id=".".join(place)))
    return made


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", [("track", "properties")], ids=".".join)
def test_data_of_every_shape(place: tuple[str, ...], shape: str) -> None:
    """It is only handed on."""
    check("track", place, shape)


@pytest.mark.parametrize("shape", WIDE)
@pytest.mark.parametrize(("method", "place"), cases())
def test_every_place(method: str, place: tuple[str, ...], shape: str) -> None:
    """Whatever stands there, and however much of it is wrong."""
    check(method, place, shape)


def check(method: str, place: tuple[str, ...], shape: str) -> None:
    """Validate such an input with `"strict": false`, which is read strictly first."""
    make, largest = SHAPES[shape]
    whole: Json = {
        "integration": INTEGRATIONS[method],
        method: MESSAGES[method],
        "strict": False,
    }

    def prepare(size: int) -> Callable[[], object]:
        data = raw(with_value(whole, place, make(size)))
        return lambda: run(f"{method.capitalize()}.Validation", data)

    assert_linear(prepare, largest)
