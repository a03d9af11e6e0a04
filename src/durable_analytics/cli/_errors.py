"""The errors of the commands."""

from temporalio.service import RPCError

from durable_analytics.temporal.connection import wrong_setting


class CommandFailed(Exception):
    """Something failed or was not found: one line, and the exit status 1."""


def describe_refusal(error: RPCError) -> str:
    """Return why Temporal refused a call: the setting to change, or else its own words."""
    words = f"Temporal responded with {error.status.name}: {error.message}"
    return wrong_setting(error) or words
