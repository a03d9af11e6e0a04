"""Checks of each field: it is in the request, or is refused, or is left out and reported."""

from urllib.parse import unquote

from durable_analytics.errors import ValidationError
from durable_analytics.providers import HttpRequest
from durable_analytics.testing.conformance._case import (
    ConformanceCase,
    is_named,
    is_reported_person,
    texts_in,
)
from durable_analytics.testing.conformance._samples import (
    CONTEXT,
    EARLIER,
    FREE_OBJECTS,
    FULL,
    TEXT,
)
from durable_analytics.wire.messages import JsonObject

_FIELDS_OF_ALL_MESSAGES = {"message_id", "timestamp", "integrations"}
"""Fields that other tests check, and `integrations`, which the worker obeys for each provider."""


class FieldChecks(ConformanceCase):
    """No field is dropped silently."""

    def test_strict_sends_or_refuses_each_field(self) -> None:
        """With a strict input, a field is in the request, or the error names it.

        A vendor whose groups have no persons may leave out and report the ids of the person.
        """
        for method in self.provider.methods():
            least = self.least(method)
            plain = self.request(method, least)
            for name, value in self._optional_fields(method).items():
                self._is_sent_or_refused(
                    plain, method, {**least, name: value}, None, f"{method}.{name}"
                )

    def test_strict_sends_or_refuses_each_field_of_the_context(self) -> None:
        """With a strict input, a field of the context is in the request, or the error names it.

        `library` may be dropped: it only names the client library.
        """
        for method in self.provider.methods():
            least = self.least(method)
            plain = self.request(method, least)
            for name, value in CONTEXT.items():
                if name != "library":
                    self._is_sent_or_refused(plain, method, least, {name: value}, f"context.{name}")

    def test_lenient_sends_or_names_each_field(self) -> None:
        """With `"strict": false`, a field that the vendor does not have is in `left_out`."""
        for method in self.provider.methods():
            least = self.least(method)
            plain = self.provider.build(self.delivery(method, least, strict=False))
            for name, value in {**self._optional_fields(method), "kit_unknown": "x"}.items():
                delivery = self.delivery(method, {**least, name: value}, strict=False)
                try:
                    request = self.provider.build(delivery)
                except ValidationError as error:
                    assert is_named(error, f"{method}.{name}"), f"{method}.{name}: {error}"
                    continue
                assert request != plain or name in delivery.left_out, (
                    f'with "strict": false, {method}.{name} is dropped and not reported: pass it '
                    "to `refuse_fields`"
                )

    def test_timestamp_is_sent_or_refused(self) -> None:
        """The methods of `timestamped_methods` send the time; others refuse a time in the past."""
        for method in self.provider.methods():
            least = self.least(method)
            plain = self.request(method, least)
            try:
                request = self.request(method, {**least, "timestamp": EARLIER})
            except ValidationError as error:
                assert is_named(error, f"{method}.timestamp"), str(error)
                assert method not in self.provider.timestamped_methods, (
                    f"{method} is one of `timestamped_methods` and refuses a timestamp"
                )
            else:
                assert request != plain, (
                    f"{method} is one of `timestamped_methods` and does not send the timestamp"
                )

    def test_keeps_nulls_and_every_character(self) -> None:
        """Null, and all characters, are unchanged in objects whose keys the caller chooses."""
        for method in self.provider.methods():
            for field in FREE_OBJECTS:
                if field in FULL[method]:
                    self._keeps_text(method, field)
                    self._keeps_null(method, field)

    def test_refuses_a_message_over_the_limit(self) -> None:
        """A message above `message_limit_bytes` is refused with the limit in the error."""
        limit = self.provider.message_limit_bytes
        if limit is None:
            return
        for method in {*self.provider.methods()} - {"call"}:
            field = next((name for name in FREE_OBJECTS if name in FULL[method]), None)
            message = {**self.least(method), str(field): {"long": "x" * limit}}
            if field is None:
                continue
            try:
                self.request(method, message)
            except ValidationError as error:
                is_refused = is_named(error, f"{method}.{field}")
                assert is_refused or (is_named(error, method) and str(limit) in str(error)), (
                    f"the error of a long {method} does not name the limit: {error}"
                )
            else:
                raise AssertionError(f"{method} builds a request of more than {limit} bytes")

    def _optional_fields(self, method: str) -> JsonObject:
        others = {*self.least(method), *_FIELDS_OF_ALL_MESSAGES}
        return {name: value for name, value in FULL[method].items() if name not in others}

    def _is_sent_or_refused(
        self,
        plain: HttpRequest,
        method: str,
        message: JsonObject,
        context: JsonObject | None,
        path: str,
    ) -> None:
        try:
            delivery = self.delivery(method, message, context)
            request = self.provider.build(delivery)
        except ValidationError as error:
            assert is_named(error, path), f"the error of {path} does not name it: {error}"
        else:
            assert request != plain or is_reported_person(delivery, path), (
                f"{path} of {method} is dropped: {_HOW_TO_REFUSE}"
            )

    def _keeps_text(self, method: str, field: str) -> None:
        try:
            request = self.request(method, {**self.least(method), field: {"note": TEXT}})
        except ValidationError as error:
            assert is_named(error, f"{method}.{field}"), str(error)
        else:
            texts = [unquote(request.url), *(text for _, text in texts_in(request))]
            assert any(TEXT in text for text in texts), (
                f"a text with accents, emoji and quotes in {method}.{field} is not in the request"
            )

    def _keeps_null(self, method: str, field: str) -> None:
        try:
            without = self.request(method, {**self.least(method), field: {"note": "x"}})
            with_null = {**self.least(method), field: {"note": "x", "gone": None}}
            request = self.request(method, with_null)
        except ValidationError as error:
            assert is_named(error, f"{method}.{field}"), str(error)
        else:
            assert request != without, f"null in {method}.{field} is dropped: send it or refuse it"


_HOW_TO_REFUSE = "send it, or pass it to `refuse_fields`, a context to `refuse_context`"
