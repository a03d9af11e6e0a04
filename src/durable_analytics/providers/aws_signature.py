"""AWS Signature Version 4 for S3: the headers that authorize a request.

Source: "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from durable_analytics.providers.http import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """An access key of AWS, and the region for which it signs requests."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str

    def sign(self, request: HttpRequest, now: datetime) -> HttpRequest:
        """Return the request with a signature, its path encoded as S3 requires.

        Args:
            request: The request. Of its headers, only `Host` is signed.
            now: The time of this attempt; S3 accepts the signature for 15 minutes.
        """
        time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(request.content() or b"").hexdigest()
        added = {"x-amz-content-sha256": digest, "x-amz-date": time}
        url = urlsplit(request.url)
        segments = url.path.split("/")
        path = "/".join(quote(unquote(segment), safe="~") for segment in segments) or "/"
        host = url.netloc.lower().removesuffix(_DEFAULT_PORTS.get(url.scheme, ""))
        signed = {"host": host, **added}
        canonical = "\n".join(
            (
                request.method,
                path,
                _canonical_query(request.query),
                *(f"{name}:{value}" for name, value in signed.items()),
                "",
                ";".join(signed),
                digest,
            )
        )
        scope = f"{time[:8]}/{self.region}/s3/aws4_request"
        canonical_digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{time}\n{scope}\n{canonical_digest}"
        signature = hmac.new(self._signing_key(time[:8]), to_sign.encode(), "sha256").hexdigest()
        authorization = (
            f"{_ALGORITHM} Credential={self.access_key_id}/{scope}, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        complete = replace(request, url=url._replace(path=path).geturl())
        return complete.with_headers({**added, "Authorization": authorization})

    def _signing_key(self, date: str) -> bytes:
        key = f"AWS4{self.secret_access_key}".encode()
        for part in (date, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def _canonical_query(query: Mapping[str, Any]) -> str:
    pairs = [
        (quote(name, safe="~"), quote(_text(value), safe="~"))
        for name, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _text(value: Any) -> str:
    """Return a query value as the HTTP client sends it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
