"""The `durable-analytics` command of operators. It needs the extra `cli`."""

from durable_analytics.cli._main import main

__all__ = ["main"]
