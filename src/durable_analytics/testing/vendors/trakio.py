"""Trak.io in the stand-in: the token is in the body or a header, and messages have no ids."""

from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import any_of, body, header

_HEADERS = ("x-trakio-token", "x-token")

VENDOR = Vendor(
    title="Trak.io",
    credentials={"token": "trakio-token"},
    authorizes=any_of(body("token", "token"), *(header(name, "token") for name in _HEADERS)),
    refuses=Reply(
        401,
        {"status": "error", "code": 401, "exception": "TrakioAPI::Exceptions::Unauthorized"},
    ),
    answers=lambda _: Reply(200, {"status": "success"}),
    secret_headers=_HEADERS,
)
