"""Checks of how a provider classifies responses: success, another attempt, or a final failure."""

from typing import Any

from durable_analytics.errors import (
    DeliveryError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from durable_analytics.providers import HttpResponse
from durable_analytics.testing.conformance._case import ConformanceCase

_EXPECTED: dict[int, type[DeliveryError]] = {
    **dict.fromkeys((301, 302, 304, 400, 404, 405, 409, 410, 413, 415, 422, 451), Rejected),
    **dict.fromkeys((401, 403), Unauthorized),
    **dict.fromkeys((408, 425, 500, 501, 502, 503, 504, 599), Unavailable),
    429: RateLimited,
}

_BODIES: tuple[Any, ...] = (
    *(None, "", "success", "<html>", 0, True, [], [1], [{}], {}),
    *({"error": None}, {"error": "x"}, {"errors": [1, "x", None, {}]}, {"errors": {"0": "x"}}),
    *({"status": "error"}, {"status": 1}, {"code": 400}, {"code": "x"}, {"success": False}),
)
"""Bodies of responses of vendors, and of the proxies in front of them."""

_COUNT = 3

_LONGEST_ERROR = 1000
"""Characters. Temporal cuts what it stores of a failure at 4 KiB."""


class ResponseChecks(ConformanceCase):
    """Each response is classified, and no body makes the provider fail."""

    def test_accepts_success(self) -> None:
        """The response in `success` is a success, for a message and for a batch."""
        failure = self.provider.classify(self.success)
        assert failure is None, f"`success` is refused: {failure}"
        if self.provider.batch_limits:
            failures = self.provider.classify_batch(self.success, _COUNT)
            assert failures == {}, f"`success` is refused for a batch: {failures}"

    def test_decides_by_status(self) -> None:
        """A status is classified as for all providers, or as in `statuses`."""
        for status, usual in _EXPECTED.items():
            expected = self.statuses.get(status, usual)
            failure = self.provider.classify(HttpResponse(status))
            got = type(failure) if failure else None
            assert got is expected, (
                f"{status} is classified as {_name(got)}, not as {_name(expected)}: change "
                "`classify`, or add the status to `statuses`"
            )
            if failure:
                self._check_error(failure, status)

    def test_survives_any_body(self) -> None:
        """A response with any body is classified, for a message and for a batch."""
        for status in (200, 204, *_EXPECTED):
            for body in _BODIES:
                response = HttpResponse(status, body=body)
                failure = self.provider.classify(response)
                assert failure is None or isinstance(failure, DeliveryError), (status, body)
                if self.provider.batch_limits:
                    self._check_batch(response)

    def test_shows_no_header_or_body_as_a_whole(self) -> None:
        """An error is a short sentence: the output of a delivery also contains the response."""
        for status in _EXPECTED:
            failure = self.provider.classify(HttpResponse(status, body={"error": "x" * 5000}))
            if failure:
                self._check_error(failure, status)

    def _check_batch(self, response: HttpResponse) -> None:
        failures = self.provider.classify_batch(response, _COUNT)
        if isinstance(failures, DeliveryError):
            return
        outside = failures.keys() - set(range(_COUNT))
        assert not outside, f"{response} gives errors at positions outside the batch: {outside}"
        assert all(isinstance(error, DeliveryError) for error in failures.values()), response

    def _check_error(self, failure: DeliveryError, status: int) -> None:
        shown = [secret for secret in self.provider.secret_values() if secret in failure.message]
        assert not shown, f"the error of {status} shows a credential"
        assert self.provider.title in failure.message, f"the error of {status} has no vendor name"
        assert len(failure.message) < _LONGEST_ERROR, f"the error of {status} is too long"


def _name(error: type[DeliveryError] | None) -> str:
    return error.wire_name() if error else "success"
