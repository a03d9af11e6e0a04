"""The `LOCAL_…` variables of `make run`: its ports and its durability."""

import socket

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from durable_analytics.errors import SettingsError
from runtime.embedded_server import Durability

HOST = "127.0.0.1"

_METRICS_PORTS = range(9464, 9474)
_GATEWAY_METRICS_PORTS = range(9474, 9484)


class LocalVariables(BaseSettings):
    """The variables of `make run`. All its processes listen on loopback."""

    model_config = SettingsConfigDict(env_prefix="LOCAL_")

    temporal_port: int = Field(default=7233, ge=1, le=65535)
    ui_port: int = Field(default=8233, ge=1, le=65535)
    standin_port: int = Field(default=8090, ge=1, le=65535)
    gateway_port: int = Field(default=8088, ge=1, le=65535)

    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where the worker serves its metrics. Default: 9464, or the next port that is free."""

    gateway_metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where the gateway serves its metrics. Default: 9474, or the next port that is free."""

    durability: Durability = "full"
    """What a message in the embedded server survives: `full` also a power cut; `process`, which is
    faster, only killed processes."""


def load_variables() -> LocalVariables:
    """Load the variables from the environment.

    Raises:
        SettingsError: One line for each invalid variable.
    """
    try:
        return LocalVariables()
    except ValidationError as error:
        names = [str(problem["loc"][0]) for problem in error.errors()]
        raise SettingsError(
            f"LOCAL_{name.upper()}: {_REASONS.get(name, _NO_PORT)}; set it in the environment"
            for name in names
        ) from None


_NO_PORT = "must be a port number, 1 to 65535"
_REASONS = {"durability": "must be full or process"}


def check_ports(local: LocalVariables, *, own_server: bool) -> None:
    """Check that the ports differ and that no other process listens on them.

    Args:
        local: The variables.
        own_server: Whether to check the ports of the Temporal server, too.

    Raises:
        SettingsError: One line for each invalid port.
    """
    used = {"LOCAL_STANDIN_PORT": local.standin_port, "LOCAL_GATEWAY_PORT": local.gateway_port}
    used |= {
        variable: port
        for variable, port in (
            ("LOCAL_METRICS_PORT", local.metrics_port),
            ("LOCAL_GATEWAY_METRICS_PORT", local.gateway_metrics_port),
        )
        if port
    }
    if own_server:
        used |= {"LOCAL_TEMPORAL_PORT": local.temporal_port, "LOCAL_UI_PORT": local.ui_port}
    problems = [
        (
            f"port {port} is in use: "
            f"end the program that uses it, or choose another port with {variable}=…"
        )
        for variable, port in used.items()
        if not _is_free(port)
    ]
    for port in {port for port in used.values() if [*used.values()].count(port) > 1}:
        variables = " and ".join(variable for variable in used if used[variable] == port)
        problems.append(f"port {port} is set for {variables}: set different ports")
    if problems:
        raise SettingsError(problems)


def with_metrics_ports(local: LocalVariables) -> LocalVariables:
    """Return the variables with the ports of the metrics filled in."""
    ports = {
        "metrics_port": local.metrics_port or _first_free(_METRICS_PORTS),
        "gateway_metrics_port": local.gateway_metrics_port or _first_free(_GATEWAY_METRICS_PORTS),
    }
    return local.model_copy(update=ports)


def _first_free(ports: range) -> int:
    """Metrics are no reason not to start: another `make run` may have the first port."""
    return next((port for port in ports if _is_free(port)), ports[0])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
