"""The workflows: what Temporal replays."""

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

__all__ = [
    "WORKFLOWS",
    "Alias",
    "Annotate",
    "Batch",
    "Call",
    "Delete",
    "Group",
    "Identify",
    "Metric",
    "Page",
    "Screen",
    "Track",
]
