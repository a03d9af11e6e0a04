"""The settings that all processes share: those of the library, and the logs."""

from typing import Literal

from durable_analytics.settings.base import AnalyticsSettings
from durable_analytics.settings.files import PREFIX
from durable_analytics.settings.service_links import log_ignored
from runtime import logs

OF_WORKERS = frozenset(
    {
        "integrations",
        "former_integrations",
        "integration_queues",
        "default_integration",
        "worker",
        "graceful_shutdown_timeout",
        "max_concurrent_activities",
        "max_concurrent_workflow_tasks",
        "metrics_address",
        "operator_webhook",
        "on_attempt_failed",
        "on_execution_failed",
    }
)
"""The settings that only a worker reads; other processes let them stand in the same file."""


class ProcessSettings(AnalyticsSettings):
    """The settings that all processes share."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`auto` is `console` on a terminal, otherwise `json`."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level: INFO has a line for each delivery, WARNING only for failures."""

    def configure_logs(self) -> None:
        """Configure the logs, and log the ignored environment variables, which Kubernetes sets."""
        logs.configure(self.log_format, self.log_level)
        log_ignored(PREFIX)
