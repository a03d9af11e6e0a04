"""The types of JSON objects, and of the fixture that executes a workflow for one."""

from collections.abc import Awaitable, Callable
from typing import Any

Json = dict[str, Any]
Execute = Callable[..., Awaitable[Json]]
"""Runs a workflow of a type with inputs; returns its output."""
