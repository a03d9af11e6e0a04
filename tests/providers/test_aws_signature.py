"""AWS Signature 4: the published examples, and botocore's signer as an oracle."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import botocore.auth  # type: ignore[import-untyped]  # it has no types
import pytest
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # it has no types
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # it has no types

from durable_analytics.providers import HttpRequest
from durable_analytics.providers.aws_signature import AwsCredentials

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
US = AwsCredentials(KEY_ID, SECRET, "us-east-1")
PUBLISHED_AT = datetime(2013, 5, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            {"max-keys": 2, "prefix": "J"},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_examples_are_signed_so(query: dict[str, Any], signature: str) -> None:
    """Of Amazon's reference: the configuration of a bucket's lifecycle, and a list of objects."""
    request = HttpRequest("GET", "https://examplebucket.s3.amazonaws.com/", query=query)

    headers = US.sign(request, PUBLISHED_AT).headers

    assert headers["x-amz-date"] == "20130524T000000Z"
    assert headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
    )


def by_botocore(
    monkeypatch: pytest.MonkeyPatch, request: HttpRequest, region: str, now: datetime
) -> dict[str, str]:
    """The headers that botocore adds to the same request."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
    query = {
        name: [str(item).lower() if isinstance(item, bool) else item for item in items]
        for name, value in request.query.items()
        for items in [value if isinstance(value, list) else [value]]
    }
    url = f"{request.url}?{urlencode(query, doseq=True, quote_via=quote)}" if query else request.url
    aws = AWSRequest(request.method, url, data=request.content() or b"")
    botocore.auth.S3SigV4Auth(Credentials(KEY_ID, SECRET), "s3", region).add_auth(aws)
    return {name.lower(): value for name, value in aws.headers.items()}


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("PUT", "https://s3.example.com/b-1/dt=2026-01-31/hour=09/a.ndjson.gz", b"\x1f"),
        HttpRequest("PUT", "http://127.0.0.1:9000/b-1/a!b*(c)'_~-.gz", b""),
        HttpRequest("PUT", "https://s3.example.com:443/b-1/a%20b%C3%A9%3D", b"x"),
        HttpRequest("GET", "http://s3.example.com:80/b-1"),
        HttpRequest("GET", "https://S3.example.com", query={"list-type": 2, "prefix": "a/b c~é"}),
        HttpRequest("GET", "https://s3.example.com/b", query={"tag": ["b", "a"], "all": True}),
        HttpRequest("DELETE", "https://s3.example.com/b-1/a%252Fb"),
    ],
    ids=lambda request: f"{request.method} {urlsplit(request.url).path}",
)
def test_the_signature_is_botocores(
    monkeypatch: pytest.MonkeyPatch, request_: HttpRequest, region: str
) -> None:
    """Whatever stands in a path or a query."""
    now = datetime(2026, 1, 31, 9, 30, 1, tzinfo=UTC)

    ours = AwsCredentials(KEY_ID, SECRET, region).sign(request_, now)

    theirs = by_botocore(monkeypatch, ours, region, now)
    assert {name.lower(): value for name, value in ours.headers.items()} == theirs


def test_the_time_is_in_utc() -> None:
    east = datetime.fromisoformat("2026-02-01T01:30:01+05:00")

    assert (
        US.sign(HttpRequest("GET", "https://x"), east).headers["x-amz-date"] == "20260131T203001Z"
    )


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(US)
