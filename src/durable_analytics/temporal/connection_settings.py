"""The settings of the connection to Temporal, and their checks before a connection is made."""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any

from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression, TLSConfig

from durable_analytics.errors import SettingsError

DEFAULT_ADDRESS = "localhost:7233"

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):([0-9]{1,5})")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_HEADER_NAME = re.compile(r"(?!(grpc-.*|content-type|host|te)$)[a-z0-9_.-]+(?<!-bin)")
"""Names of metadata, except those that gRPC sets itself and those of binary values."""
_LARGEST_PORT = 65535

_PROFILE_KEYS = {
    "TEMPORAL_ADDRESS": "address",
    "TEMPORAL_NAMESPACE": "namespace",
    "TEMPORAL_API_KEY": "api_key",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": "tls.client_cert_path",
    "TEMPORAL_TLS_CLIENT_KEY_PATH": "tls.client_key_path",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "tls.server_ca_cert_path",
    "TEMPORAL_TLS_SERVER_NAME": "tls.server_name",
}
"""The variables, with their keys in a profile of temporal.toml."""

_FILES = {
    "TEMPORAL_CONFIG_FILE": "TOML file with profiles",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": "readable PEM file",
    "TEMPORAL_TLS_CLIENT_KEY_PATH": "readable PEM file",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "readable PEM file",
}
"""The variables that contain a path, with the kind of file that they need."""

_BOOLEANS = ("true", "false", "1", "0")


def load(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `temporalio.client.Client.connect`.

    Args:
        options: Arguments of the caller; they override the environment and the profile.

    Raises:
        SettingsError: One line per problem, without values, which may contain secrets.
    """
    # An empty variable counts as not set: `TEMPORAL_API_KEY=${KEY:-}`.
    environment = {name: value for name, value in os.environ.items() if value}
    problems = [*_wrong_variables(environment)]
    if problems:
        raise SettingsError(problems)
    try:
        loaded = ClientConfig.load_client_connect_config(override_env_vars=environment)
    except RuntimeError as error:  # a profile that does not exist, a file that does not parse
        # The lines after the first one quote the file, which may contain a secret.
        reason = str(error).splitlines()[0].removeprefix("Configuration loading error: ")
        raise SettingsError([f"the connection to Temporal: {reason}"]) from None
    except OSError as error:
        raise SettingsError([_unreadable(error, environment)]) from None
    config = {
        "target_host": DEFAULT_ADDRESS,
        # The SDK's default, gzip, takes more time than a large payload takes in a local network.
        "grpc_compression": GrpcCompression.NONE,
        **loaded,
        **options,
    }
    problems = [*_wrong_texts(config), *_wrong_tls(config.get("tls"))]
    if problems:
        raise SettingsError(problems)
    return config


def variable(name: str) -> str:
    """Return the name of a variable; if it is not set, with its key in a profile.

    >>> variable("TEMPORAL_ADDRESS")
    'TEMPORAL_ADDRESS (address in a profile)'
    """
    is_set = os.environ.get(name) or os.environ.get(name.replace("_PATH", "_DATA"))
    return name if is_set else f"{name} ({_PROFILE_KEYS[name]} in a profile)"


def _wrong_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Find values that the SDK would ignore or misinterpret."""
    for name, kind in _FILES.items():
        path = environment.get(name)
        if not path or path == os.devnull:
            continue
        if not os.path.exists(path):  # noqa: PTH110  # Path.exists raises if it is too long
            yield f"{name}: the file does not exist: set the path of a {kind}"
        elif not os.path.isfile(path):  # noqa: PTH113  # as above; a device may never end
            yield f"{name}: is not a regular file: set the path of a {kind}"
    if environment.get("TEMPORAL_TLS", "true").lower() not in _BOOLEANS:
        yield "TEMPORAL_TLS: must be true or false"


def _unreadable(error: OSError, environment: Mapping[str, str]) -> str:
    names = (n for n, v in environment.items() if n.startswith("TEMPORAL_") and v == error.filename)
    name = next(names, "the connection to Temporal")
    return f"{name}: cannot be read ({error.strerror}): set the path of a readable PEM file"


def _wrong_texts(config: Mapping[str, Any]) -> Iterator[str]:
    if not _is_address(config["target_host"]):
        yield (
            f"{variable('TEMPORAL_ADDRESS')}: must be a host and a port, like {DEFAULT_ADDRESS}, "
            "without http://, a user, a path or spaces"
        )
    if not _is_printable(config.get("namespace", "default")):
        yield (
            f"{variable('TEMPORAL_NAMESPACE')}: must be the name of a namespace, "
            "without spaces and line ends"
        )
    if not _is_printable(config.get("api_key", "key")):
        yield (
            f"{variable('TEMPORAL_API_KEY')}: "
            "contains a character that is not allowed in an HTTP header, "
            "such as a line end or a space: set only the key"
        )
    for name, value in config.get("rpc_metadata", {}).items():
        if not _HEADER_NAME.fullmatch(name):
            yield (
                "TEMPORAL_GRPC_META_…: one of the names is not a valid HTTP header name, "
                "or is set by gRPC itself"
            )
        elif not value.isascii() or not value.isprintable():
            shown = name.upper().replace("-", "_")
            yield (
                f"TEMPORAL_GRPC_META_{shown}: "
                "contains a character that is not allowed in an HTTP header"
            )


def _is_address(text: str) -> bool:
    """Whether a text is a host (an ASCII name or an IP address) and a port."""
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match[3]) <= _LARGEST_PORT:
        return False
    if not match[1]:
        return bool(_HOST_NAME.fullmatch(match[2]))
    try:
        IPv6Address(match[1])
    except ValueError:
        return False
    return True


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and bool(text)


def _wrong_tls(tls: bool | TLSConfig | None) -> Iterator[str]:
    """Check the TLS settings without the server; the SDK checks a client's certificate and key."""
    if not isinstance(tls, TLSConfig):
        return
    if tls.domain is not None and not _HOST_NAME.fullmatch(tls.domain):
        yield f"{variable('TEMPORAL_TLS_SERVER_NAME')}: must be the name of a host"
    if bool(tls.client_cert) != bool(tls.client_private_key):
        lacking = "KEY" if tls.client_cert else "CERT"
        yield (
            f"{variable(f'TEMPORAL_TLS_CLIENT_{lacking}_PATH')}: is required "
            "if a client certificate or its key is set"
        )
    if tls.server_root_ca_cert is not None and not _holds_certificates(tls.server_root_ca_cert):
        yield (
            f"{variable('TEMPORAL_TLS_SERVER_CA_CERT_PATH')}: must be a PEM file with certificates"
        )


def _holds_certificates(pem: bytes) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("latin-1"))
    except (ssl.SSLError, ValueError):
        return False
    return True
