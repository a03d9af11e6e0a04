"""Acme passes the checks for providers, and builds the requests that Acme's API describes."""

from acme_analytics.provider import Acme
from acme_analytics.standin import VENDOR

from durable_analytics.errors import Rejected
from durable_analytics.providers import HttpRequest, HttpResponse
from durable_analytics.testing import ProviderConformance


class TestAcme(ProviderConformance):
    """All checks, and tests of Acme's own requests and responses."""

    provider = Acme.model_validate(VENDOR.integration_settings("https://acme.example.com"))
    vendor = VENDOR

    def test_track(self) -> None:
        """An event becomes a list of one event."""
        message = {"message_id": "m-1", "user_id": "u-1", "event": "E", "properties": {"a": None}}

        request = self.request("track", message)

        event = {
            "id": "m-1",
            "time": "2026-01-31T09:30:01.250Z",
            "user_id": "u-1",
            "event": "E",
            "properties": {"a": None},
        }
        assert request == HttpRequest(
            "POST", "https://acme.example.com/events", {"events": [event]}
        )

    def test_identify(self) -> None:
        """The id of a user is one segment of the path."""
        request = self.request("identify", {"user_id": "a/b", "traits": {"plan": "pro"}})

        assert request == HttpRequest(
            "PUT", "https://acme.example.com/users/a%2Fb", {"plan": "pro"}
        )

    def test_refused_events(self) -> None:
        """The other events of the batch are accepted."""
        body = {"refused": [{"index": 1, "reason": "no"}]}

        failures = self.provider.classify_batch(HttpResponse(200, body=body), 2)

        assert isinstance(failures, dict)
        assert {index: type(failure) for index, failure in failures.items()} == {1: Rejected}
