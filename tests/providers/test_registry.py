"""The registry: our providers and third parties' come in by the same entry points."""

from collections.abc import Callable, Iterator
from pathlib import Path
from sys import modules

import pytest

from durable_analytics.errors import Unavailable
from durable_analytics.providers import (
    HttpRequest,
    HttpResponse,
    Provider,
    provider_class,
    provider_names,
)
from durable_analytics.providers._registry import GROUP
from durable_analytics.testing import VENDORS
from tests.providers.building import ACCOUNTS, account, added_headers, built
from worker import Settings

OURS = [
    "amplitude",
    "archive",
    "braze",
    "customerio",
    "ga4",
    "journy",
    "mixpanel",
    "posthog",
    "rudderstack",
    "segment",
    "trakio",
    "trophy",
    "webhook",
]

ACME = """
from durable_analytics.providers import BaseUrl, Credential, HttpRequest, Provider, builds


class Acme(Provider):
    title = "Acme"
    base_url: BaseUrl = "https://acme.example.com"
    key: Credential

    def authorize(self, request, *, delivery_id, sent_at):
        return request.with_headers({"X-Acme": self.key.get_secret_value()})

    @builds("track")
    def track(self, delivery):
        return HttpRequest("POST", f"{self.base_url}/{delivery.message.event}", {})


def no_provider():
    pass
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with a module `acme_analytics` and an entry point `acme`."""

    def write(target: str) -> None:
        (tmp_path / "acme_analytics.py").write_text(ACME)
        metadata = tmp_path / "acme_analytics-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {target}\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield write
    modules.pop("acme_analytics", None)
    provider_class.cache_clear()


def test_our_providers_are_there() -> None:
    """Each with an account in these tests, and a vendor in the stand-in."""
    assert provider_names() == OURS == sorted(ACCOUNTS) == sorted(VENDORS)
    assert {type(ACCOUNTS[name]) for name in OURS} == {provider_class(name) for name in OURS}


def test_an_unknown_provider() -> None:
    with pytest.raises(KeyError):
        provider_class("nobody")


def test_a_third_partys_provider_is_one_of_them(install: Install) -> None:
    """By its name, with its own settings and methods, and the base's behaviour."""
    install("acme_analytics:Acme")

    assert provider_names() == sorted(["acme", *OURS])
    acme = account("acme", key="k-1")
    assert acme.methods() == ["track", "call"]
    assert built(acme, "track", {"user_id": "u-1", "event": "E"}) == HttpRequest(
        "POST", "https://acme.example.com/E", {}
    )
    assert acme.secret_values() == {"k-1"}
    assert acme.classify(HttpResponse(204)) is None
    assert isinstance(acme.classify(HttpResponse(500)), Unavailable)


def test_a_worker_can_be_configured_with_it(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the settings, as one of ours."""
    install("acme_analytics:Acme")
    monkeypatch.chdir(tmp_path)

    settings = Settings(integrations={"mine": {"provider": "acme", "key": "k-1"}})

    provider = settings.deliverable().find("mine").provider
    assert (provider.title, added_headers(provider)) == ("Acme", {"X-Acme": "k-1"})


def test_an_entry_point_must_name_a_provider(install: Install) -> None:
    install("acme_analytics:no_provider")

    with pytest.raises(
        TypeError, match=f"the entry point acme of {GROUP} is not a subclass of Provider"
    ):
        provider_class("acme")


def test_a_provider_has_to_authenticate() -> None:
    """The one thing that the base cannot do for it."""

    class Careless(Provider):
        title = "Careless"

    with pytest.raises(NotImplementedError):
        added_headers(Careless(base_url="https://x.example.com"))
