"""A bug of ours, told without the values that it stumbled over."""

import logging
import traceback

from temporalio import activity

from durable_analytics.errors import Internal

log = logging.getLogger("durable_analytics.internal")


def internal_error(error: Exception) -> Internal:
    """Log where it happened; an exception's text may hold user data and stays out of everything."""
    info = activity.info()
    name = type(error).__name__
    log.error(
        "internal error",
        extra={
            "workflow_id": info.workflow_id,
            "activity": info.activity_type,
            "attempt": info.attempt,
            "exception": name,
            "where": traceback.format_tb(error.__traceback__),
        },
    )
    return Internal(f"{info.activity_type} met an unexpected {name}; the worker's log says where")
