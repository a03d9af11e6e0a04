"""The shapes of messages: what their keys decide is worked out once for many messages."""

from collections.abc import Callable
from dataclasses import dataclass

from durable_analytics.delivery.preparation import DEFAULT_TIMESTAMP
from durable_analytics.wire.fast_check import field_kinds
from durable_analytics.wire.field_types import broken_property_rule
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.problems import spellings

_SAMPLE_ID = "the message id"
_SAMPLE_TIME = "2026-01-31T09:30:00Z"


@dataclass(frozen=True, slots=True)
class Shape:
    """How valid messages with certain keys become items."""

    texts: tuple[str, ...]
    """The keys whose values must be text that is not blank."""

    objects: tuple[str, ...]
    """The keys whose values must be objects."""

    message_id: str
    timestamp: str
    """The keys of the id and of the time, which a message need not have."""

    template: JsonObject
    """The item of a message."""

    moves: tuple[tuple[str, str], ...]
    """Keys of the template, each with the key of its value in the message."""

    id_key: str
    time_key: str
    """The keys of the template for the id and the time."""

    def fits(self, message: JsonObject, *, is_lenient: bool) -> bool:
        """Whether a message is certainly valid, apart from its id and its times."""
        for key in self.texts:
            value = message[key]
            if type(value) is not str or not value or value.isspace():
                return False
        for key in self.objects:
            value = message[key]
            if type(value) is not dict or (not is_lenient and broken_property_rule(value)):
                return False
        return True

    def item(self, message: JsonObject, message_id: str, timestamp: str) -> JsonObject:
        """Build the item of a message that fits."""
        item = self.template.copy()
        for key, source in self.moves:
            item[key] = message[source]
        item[self.id_key] = message_id
        item[self.time_key] = timestamp
        return item


def shape_of(
    message: JsonObject, make_item: Callable[[JsonObject], JsonObject | None]
) -> Shape | None:
    """Return the shape of a message; None if its keys alone do not decide how it is built.

    Args:
        message: The message; its `type` is a method.
        make_item: Builds the item of a valid message, which has the values of the message under
            other keys; returns None if the message needs a model.
    """
    method = METHODS[message["type"]]
    kinds, table = field_kinds(method.key), spellings(method.message)
    keys = {"message_id": "message_id", "timestamp": "timestamp"}
    sample: JsonObject = {}
    for key in message.keys() - {"type", DEFAULT_TIMESTAMP}:
        name, _ = table.get(key, ("", None))
        kind = kinds.get(name)
        if name in keys:
            if keys[name] != key and keys[name] in message:
                return None
            keys[name] = key
        elif kind is str:
            sample[key] = f"text of {key}"
        elif kind is dict:
            sample[key] = {}
        else:
            return None
    id_and_time = {keys["message_id"]: _SAMPLE_ID, keys["timestamp"]: _SAMPLE_TIME}
    template = make_item({"type": method.key, **sample, **id_and_time})
    if template is None:
        return None
    sources = {id(value): key for key, value in (sample | id_and_time).items()}
    # Compared by identity: the item has the very objects of the sample.
    taken = {key: sources[id(value)] for key, value in template.items() if id(value) in sources}
    places = {source: key for key, source in taken.items()}
    if places.keys() != {*sources.values()} or len(places) != len(taken):
        return None
    id_key, time_key = (places.pop(key) for key in id_and_time)
    return Shape(
        tuple(key for key, value in sample.items() if type(value) is str),
        tuple(key for key, value in sample.items() if type(value) is dict),
        keys["message_id"],
        keys["timestamp"],
        template,
        tuple((key, source) for source, key in places.items()),
        id_key,
        time_key,
    )
