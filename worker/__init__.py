"""The worker: settings, registration, and the process itself."""

from worker.registration import list_activities, list_workflows, register
from worker.settings import Account, Settings, load

__all__ = ["Account", "Settings", "list_activities", "list_workflows", "load", "register"]
