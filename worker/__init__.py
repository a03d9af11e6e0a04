"""The worker: settings, registration, and the process itself."""

from worker.accounts import Account
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings, load

__all__ = ["Account", "Settings", "list_activities", "list_workflows", "load", "register"]
