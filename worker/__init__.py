"""The worker: its settings, registration, and the process."""

from durable_analytics.settings.integrations import IntegrationSettings
from worker.converter import data_converter
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings, load
from worker.workers import workers

__all__ = [
    "IntegrationSettings",
    "Settings",
    "data_converter",
    "list_activities",
    "list_workflows",
    "load",
    "register",
    "workers",
]
