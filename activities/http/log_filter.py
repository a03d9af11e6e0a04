"""Keeps the queries of our requests, where a credential may stand, out of the log of httpx."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

_hides_queries = ContextVar("hides_queries", default=False)


@contextmanager
def hidden_queries() -> Iterator[None]:
    """Within this, httpx logs URLs without their queries."""
    token = _hides_queries.set(True)
    try:
        yield
    finally:
        _hides_queries.reset(token)


def _hide_query(record: logging.LogRecord) -> bool:
    if _hides_queries.get() and isinstance(record.args, tuple):
        record.args = tuple(
            argument.copy_with(query=None) if isinstance(argument, httpx.URL) else argument
            for argument in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_hide_query)
