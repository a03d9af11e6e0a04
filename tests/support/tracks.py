"""The input of a track, as several tests deliver it."""

from tests.support.json_objects import Json

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}


def with_policy(**request: object) -> Json:
    """A track whose request follows this policy."""
    return {**TRACK, "policies": {"request": request}}
