"""Files to import, and what the provider received of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    """Write NDJSON; a text is a line as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def track(number: int, **more: Any) -> Json:
    """A valid row. A file with the same rows as that of another test would not be sent again."""
    return {"type": "track", "user_id": f"u-{number}", "event": "E", **more}


def delivered(standin: StandIn) -> list[Json]:
    """The messages that the provider got, each as often as it got it."""
    return [
        message
        for request in standin.requests
        if request["answered"] == 200
        for message in request["body"]["batch"]
    ]
