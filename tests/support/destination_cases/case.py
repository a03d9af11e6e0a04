"""The form of a case."""

from dataclasses import dataclass, field

from tests.support.json_objects import Json


@dataclass(frozen=True)
class Case:
    """A message, and the parts of the request that must be as in the action of Segment."""

    actions: str
    """The actions of Segment's integration, separated by spaces."""

    method: str
    message: Json
    sent: Json
    """The parts of the event, the update or the body. Other keys may stand beside them."""

    context: Json = field(default_factory=dict)
    path: str = ""
    """The path of the request below the base URL, if it must be the same, too."""


def call(actions: str, path: str, body: Json, http_method: str = "POST") -> Case:
    """An action without a method of its own: a call can send the same request."""
    message = {"method": http_method, "path": path, "body": body}
    return Case(actions, "call", message, body, path=path)
