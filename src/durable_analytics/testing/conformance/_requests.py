"""Checks of the requests that a provider builds: they are valid, and always the same."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from durable_analytics.errors import UnsupportedMethod, ValidationError
from durable_analytics.providers import Delivery, HttpRequest
from durable_analytics.providers.request_options import is_header, is_query_value
from durable_analytics.testing.conformance._case import (
    ConformanceCase,
    is_named,
    is_reported_person,
    texts_in,
)
from durable_analytics.testing.conformance._samples import LEAST, MESSAGE_ID
from durable_analytics.wire.messages import Message
from durable_analytics.wire.methods import METHODS

_HTTP_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_OTHER_ID = "kit-message-2"

_ENDINGS = ("-2", "2")
"""What changes a value; some vendors accept only letters and digits in some fields."""

_IO = ("open", "socket.", "subprocess.", "os.", "time.sleep", "urllib.", "http.client.", "sqlite3.")
"""The beginnings of the names of audit events for input and output."""


class RequestChecks(ConformanceCase):
    """Each method builds a valid request, which depends only on the message and the settings."""

    def test_names_itself_and_its_methods(self) -> None:
        """A provider has a title, and at least one method besides `call`."""
        provider = self.provider
        assert provider.title.strip(), "set `title` to the name of the vendor"
        assert {*provider.methods()} - {"call"}, "no function has the decorator `builds`"

    def test_refuses_methods_that_it_lacks(self) -> None:
        """An unsupported method is refused, and the error lists the supported methods."""
        for method in METHODS.keys() - {*self.provider.methods()}:
            try:
                self.delivery(method, dict(LEAST[method]))
            except UnsupportedMethod as error:
                missing = [name for name in self.provider.methods() if name not in str(error)]
                assert not missing, f"the error of {method} does not list {', '.join(missing)}"
            else:
                raise AssertionError(f"{method} is not refused")

    def test_builds_a_valid_request_for_each_method(self) -> None:
        """The request of a message is valid, with few fields and with all fields."""
        for method, request in self.sample_requests():
            problems = [*_problems(request)]
            assert not problems, f"the request of {method}: {'; '.join(problems)}"
            assert request.credentials in self.provider.credential_sets, (
                f"the request of {method} has the credentials {request.credentials!r}, which are "
                "not in `credential_sets`"
            )

    def test_keeps_the_required_fields(self) -> None:
        """If the value of a required field changes, the request changes.

        A vendor whose groups have no persons may leave out and report the ids of the person.
        """
        for method in self.provider.methods():
            least = self.least(method)
            plain = self.request(method, least)
            for name, value in least.items():
                if isinstance(value, str) and name != "method":
                    delivery = self._with_another_value(method, name, value)
                    assert self.provider.build(delivery) != plain or is_reported_person(
                        delivery, f"{method}.{name}"
                    ), f"the request of {method} does not depend on {name}"

    def test_builds_the_same_request_again(self) -> None:
        """The same delivery gives the same request, also with a copy of the provider.

        The delivery does not change.
        """
        twin = self.provider.model_copy(deep=True)
        for method in self.provider.methods():
            delivery = self.delivery(method, *self.full(method))
            before = deepcopy(delivery.message), deepcopy(delivery.context)
            requests = [p.build(delivery) for p in (self.provider, self.provider, twin)]
            assert requests[0] == requests[1] == requests[2], f"{method} builds differing requests"
            assert len({request.content() for request in requests}) == 1, method
            assert (delivery.message, delivery.context) == before, f"{method} changes its delivery"

    def test_does_no_input_or_output(self) -> None:
        """A provider opens no file and no connection: the worker sends the requests."""
        for method in self.provider.methods():
            delivery = self.delivery(method, *self.full(method))
            self.authorized(self.provider.build(delivery))  # the first call may import modules
            with _recorded_io() as events:
                self.authorized(self.provider.build(delivery))
                self.provider.classify(self.success)
            assert not events, f"{method} does input or output: {', '.join(events)}"

    def test_sends_the_message_id(self) -> None:
        """The message id is in the field that `message_id_fields` names, or in none.

        The field may have another id that is computed from the message id.
        """
        for method in {*self.provider.methods()} - {"call"}:
            texts = self._texts(method, MESSAGE_ID)
            names = {name for name, text in texts if text == MESSAGE_ID}
            declared = self.provider.message_id_fields.get(method)
            if declared is None:
                assert not names, (
                    f"the request of {method} has the message id in {', '.join(names)}: "
                    "add it to `message_id_fields`"
                )
            elif declared.lower() not in names:
                ids, other_ids = (
                    [text for name, text in some if name == declared.lower()]
                    for some in (texts, self._texts(method, _OTHER_ID))
                )
                assert ids != other_ids, (
                    f"the request of {method} does not have the message id in {declared}, nor an "
                    "id that is computed from it"
                )

    def _with_another_value(self, method: str, name: str, value: str) -> Delivery[Message]:
        """Return a delivery that the provider accepts, with a value that is a little different."""
        for ending in _ENDINGS:
            try:
                delivery = self.delivery(method, {**self.least(method), name: f"{value}{ending}"})
                self.provider.build(delivery)
            except ValidationError as error:
                assert is_named(error, f"{method}.{name}"), str(error)
            else:
                return delivery
        raise AssertionError(f"{method} refuses each {name} but {value!r}")

    def _texts(self, method: str, message_id: str) -> list[tuple[str, str]]:
        """Return each text in the request of a message, after its name in lower case."""
        message = {**self.least(method), "message_id": message_id}
        request = self.authorized(self.request(method, message), message_id)
        return [(name.lower(), text) for name, text in texts_in(request)]


def _problems(request: HttpRequest) -> Iterator[str]:
    if request.method not in _HTTP_METHODS:
        yield f"the method {request.method!r} is not a method of HTTP"
    url = urlsplit(request.url)
    if url.scheme not in ("http", "https") or not url.hostname or url.fragment or url.query:
        yield "the URL must be absolute, without a query and a fragment"
    if not (request.url.isascii() and request.url.isprintable() and " " not in request.url):
        yield "the URL must be quoted"
    if bad := [name for name, value in request.headers.items() if not is_header(name, value)]:
        yield f"the headers {', '.join(bad)} are not valid in HTTP"
    if bad := [name for name, value in request.query.items() if not is_query_value(value)]:
        yield f"the query parameters {', '.join(bad)} are not valid"
    if request.content() and not request.content_type():
        yield "the body has no content type"


_recordings: list[list[str]] = []
"""The lists to which the hook adds events; empty when no test records."""


def _record(event: str, _: tuple[Any, ...]) -> None:
    if _recordings and event.startswith(_IO):
        _recordings[-1].append(event)


@cache
def _install_hook() -> None:
    """Install the audit hook, once: Python cannot remove it."""
    sys.addaudithook(_record)


@contextmanager
def _recorded_io() -> Iterator[list[str]]:
    _install_hook()
    events: list[str] = []
    _recordings.append(events)
    try:
        yield events
    finally:
        _recordings.pop()
