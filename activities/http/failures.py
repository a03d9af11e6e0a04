"""Conversion of exceptions of the HTTP library and of the network to delivery errors."""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping

import httpcore
import httpx

from activities.http.addresses import PrivateAddressError
from activities.http.sockets import TOO_MANY_BYTES, TOO_MANY_HEADERS
from durable_analytics.errors import DeliveryError, Internal, Unavailable

Describe = Callable[[Exception, str], str]
"""Returns the error text for an exception and a host."""


def _template(text: str) -> Describe:
    return lambda _, host: text.format(host=host)


def _by_type(error: Exception, _: str) -> str:
    return f"the request could not be sent ({type(error).__name__})"


def _proxy_refused(error: Exception, host: str) -> str:
    # The text of the proxy may repeat its credentials, so only the status is kept.
    status = re.match(r"\d{3}\b", str(error))
    detail = f": it responded with {status.group()}" if status else ""
    return f"the proxy refused to connect to {host}{detail}"


def _not_http(error: Exception, host: str) -> str:
    text = str(error)
    if text in (TOO_MANY_HEADERS, TOO_MANY_BYTES):
        return f"{host} sent {text}"
    if "disconnected without" in text:
        return f"{host} closed the connection without a response"
    if "closed connection without" in text or "incomplete" in text:
        return f"{host} closed the connection before the end of its response"
    return f"{host} sent a response that is not valid HTTP"


_INTERRUPTED = _template("the connection to {host} was interrupted")
_NO_RESPONSE = _template("{host} did not respond in time")
_NO_CONNECTION = _template("could not connect to {host}")

HTTP_ERRORS: Mapping[type[Exception], tuple[type[DeliveryError], Describe]] = {
    httpcore.ConnectError: (Unavailable, _NO_CONNECTION),
    httpcore.ConnectTimeout: (Unavailable, _NO_CONNECTION),
    httpcore.ConnectionNotAvailable: (Unavailable, _INTERRUPTED),
    httpcore.LocalProtocolError: (Internal, _by_type),
    httpcore.NetworkError: (Unavailable, _INTERRUPTED),
    httpcore.PoolTimeout: (Unavailable, _NO_RESPONSE),
    httpcore.ProtocolError: (Unavailable, _not_http),
    httpcore.ProxyError: (Unavailable, _proxy_refused),
    httpcore.ReadError: (Unavailable, _INTERRUPTED),
    httpcore.ReadTimeout: (Unavailable, _NO_RESPONSE),
    httpcore.RemoteProtocolError: (Unavailable, _not_http),
    httpcore.TimeoutException: (Unavailable, _NO_RESPONSE),
    httpcore.UnsupportedProtocol: (Internal, _by_type),
    httpcore.WriteError: (Unavailable, _INTERRUPTED),
    httpcore.WriteTimeout: (Unavailable, _NO_RESPONSE),
    httpx.CloseError: (Unavailable, _INTERRUPTED),
    httpx.ConnectError: (Unavailable, _NO_CONNECTION),
    httpx.ConnectTimeout: (Unavailable, _NO_CONNECTION),
    httpx.CookieConflict: (Internal, _by_type),
    httpx.DecodingError: (Unavailable, _template("{host} sent a body that cannot be decoded")),
    httpx.HTTPError: (Unavailable, _INTERRUPTED),
    httpx.HTTPStatusError: (Internal, _by_type),
    httpx.InvalidURL: (Internal, _by_type),
    httpx.LocalProtocolError: (Internal, _by_type),
    httpx.NetworkError: (Unavailable, _INTERRUPTED),
    httpx.PoolTimeout: (Unavailable, _NO_RESPONSE),
    httpx.ProtocolError: (Unavailable, _not_http),
    httpx.ProxyError: (Unavailable, _proxy_refused),
    httpx.ReadError: (Unavailable, _INTERRUPTED),
    httpx.ReadTimeout: (Unavailable, _NO_RESPONSE),
    httpx.RemoteProtocolError: (Unavailable, _not_http),
    httpx.RequestError: (Unavailable, _INTERRUPTED),
    httpx.RequestNotRead: (Internal, _by_type),
    httpx.ResponseNotRead: (Internal, _by_type),
    httpx.StreamClosed: (Internal, _by_type),
    httpx.StreamConsumed: (Internal, _by_type),
    httpx.StreamError: (Internal, _by_type),
    httpx.TimeoutException: (Unavailable, _NO_RESPONSE),
    httpx.TooManyRedirects: (Internal, _by_type),
    httpx.TransportError: (Unavailable, _INTERRUPTED),
    httpx.UnsupportedProtocol: (Internal, _by_type),
    httpx.WriteError: (Unavailable, _INTERRUPTED),
    httpx.WriteTimeout: (Unavailable, _NO_RESPONSE),
}
"""The delivery error and the text for each exception of the HTTP library."""


_CERTIFICATE_FAULTS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "a certificate authority in its chain is self-signed; set ca_bundle for a private one",
    20: "its certificate authority is unknown; set ca_bundle for a private one",
    62: "it was issued for another host name",
    64: "it was issued for another IP address",
}
"""OpenSSL's X509_V_ERR_* codes."""


def _certificate(error: Exception, host: str) -> str:
    code = getattr(error, "verify_code", 0)
    fault = _CERTIFICATE_FAULTS.get(code, getattr(error, "verify_message", "") or "unknown reason")
    return f"the TLS certificate of {host} is not accepted: {fault}"


def _tls(error: Exception, host: str) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return f"the TLS handshake with {host} failed: it does not use TLS"
    return f"the TLS connection to {host} failed" + (f" ({reason})" if reason else "")


def _no_route(error: Exception, host: str) -> str | None:
    if getattr(error, "errno", None) in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN):
        return f"no network route leads to {host}"
    return None


_NETWORK_ERRORS: Mapping[type[Exception], Callable[[Exception, str], str | None]] = {
    socket.gaierror: _template("the name of {host} could not be resolved (DNS)"),
    UnicodeError: _template("the name of {host} could not be resolved (DNS)"),
    ssl.SSLCertVerificationError: _certificate,
    ssl.SSLEOFError: _template("{host} ended the TLS connection"),
    ssl.SSLError: _tls,
    ConnectionRefusedError: _template("{host} refused the connection"),
    ConnectionResetError: _template("{host} reset the connection"),
    BrokenPipeError: _template("{host} closed the connection while the request was sent"),
    TimeoutError: _template("the connection to {host} timed out"),
    OSError: _no_route,
}
"""The texts for exceptions of the network, the most specific first."""


def failure_of(error: Exception, host: str, peer: str = "") -> DeliveryError | None:
    """Return the delivery error for an exception; None if it is of another kind.

    Args:
        error: The exception that the HTTP library raised.
        host: The host of the provider.
        peer: What the worker is connected to if not to the host: "the proxy proxy.internal".
    """
    causes = list(_causes(error))
    if any(isinstance(cause, PrivateAddressError) for cause in causes):
        return Unavailable(
            f"{host} has a private address, and nothing was sent: "
            "if it is a receiver of yours, set allow_private_addresses = true"
        )
    kind, describe_http = next(
        (HTTP_ERRORS[base] for base in type(error).__mro__ if base in HTTP_ERRORS),
        (Unavailable if _is_network_error(error) else None, _INTERRUPTED),
    )
    if kind is None:
        return None
    if kind is Unavailable:
        for network_error, describe in _NETWORK_ERRORS.items():
            for cause in causes:
                if isinstance(cause, network_error) and (text := describe(cause, peer or host)):
                    return Unavailable(text)
    return kind(describe_http(error, host if describe_http is _proxy_refused else peer or host))


def _is_network_error(error: Exception) -> bool:
    """Whether an exception comes from a layer below httpcore, and httpcore has not converted it."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("anyio", "h11")


_MOST_CAUSES = 20


def _causes(error: BaseException) -> Iterator[Exception]:
    """Yield an exception and its causes: httpcore keeps them as arguments, anyio in groups."""
    queue, seen = [error], set[int]()
    while queue and len(seen) < _MOST_CAUSES:
        cause = queue.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        if isinstance(cause, Exception):
            yield cause
        group = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        linked = (cause.__cause__, cause.__context__, *cause.args, *group)
        queue += [other for other in linked if isinstance(other, BaseException)]
