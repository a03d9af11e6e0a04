"""The worker: settings, registration, and the process itself."""

from worker.accounts import Account
from worker.converter import data_converter
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings, load

__all__ = [
    "Account",
    "Settings",
    "data_converter",
    "list_activities",
    "list_workflows",
    "load",
    "register",
]
