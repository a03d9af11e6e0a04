"""The exception for a command that failed, and the description of Temporal's errors."""

from temporalio.service import RPCError

from durable_analytics.temporal.connection import wrong_setting


class CommandFailed(Exception):
    """A command failed, or did not find something: it prints one line and exits with status 1."""


def describe_rpc_error(error: RPCError) -> str:
    """Return why a call of Temporal failed: the wrong setting, or else the response of Temporal."""
    response = f"Temporal responded with {error.status.name}: {error.message}"
    return wrong_setting(error) or response
