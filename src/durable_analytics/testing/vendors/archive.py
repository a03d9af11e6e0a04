"""Archive in the stand-in: an object store that checks AWS signatures and reads lines of JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from durable_analytics.providers.aws_signature import AwsCredentials
from durable_analytics.providers.http import HttpRequest
from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.messages import in_body

_REGION = "us-east-1"
_BUCKET = "stand-in"
_TOLERANCE = timedelta(minutes=15)


def _authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    try:
        time = datetime.strptime(request.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%S%z")
    except ValueError:
        return False
    if abs(datetime.now(UTC) - time) > _TOLERANCE:
        return False
    signer = AwsCredentials(credentials["access_key_id"], credentials["secret_access_key"], _REGION)
    url = f"http://{request.headers.get('host')}{urlsplit(request.target).path}"
    sent = HttpRequest(request.method, url, request.content, {}, request.query)
    headers = signer.sign(sent, time).headers
    return request.headers.get("authorization") == headers["Authorization"]


def _error(status: int, code: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'
    return Reply(status, text, {"Content-Type": "application/xml"})


def _answers(request: Received) -> Reply:
    if request.method == "PUT" and not request.path.startswith(f"/{_BUCKET}/"):
        return _error(404, "NoSuchBucket")
    return Reply(200)


VENDOR = Vendor(
    title="Archive",
    credentials={
        "access_key_id": "AKIASTANDIN",
        "secret_access_key": "archive-secret-access-key",
    },
    settings={"bucket": _BUCKET, "region": _REGION},
    authorizes=_authorizes,
    refuses=_error(403, "SignatureDoesNotMatch"),
    answers=_answers,
    messages=in_body("message_id"),
)
