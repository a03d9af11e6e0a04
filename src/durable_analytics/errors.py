"""All exceptions of this package, in one tree.

AnalyticsError
├── SettingsError            the settings are missing or wrong, so the process does not start
├── NotAccepted              Temporal could not be reached or refused the start: nothing is stored
├── Interrupted              an execution was cancelled, terminated or timed out from outside
├── UnreadablePayload        a payload in Temporal is encrypted with a key that is not there
├── QueueFull                the queue of the buffering client is full: the message is not enqueued
├── ClientClosed             the buffering client is closed: the message is not enqueued
└── DeliveryError            an execution failed; `output` is the output in its failure
    ├── ValidationError      the input breaks the contract or a limit; nothing was sent
    ├── UnknownIntegration   the integration is not configured; nothing was sent
    ├── UnsupportedMethod    the provider does not support the method; nothing was sent
    ├── Unauthorized         401 or 403
    ├── Rejected             any other final status, or a 2xx whose body reports a failure
    ├── RateLimited          429 until the limits of the policy were reached
    ├── Unavailable          408, 425, 5xx, a timeout or no connection, until those limits
    ├── TransformationError  the transform of the integration failed; nothing was sent
    └── Internal             anything else: a bug in this project

The class name of a delivery error is its failure type in Temporal, in all languages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class AnalyticsError(Exception):
    """The base class of all exceptions of this package."""


class SettingsError(AnalyticsError):
    """The settings are missing or wrong.

    Args:
        problems: One line for each problem: the setting, what is wrong, and how to set it, without
            secrets.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class NotAccepted(AnalyticsError):
    """Temporal could not be reached or refused the start: the message is *not* stored."""


class Interrupted(AnalyticsError):
    """The execution was cancelled, terminated or timed out by somebody else than its delivery."""


class UnreadablePayload(AnalyticsError):
    """A payload in Temporal is encrypted with a key that is missing or differs; it names the id."""


class QueueFull(AnalyticsError):
    """The buffering client has `max_queue_size` messages: this message was *not* enqueued."""


class ClientClosed(AnalyticsError):
    """The buffering client is closed: the message was *not* enqueued."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A problem with one field."""

    path: str
    """The path of the field, like `track.event` or `messages.3.event`."""

    message: str
    """The rest of a sentence that begins with the path, like "is required"."""

    def below(self, path: str) -> "FieldProblem":
        """Return the problem with this path before its own path."""
        return FieldProblem(f"{path}.{self.path}" if self.path else path, self.message)


class DeliveryError(AnalyticsError):
    """An execution failed.

    Args:
        message: One sentence. It may name fields and integrations, but contains no other values of
            fields and no credentials.
        fields: The invalid fields, for a `ValidationError`.
        output: The output of the contract, with `"status": "failure"`, if the execution has one.
    """

    retried: ClassVar[bool] = False
    """Whether another attempt follows, until the limits of the policy are reached."""

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
        """Return the failure type in Temporal."""
        return cls.__name__

    def as_json(self) -> dict[str, Any]:
        """Return the `error` object of the contract."""
        return {
            "type": self.wire_name(),
            "message": self.message,
            "fields": [{"path": f.path, "message": f.message} for f in self.fields],
        }


class ValidationError(DeliveryError):
    """The input breaks the contract or a limit of the provider; nothing was sent."""

    MOST_FIELDS: ClassVar[int] = 20
    """The number of problems that are listed; further ones are only counted, so that the failure
    stays small."""

    LONGEST_TEXT: ClassVar[int] = 200
    """The largest number of characters of a path, which may contain the caller's keys, and of a
    problem."""

    more: int = 0
    """The number of problems that are not in `fields`."""

    @classmethod
    def of(cls, problems: Iterable[FieldProblem], more: int = 0) -> "ValidationError":
        """Return the error for these problems.

        Args:
            problems: All problems, or the first of them.
            more: The number of further problems.

        >>> str(ValidationError.of([FieldProblem("track.event", "is required")]))
        'track.event is required'
        """
        problems = list(problems)
        surplus = max(len(problems) - cls.MOST_FIELDS, 0) + more
        listed = [
            FieldProblem(shorten(p.path), shorten(p.message)) for p in problems[: cls.MOST_FIELDS]
        ]
        message = "; ".join(f"{p.path} {p.message}" if p.path else p.message for p in listed)
        if surplus:
            message += f"; and {surplus} more"
        error = cls(message, fields=listed)
        error.more = surplus
        return error

    @classmethod
    def at(cls, path: str, message: str) -> "ValidationError":
        """Return the error for one field."""
        return cls.of([FieldProblem(path, message)])

    def below(self, path: str) -> "ValidationError":
        """Return the error with this path before the paths of its fields."""
        return ValidationError.of((problem.below(path) for problem in self.fields), self.more)


def shorten(text: str, longest: int = ValidationError.LONGEST_TEXT) -> str:
    """Return a caller's text as errors and lists show it: cut if it is long.

    >>> shorten("integration", 6)
    'integ…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class UnknownIntegration(DeliveryError):
    """The integration is not configured; the message names it and lists those configured."""


class UnsupportedMethod(DeliveryError):
    """The provider does not support the method; the message lists the supported methods."""


class Unauthorized(DeliveryError):
    """The provider refused the credentials: 401 or 403."""


class Rejected(DeliveryError):
    """The provider refused the request permanently."""


class RateLimited(DeliveryError):
    """The provider limited the rate of requests until the limits of the policy were reached."""

    retried = True


class Unavailable(DeliveryError):
    """The provider was not available until the limits of the policy were reached."""

    retried = True


class TransformationError(DeliveryError):
    """The transform of the integration failed; nothing was sent."""


class Internal(DeliveryError):
    """A bug in this project."""

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
        TransformationError,
        Internal,
    )
}
"""The delivery errors by failure type, to raise the exception for a recorded failure."""
