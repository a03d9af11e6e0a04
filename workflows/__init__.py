"""The workflows, whose code Temporal replays."""

from workflows.integration_control import Integration
from workflows.methods import (
    WORKFLOWS,
    Alias,
    Annotate,
    Batch,
    Call,
    Delete,
    Group,
    Identify,
    Metric,
    Page,
    Screen,
    Track,
)
from workflows.redrive_lock import RedriveLock

__all__ = [
    "WORKFLOWS",
    "Alias",
    "Annotate",
    "Batch",
    "Call",
    "Delete",
    "Group",
    "Identify",
    "Integration",
    "Metric",
    "Page",
    "RedriveLock",
    "Screen",
    "Track",
]
