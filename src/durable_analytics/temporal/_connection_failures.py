"""Causes of failed connections to Temporal: wrong settings, and temporary failures."""

import re
from collections.abc import Mapping
from typing import Any

from durable_analytics.temporal.connection_settings import variable

_CA = "TEMPORAL_TLS_SERVER_CA_CERT_PATH"
_CERT = "TEMPORAL_TLS_CLIENT_CERT_PATH"
_KEY = "TEMPORAL_TLS_CLIENT_KEY_PATH"
_NAME = "TEMPORAL_TLS_SERVER_NAME"
_API_KEY = "TEMPORAL_API_KEY"

_PERMANENT: Mapping[str, tuple[str, str]] = {
    r"PrivateKeyParseError": (_KEY, "must be a private key in PEM, without a passphrase"),
    r"NoCertificatesPresented|CertificateParseError": (_CERT, "must be a certificate in PEM"),
    r"InconsistentKeys": (_KEY, "is not the key of the client certificate"),
    r"InvalidCertificate\(NotValidForName|fatal alert: Unrecogni[sz]edName": (
        _NAME,
        "the certificate of {address} was issued for another name: set that name",
    ),
    r"InvalidCertificate\((Expired|NotValidYet)": (
        "TEMPORAL_ADDRESS",
        "the certificate of {address} has expired, or is not valid yet",
    ),
    r"InvalidCertificate": (
        _CA,
        (
            "the certificate of {address} is not trusted: "
            "set a file with the certificate of its authority"
        ),
    ),
    r"InvalidContentType": (
        "TEMPORAL_ADDRESS",
        "{address} does not use TLS, but TEMPORAL_API_KEY or TEMPORAL_TLS… requires it",
    ),
    r"H2NotNegotiated": (
        "TEMPORAL_ADDRESS",
        "there is no Temporal server at {address}: set another address",
    ),
    r"fatal alert: (\w*Certificate\w*|UnknownCA|AccessDenied|HandshakeFailure)": (
        _CERT,
        "{address} requires a client certificate that it trusts: set the certificate and its key",
    ),
    r"NamespaceNotFound|Namespace \S+ (is|was) not found": (
        "TEMPORAL_NAMESPACE",
        "the server at {address} has no such namespace: create it, or set another one",
    ),
    r"code: (Unauthenticated|PermissionDenied)": (
        _API_KEY,
        "{address} requires valid credentials: set a valid API key",
    ),
}
"""Patterns of the SDK's permanent errors, with the variable to set and what is wrong."""

_TEMPORARY: Mapping[str, str] = {
    r"ConnectionRefused": "connection refused",
    r"dns error": "the host name could not be resolved (DNS)",
    r"ConnectionReset|closed|UnexpectedEof|BrokenPipe": (
        "the connection was closed; "
        "the server may require TEMPORAL_TLS=true or a client certificate"
    ),
    r"HTTP status code|code: Unimplemented": "the server there is not a Temporal server",
    r"Unreachable": "the host cannot be reached",
}
"""Patterns of the SDK's temporary errors, with their descriptions."""


def setting_at_fault(error: Exception, config: Mapping[str, Any]) -> str | None:
    """Return which setting made a connection fail, and what to set; None if no setting did.

    Args:
        error: The error that the SDK raised.
        config: The arguments of the connection, already checked.
    """
    for pattern, (name, words) in _PERMANENT.items():
        if re.search(pattern, str(error)):
            return f"{variable(name)}: {words.format(address=config['target_host'])}"
    return None


def describe_failure(error: Exception) -> str:
    """Return why a connection failed, in a few words without values of settings."""
    if isinstance(error, TimeoutError):
        return "no response in time"
    words = (words for pattern, words in _TEMPORARY.items() if re.search(pattern, str(error)))
    return next(words, "the connection failed")
