"""Consent and `integrations`: which integrations a message is for, as Segment documents it."""

from collections.abc import Mapping
from typing import Any

import pytest

from durable_analytics.delivery.filters import Filters
from durable_analytics.delivery.integrations import Integration
from durable_analytics.providers import Provider
from durable_analytics.providers.posthog import PostHog
from durable_analytics.providers.segment import Segment
from durable_analytics.settings.integrations import IntegrationSettings
from tests.support.json_objects import Json

DESTINATIONS = ("facebook", "google", "amplitude", "plain")
"""The integrations of the table below; nothing maps the last one."""

NOT_AMPLITUDE: Json = {"facebook": True, "amplitude": False}
AD_ONLY = {"categoryPreferences": {"ad": True, "analytics": False}}
BOTH = {"categoryPreferences": {"ad": True, "analytics": True}}
NO_AD = {"categoryPreferences": {"ad": False, "analytics": True}}
EMPTY: Json = {"categoryPreferences": {}}

ONE_EACH = {"facebook": ("ad",), "google": ("ad",), "amplitude": ("analytics",)}
FACEBOOK_TWICE = {**ONE_EACH, "facebook": ("ad", "analytics")}


def reached(consent: Any, integrations: Any, mapping: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The integrations that get a track with this consent and these `integrations`."""
    message: Json = {"event": "E", "user_id": "u"}
    if integrations is not None:
        message["integrations"] = integrations
    context = {} if consent is None else {"consent": consent}
    return {
        name
        for name in DESTINATIONS
        if Filters(mapping.get(name, ()), frozenset({name})).check("track", message, context)
        is None
    }


@pytest.mark.parametrize(
    ("consent", "integrations", "mapping", "expected"),
    [
        (None, None, ONE_EACH, "facebook google amplitude plain"),
        ({}, {}, ONE_EACH, "facebook google amplitude plain"),
        (EMPTY, None, ONE_EACH, "plain"),
        (EMPTY, {}, ONE_EACH, "plain"),
        (None, NOT_AMPLITUDE, ONE_EACH, "facebook google plain"),
        ({}, NOT_AMPLITUDE, ONE_EACH, "plain"),
        (EMPTY, NOT_AMPLITUDE, ONE_EACH, "plain"),
        (AD_ONLY, None, {}, "facebook google amplitude plain"),
        (AD_ONLY, NOT_AMPLITUDE, {}, "facebook google plain"),
        (
            AD_ONLY,
            None,
            {"facebook": ("ad",), "google": ("ad",)},
            "facebook google amplitude plain",
        ),
        (AD_ONLY, {}, ONE_EACH, "facebook google plain"),
        (AD_ONLY, NOT_AMPLITUDE, ONE_EACH, "facebook google plain"),
        (AD_ONLY, {"facebook": False, "amplitude": False}, ONE_EACH, "google plain"),
        (AD_ONLY, NOT_AMPLITUDE, FACEBOOK_TWICE, "google plain"),
        (BOTH, NOT_AMPLITUDE, FACEBOOK_TWICE, "facebook google plain"),
        (NO_AD, NOT_AMPLITUDE, FACEBOOK_TWICE, "plain"),
    ],
)
def test_the_table_of_segment(
    consent: Any, integrations: Any, mapping: Mapping[str, tuple[str, ...]], expected: str
) -> None:
    """Consent counts first; what `integrations` exclude is excluded in any case."""
    assert reached(consent, integrations, mapping) == {*expected.split()}


@pytest.mark.parametrize("consent", ["yes", [1], {"categoryPreferences": "all"}, {"other": 1}])
def test_consent_that_cannot_be_read_grants_nothing(consent: Any) -> None:
    assert reached(consent, None, ONE_EACH) == {"plain"}


@pytest.mark.parametrize("granted", [None, "true", 1, {}])
def test_only_true_grants_a_category(granted: Any) -> None:
    consent = {"categoryPreferences": {"ad": granted, "analytics": True, "unknown": False}}

    assert reached(consent, None, ONE_EACH) == {"amplitude", "plain"}


def test_an_empty_object_of_php() -> None:
    assert reached([], None, ONE_EACH) == reached({}, None, ONE_EACH) == {*DESTINATIONS}
    assert reached([], NOT_AMPLITUDE, ONE_EACH) == {"plain"}


def test_null_is_no_consent() -> None:
    assert reached({}, None, ONE_EACH) == {*DESTINATIONS}
    assert Filters(("ad",)).check("track", {"context": None}, {"consent": None}) is None


def test_the_consent_of_a_message_is_merged_over_the_shared_one() -> None:
    """Key by key, as the rest of the context."""
    filters = Filters(("ad", "analytics"))
    own = {"context": {"consent": {"categoryPreferences": {"analytics": True}}}}

    assert filters.check("track", {}, {"consent": AD_ONLY}) is not None
    assert filters.check("track", own, {"consent": AD_ONLY}) is None
    assert filters.check("track", own, {}) == {
        "by": "consent",
        "reason": "there is no consent to the category ad",
    }


@pytest.mark.parametrize("method", ["delete", "call"])
def test_a_person_who_refuses_consent_may_be_deleted(method: str) -> None:
    assert Filters(("ad",)).check(method, {}, {"consent": EMPTY}) is None


@pytest.mark.parametrize(
    ("integrations", "is_reached"),
    [
        ({"All": False, "PostHog": True}, True),
        ({"All": False, "posthog": {"option": 1}}, True),
        ({"all": False}, False),
        ({"All": True, "POSTHOG": False}, False),
        ({"my_posthog": False}, False),
        ({"Post Hog (EU)": False}, False),
        ({"Segment": False}, True),
        ({"All": False, "PostHog": None}, False),
        ({"All": None}, True),
        ({}, True),
        ([], True),
        ("All", True),
        (None, True),
    ],
)
def test_names_in_integrations(integrations: Any, is_reached: bool) -> None:
    """An integration's own name, its provider's title, and its `segment_name`, in any case."""
    settings = IntegrationSettings(
        provider=_posthog(), segment_name="Post Hog (EU)", consent_categories=("x",)
    )
    filters = settings.route("my_posthog").filters

    assert (filters.check("track", {"integrations": integrations}, {}) is None) == is_reached


def test_both_spellings_of_a_name_exclude_it() -> None:
    filters = Filters(names=frozenset({"posthog"}))

    for integrations in ({"PostHog": True, "posthog": False}, {"posthog": False, "PostHog": True}):
        assert filters.check("track", {"integrations": integrations}, {}) == {
            "by": "integrations",
            "reason": "its integrations have posthog: false",
        }


def test_integrations_can_be_disobeyed() -> None:
    settings = IntegrationSettings(provider=_posthog(), obey_integrations=False)

    message = {"integrations": {"All": False}}
    assert settings.route("posthog").filters.check("track", message, {}) is None


def test_an_integration_without_settings_gets_everything() -> None:
    segment = Segment.model_validate({"write_key": "k"})

    message = {"integrations": {"All": False}}
    assert (
        Integration("x", segment).route.filters.check("track", message, {"consent": EMPTY}) is None
    )


def _posthog() -> Provider:
    return PostHog.model_validate({"project_api_key": "k"})
