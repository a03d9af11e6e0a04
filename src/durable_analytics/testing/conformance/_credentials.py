"""Checks of credentials: they are only where they are declared, and they are never shown."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from durable_analytics.errors import ValidationError
from durable_analytics.providers import HttpRequest
from durable_analytics.providers.masking import Masker
from durable_analytics.providers.request_options import credentials_among, is_reserved_header
from durable_analytics.testing.conformance._case import ConformanceCase, body_of, named_texts
from durable_analytics.testing.conformance._samples import SENT_AT

_SHORTEST = 8
"""Characters. A shorter credential could be in a request by chance."""


class CredentialChecks(ConformanceCase):
    """Only `authorize` adds credentials, and no text shows them."""

    def test_secrets_are_complete(self) -> None:
        """`secret_values` has all settings that are credentials."""
        for name, value in self._settings():
            assert len(value) >= _SHORTEST, (
                f"give {name} a made-up value of {_SHORTEST} characters or more in this test"
            )
            assert value in self.provider.secret_values(), f"`secret_values()` lacks {name}"

    def test_requests_have_no_credentials_before_they_are_sent(self) -> None:
        """A request without credentials may be in histories and logs."""
        for method, request in self._requests():
            parts = [name for name, text in _all_texts(request) if self._is_secret(text)]
            assert not parts, f"the request of {method} contains a credential in {parts}"

    def test_credentials_stand_where_they_are_declared(self) -> None:
        """Credentials are in headers for credentials, or in the keys of `credential_names`."""
        names = self.provider.credential_names
        for method, request in self._requests():
            sent = self.authorized(request)
            if self._settings():
                assert sent != request, f"`authorize` adds nothing to the request of {method}"
            headers = [n for n, v in sent.headers.items() if self._is_secret(v)]
            wrong = [name for name in headers if not is_reserved_header(name, names)]
            query = [n for n, v in sent.query.items() if self._is_secret(str(v))]
            body = [n for n, text in named_texts(body_of(sent)) if self._is_secret(text)]
            wrong += [name for name in (*query, *body) if not credentials_among("", [name], names)]
            assert not wrong, f"add to `credential_names`, in lower case: {', '.join(wrong)}"
            assert not self._is_secret(sent.url), f"the URL of {method} contains a credential"

    def test_authorize_only_adds(self) -> None:
        """`authorize` does not change the method and the URL, and always adds the same.

        It may quote other characters of the path, as some signatures require.
        """
        for method, request in self._requests():
            body = deepcopy(request.body)
            sent = self.authorized(request)
            assert request.body == body, f"`authorize` changes the body of {method} in place"
            assert sent.method == request.method, method
            assert _segments(sent.url) == _segments(request.url), method
            assert sent == self.authorized(request), (
                f"`authorize` of {method} is not the same twice"
            )
            assert request.query.items() <= sent.query.items(), f"`authorize` of {method}: query"
            headers = {name.lower(): value for name, value in sent.headers.items()}
            changed = [n for n, v in request.headers.items() if headers.get(n.lower()) != v]
            assert not changed, f"`authorize` changes the headers {', '.join(changed)} of {method}"

    def test_what_is_sent_is_masked_when_it_comes_back(self) -> None:
        """A credential is masked in a response that shows the headers of the request."""
        mask = Masker(self.provider.secret_values()).text
        for method, request in self._requests():
            sent = self.authorized(request)
            other = self.provider.authorize(
                _other_request(request), delivery_id="other", sent_at=SENT_AT + timedelta(days=1)
            )
            for name in sent.headers.keys() - request.headers.keys():
                value = sent.headers[name]
                is_credential = is_reserved_header(name, self.provider.credential_names)
                # Signatures, digests and times differ from request to request.
                if is_credential and value == other.headers.get(name, value):
                    assert mask(value) != value, (
                        f"`secret_values()` lacks the credential in the header {name} of {method}"
                    )

    def test_credentials_are_not_shown(self) -> None:
        """The `repr` of the provider and of its requests shows no credential."""
        provider = self.provider
        shown = [repr(provider), str(provider), repr(provider.model_dump())]
        for _, request in self._requests():
            shown += [repr(request), repr(self.authorized(request))]
        secret = [text for text in shown if self._is_secret(text)]
        assert not secret, "a credential is shown: give each the type `Credential`"

    def test_callers_cannot_set_credentials(self) -> None:
        """A `call` with a credential is refused; one with any body is authorized or refused."""
        if not self.provider.has("call"):
            return
        for name in self.provider.credential_names:
            for part in ("headers", "query", "body"):
                call = {"method": "POST", "path": "/x", part: {name: "other"}}
                try:
                    self.request("call", call)
                except ValidationError:
                    continue
                raise AssertionError(f"a caller can set {name} in call.{part}")
        for body in (None, {}, {"a": 1}, [], [1], [{"a": 1}], "text", 1, True):
            try:
                request = self.request("call", {"method": "POST", "path": "/x", "body": body})
            except ValidationError:
                continue
            self.authorized(request).content()

    def _settings(self) -> list[tuple[str, str]]:
        return [
            (name, secret.get_secret_value())
            for name, value in self.provider
            for secret in (value if isinstance(value, (list, tuple)) else [value])
            if isinstance(secret, SecretStr)
        ]

    def _requests(self) -> Iterator[tuple[str, HttpRequest]]:
        yield from self.sample_requests()

    def _is_secret(self, text: str) -> bool:
        return any(
            secret in text for secret in self.provider.secret_values() if len(secret) >= _SHORTEST
        )


def _segments(url: str) -> list[str]:
    """Return the parts of a URL between slashes, not quoted."""
    return [unquote(segment) for segment in url.split("/")]


def _other_request(request: HttpRequest) -> HttpRequest:
    """Return a request with the same credentials to another host, with another body if possible."""
    url = urlsplit(request.url)._replace(netloc="other.example.com").geturl()
    is_replaceable = request.body is None or isinstance(request.body, (bytes, dict))
    return replace(request, url=url, body={"kit": "other"} if is_replaceable else request.body)


def _all_texts(request: HttpRequest) -> Iterator[tuple[str, str]]:
    yield "the URL", request.url
    yield from request.headers.items()
    yield from ((name, str(value)) for name, value in request.query.items())
    yield "the body", (request.content() or b"").decode(errors="replace")
