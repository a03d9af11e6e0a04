"""Every way to fail, in one tree; the delivery errors carry their wire names.

AnalyticsError
├── SettingsError            the worker's settings are missing or wrong; it does not start
├── NotAccepted              Temporal could not be reached: nothing was started, nothing is kept
├── Interrupted              an execution was cancelled, terminated or timed out from outside
├── QueueFull                the buffering client holds as many messages as it may: not enqueued
├── ClientClosed             the buffering client was closed before: not enqueued
└── DeliveryError            an execution failed; `output` holds what its history shows
    ├── ValidationError      the input breaks the contract or a limit; nothing was sent
    ├── UnknownIntegration   no such integration; nothing was sent
    ├── UnsupportedMethod    the provider has no such method; nothing was sent
    ├── Unauthorized         401, 403
    ├── Rejected             any other final answer, or a 2xx whose body says that it failed
    ├── RateLimited          429 when the policy ran out
    ├── Unavailable          408, 425, 5xx, a timeout or no connection, when the policy ran out
    └── Internal             anything else: a bug of ours

A delivery error's class name is its failure type in Temporal, in every language.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class AnalyticsError(Exception):
    """The root of the tree."""


class SettingsError(AnalyticsError):
    """The settings are missing or wrong.

    Args:
        problems: One line each: the setting, what is wrong, how to set it. Never a secret.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class NotAccepted(AnalyticsError):
    """Temporal could not be reached or refused the start: the message is *not* kept."""


class Interrupted(AnalyticsError):
    """The execution was cancelled, terminated or timed out from outside, not by its delivery."""


class QueueFull(AnalyticsError):
    """The buffering client holds `max_queue_size` messages: this one was *not* enqueued."""


class ClientClosed(AnalyticsError):
    """The buffering client was closed before the call: the message was *not* enqueued."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: `path` is dotted (`track.event`, `messages.3.event`)."""

    path: str
    message: str


class DeliveryError(AnalyticsError):
    """An execution failed.

    Args:
        message: One sentence; names fields, never their values, never a credential.
        fields: The fields that are wrong, for a `ValidationError`.
        output: The output of the contract, with `"status": "failure"`, where the execution has one.
    """

    retried: ClassVar[bool] = False
    """Whether the request is attempted again until the policy runs out."""

    def __init__(
        self,
        message: str,
        *,
        fields: Iterable[FieldProblem] = (),
        output: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = tuple(fields)
        self.output = output

    @classmethod
    def wire_name(cls) -> str:
        """The failure type in Temporal."""
        return cls.__name__

    def as_json(self) -> dict[str, Any]:
        """The `error` object of the contract."""
        return {
            "type": self.wire_name(),
            "message": self.message,
            "fields": [{"path": f.path, "message": f.message} for f in self.fields],
        }


class ValidationError(DeliveryError):
    """The input breaks the contract or the provider's own limits; nothing was sent."""

    MOST_FIELDS: ClassVar[int] = 20
    """More problems than these are counted, not listed: a failure has to stay small."""

    LONGEST_TEXT: ClassVar[int] = 200
    """Characters of a path, which may hold a caller's key, and of what is said of it."""

    @classmethod
    def of(cls, problems: Iterable[FieldProblem], more: int = 0) -> "ValidationError":
        """The error that lists these problems.

        Args:
            problems: All, or the first of them.
            more: How many there are besides.

        >>> str(ValidationError.of([FieldProblem("track.event", "is required")]))
        'track.event is required'
        """
        problems = list(problems)
        surplus = len(problems) - cls.MOST_FIELDS + more
        listed = [
            FieldProblem(_cut(p.path, cls.LONGEST_TEXT), _cut(p.message, cls.LONGEST_TEXT))
            for p in problems[: cls.MOST_FIELDS]
        ]
        message = "; ".join(f"{p.path} {p.message}" if p.path else p.message for p in listed)
        if surplus > 0:
            message += f"; and {surplus} more"
        return cls(message, fields=listed)

    @classmethod
    def at(cls, path: str, message: str) -> "ValidationError":
        """The error of one field."""
        return cls.of([FieldProblem(path, message)])


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class UnknownIntegration(DeliveryError):
    """No integration of that name is configured; the message lists those that are."""


class UnsupportedMethod(DeliveryError):
    """The provider has no such method; the message lists those that it has."""


class Unauthorized(DeliveryError):
    """The provider refused the credentials: 401 or 403."""


class Rejected(DeliveryError):
    """The provider refused the request for good."""


class RateLimited(DeliveryError):
    """The provider asked to slow down until the policy ran out."""

    retried = True


class Unavailable(DeliveryError):
    """The provider could not be reached, or not in time, until the policy ran out."""

    retried = True


class Internal(DeliveryError):
    """A bug of ours."""

    retried = True


DELIVERY_ERRORS: Mapping[str, type[DeliveryError]] = {
    error.wire_name(): error
    for error in (
        ValidationError,
        UnknownIntegration,
        UnsupportedMethod,
        Unauthorized,
        Rejected,
        RateLimited,
        Unavailable,
        Internal,
    )
}
"""The delivery errors by failure type, to raise in one language what another one recorded."""
