"""The description of a vendor in the stand-in: its settings, and functions for its responses."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_analytics.testing._received import Received, ReceivedMessage

Authorizes = Callable[[Received, Mapping[str, str]], bool]
"""Returns whether a request contains these credentials; `authentication` has common functions."""

Messages = Callable[[Received], Sequence[ReceivedMessage]]
"""Returns the messages of a request, in order; `messages` has common functions."""


class Reply(NamedTuple):
    """A response of a vendor."""

    status: int
    body: Any = ""
    """A JSON value; a string is sent unchanged."""

    headers: Mapping[str, str] = {}
    not_accepted: Collection[int] | None = None
    """The indexes of the messages that are refused or throttled, if the vendor accepts the others.
    With None, a 2xx accepts all messages, and any other status accepts none."""


def whole_body(request: Received) -> Sequence[ReceivedMessage]:
    """Return the body as one message without an id."""
    return [ReceivedMessage(None, request.body)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """The behaviour of one vendor. Its entry point gives it its name."""

    title: str
    """The name of the vendor in texts."""

    credentials: Mapping[str, str]
    """The provider's settings that are secrets, and their values in the stand-in, which masks them
    in the requests that it shows."""

    authorizes: Authorizes
    """Returns whether a request contains the credentials."""

    refuses: Reply
    """The response to a request without valid credentials."""

    answers: Callable[[Received], Reply]
    """Returns the response to a request with valid credentials. Respond with success to endpoints
    that are not known."""

    messages: Messages = whole_body
    """Returns the messages in a request."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """The other settings that the provider needs, such as the id of a project."""

    url_settings: Sequence[str] = ("base_url",)
    """The provider's settings that are URLs of this vendor."""

    secret_headers: Collection[str] = ()
    """Headers (lower case) that are masked even if the credential in them is wrong. `Authorization`
    always is."""

    def integration_settings(self, base_url: str) -> dict[str, str]:
        """Return the settings of an integration that delivers to the stand-in.

        Args:
            base_url: The result of `StandIn.base_url` for this vendor.
        """
        return {**dict.fromkeys(self.url_settings, base_url), **self.settings, **self.credentials}
