"""Checks that a provider and its vendor in the stand-in agree."""

from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from durable_analytics.errors import Unauthorized
from durable_analytics.providers import HttpRequest, HttpResponse
from durable_analytics.testing._received import Received, fields_of
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.conformance._case import ConformanceCase, body_of
from durable_analytics.testing.conformance._samples import MESSAGE_ID


class StandInChecks(ConformanceCase):
    """The vendor accepts what the provider sends, and the provider understands its responses."""

    vendor: ClassVar[Vendor | None] = None
    """The vendor in the stand-in. `provider` must have its `integration_settings`. With None,
    these checks do nothing."""

    def test_the_stand_in_accepts_each_message(self) -> None:
        """The vendor accepts the request with these credentials, and finds the message id."""
        if self.vendor is None:
            return
        for method, request in self.sample_requests():
            received = self._received(request)
            assert self.vendor.authorizes(received, self.vendor.credentials), (
                f"the stand-in refuses the credentials of {method}"
            )
            response = _response(self.vendor.answers(received))
            if method == "call":
                continue
            failure = self.provider.classify(response)
            assert failure is None, f"{method} fails at the stand-in: {failure}"
            if method in self.provider.message_id_fields and MESSAGE_ID in repr(received):
                ids = [message.id for message in self.vendor.messages(received)]
                # A message may become several, each with an id of its own.
                are_right = MESSAGE_ID in ids and None not in ids and len({*ids}) == len(ids)
                assert are_right, f"the stand-in finds the message ids {ids} in {method}"

    def test_the_stand_in_refuses_other_credentials(self) -> None:
        """The vendor refuses wrong credentials in each request."""
        if self.vendor is None or not self.vendor.credentials:
            return
        others = {
            name: f"{value[: len(value) // 2]}AAAA{value[len(value) // 2 :]}"
            for name, value in self.vendor.credentials.items()
        }
        for method, request in self.sample_requests():
            received = self._received(request)
            assert not self.vendor.authorizes(received, others), (
                f"the stand-in accepts any credentials of {method}"
            )

    def test_the_provider_recognises_wrong_credentials(self) -> None:
        """The vendor's response to wrong credentials is classified as `Unauthorized`."""
        if self.vendor is None or not self.vendor.credentials:
            return
        failure = self.provider.classify(_response(self.vendor.refuses))
        assert isinstance(failure, Unauthorized), f"wrong credentials are classified as {failure}"

    def _received(self, unsigned: HttpRequest) -> Received:
        # Signatures are valid only for some minutes.
        now = datetime.now(UTC)
        request = self.provider.authorize(unsigned, delivery_id=MESSAGE_ID, sent_at=now)
        query = urlencode(request.query, doseq=True)
        path = urlsplit(request.url).path
        return Received(
            method=request.method,
            path=path.removeprefix(urlsplit(self.provider.base_url).path),
            target=f"{path}?{query}" if query else path,
            query=fields_of(parse_qsl(query, keep_blank_values=True)),
            headers={
                "host": urlsplit(request.url).netloc,
                "content-type": request.content_type() or "",
                **{name.lower(): value for name, value in request.headers.items()},
            },
            content=request.content() or b"",
            body=body_of(request),
        )


def _response(reply: Reply) -> HttpResponse:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return HttpResponse(reply.status, headers, reply.body)
