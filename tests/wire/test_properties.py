"""Properties that hold for any input: what is accepted serialises, what is not says why."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from durable_analytics.delivery.preparation import restore
from durable_analytics.errors import ValidationError
from durable_analytics.providers import Provider, provider_class
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.methods import METHODS, Method
from durable_analytics.wire.parsing import check_input, read_input
from durable_analytics.wire.policies import DEFAULT_POLICY, Policies, RequestPolicy, merge_policies
from tests.support.strategies import json_values, parsed_values, plausible

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
FILLED_IN = {"message_id": "m-1", "timestamp": "2026-01-31T09:30:00Z"}

PROVIDERS: dict[str, Provider] = {
    "segment": provider_class("segment").model_validate(
        {"write_key": "k", "public_api_token": "t"}
    ),
    "journy": provider_class("journy").model_validate({"write_key": "k"}),
    "rudderstack": provider_class("rudderstack").model_validate(
        {"write_key": "k", "base_url": "http://localhost"}
    ),
    "trakio": provider_class("trakio").model_validate({"token": "k"}),
    "trophy": provider_class("trophy").model_validate({"api_key": "k"}),
}


@st.composite
def inputs(draw: st.DrawFn) -> tuple[Method, dict[str, Any]]:
    """An input that is often right, and wrong in many ways."""
    method = METHODS[draw(st.sampled_from(sorted(METHODS)))]
    message = {
        name: draw(parsed_values if not draw(st.integers(0, 15)) else plausible[name])
        for name, field in method.message.model_fields.items()
        if field.is_required() or draw(st.booleans())
    }
    data = {method.key: message, "strict": draw(st.booleans())}
    if not draw(st.integers(0, 2)):
        data["context"] = draw(st.dictionaries(st.text(max_size=5), json_values, max_size=2))
    if not draw(st.integers(0, 15)):
        data[draw(st.text(max_size=5))] = draw(parsed_values)
    return method, data


@settings(max_examples=400, deadline=None)
@given(inputs())
@example((METHODS["track"], {"track": {"user_id": 5, "event": "\ud800"}, "strict": False}))
@example((METHODS["annotate"], {"annotate": {"event": "\ud800"}, "strict": False, "more": 1}))
def test_what_is_accepted_serialises(case: tuple[Method, dict[str, Any]]) -> None:
    """At every provider that has the method; nothing but a ValidationError comes out otherwise."""
    method, data = case
    for provider in PROVIDERS.values():
        if method.key not in provider.methods():
            continue
        try:
            normal = normalise(method, data)
            envelope, fields = read_input(method, normal)
            request = provider.build(restore(provider, fields, envelope, FILLED_IN, NOW))
        except ValidationError as error:
            assert error.message
            json.dumps(error.as_json())
            continue
        content = request.content()
        assert content is None or json.loads(content) == request.body
        json.dumps({**normal[method.key], **FILLED_IN}, allow_nan=False).encode()
        assert all(isinstance(value, str) for value in request.headers.values())


@settings(max_examples=200, deadline=None)
@given(parsed_values)
def test_anything_else_is_refused(value: Any) -> None:
    """An input of any shape is read, or refused with a ValidationError."""
    for method in METHODS.values():
        try:
            check_input(method, normalise(method, decode(value)))
        except ValidationError as error:
            assert error.fields


durations = st.integers(1, 10**8) | st.floats(0.1, 10**8) | st.sampled_from(["PT3S", "P1D"])
retry_policies = st.fixed_dictionaries(
    {},
    optional={
        "initial_interval": durations,
        "backoff_coefficient": st.floats(1, 10),
        "maximum_interval": durations,
        "maximum_attempts": st.integers(0, 100),
        "non_retryable_error_types": st.lists(st.text(min_size=1, max_size=5), max_size=2),
    },
)
policies = st.none() | st.builds(
    Policies.model_validate,
    st.fixed_dictionaries(
        {
            "request": st.fixed_dictionaries(
                {},
                optional={
                    "single_attempt_timeout": durations,
                    "total_timeout": durations,
                    "queue_timeout": durations,
                    "retry_policy": retry_policies,
                },
            )
        }
    ),
)


@settings(deadline=None)
@given(policies, policies)
def test_merged_policies_are_whole_and_read_back(
    particular: Policies | None, general: Policies | None
) -> None:
    """Field by field the first layer that sets it wins; the JSON of the result reads back."""
    try:
        merged = merge_policies(particular, general)
    except ValidationError as error:
        assert [field.path for field in error.fields] == [
            "policies.request.retry_policy.maximum_interval"
        ]
        return
    assert merged.request
    layers = [p.request for p in (particular, general) if p and p.request] + [DEFAULT_POLICY]
    for name in RequestPolicy.model_fields:
        if name != "retry_policy":
            expected = next((v for p in layers if (v := getattr(p, name)) is not None), None)
            assert getattr(merged.request, name) == expected
    written = merged.model_dump(mode="json")
    assert Policies.model_validate(json.loads(json.dumps(written))) == merged


@settings(deadline=None)
@given(parsed_values)
def test_policies_of_any_shape_are_refused_by_name(value: Any) -> None:
    """A wrong policy is a ValidationError, like any other wrong field."""
    method = METHODS["track"]
    data = {"track": {"user_id": "u", "event": "e"}, "policies": {"request": value}}
    try:
        check_input(method, normalise(method, data))
    except ValidationError as error:
        assert all(field.path.startswith("policies") for field in error.fields)
