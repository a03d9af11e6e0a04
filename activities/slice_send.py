"""One attempt to deliver the messages of a slice in one request."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from activities.attempt import Attempt
from activities.batch_sender import BatchSender
from activities.progress import Progress
from durable_analytics.delivery.batch_preparation import PreparedBatch, PreparedMessage
from durable_analytics.errors import DeliveryError
from durable_analytics.providers import HttpResponse


async def send_slice(
    prepared: PreparedBatch, attempt: Attempt, progress: Progress, sender: BatchSender
) -> HttpResponse | None:
    """Send the messages of a slice that are not settled, and settle them.

    Returns:
        The response; None if all messages were settled before.

    Raises:
        DeliveryError: The provider accepted nothing; or some messages must be sent again, and the
            policy allows it.
    """
    messages = progress.unsettled(prepared.messages)
    if not messages:
        return None
    request = prepared.request(messages, datetime.now(UTC))
    response = attempt.response = await sender.send(request, _delivery_id(prepared, messages[0]))
    failures = _classify(prepared, messages, response)
    if isinstance(failures, DeliveryError):
        if len(messages) == len(prepared.messages):
            raise failures
        failures = dict.fromkeys(range(len(messages)), failures)
    _settle(messages, failures, attempt, progress)
    return response


def _delivery_id(prepared: PreparedBatch, first: PreparedMessage) -> str:
    if first.item is None:
        return first.message_id or ""
    return f"{prepared.defaults.batch_id}:{first.index}"


def _classify(
    prepared: PreparedBatch, messages: Sequence[PreparedMessage], response: HttpResponse
) -> DeliveryError | Mapping[int, DeliveryError]:
    """Return the failure of all messages, or of each that was not accepted, by its position."""
    provider = prepared.integration.provider
    if messages[0].item is None:
        return provider.classify(response) or {}
    return provider.classify_batch(response, len(messages))


def _settle(
    messages: Sequence[PreparedMessage],
    failures: Mapping[int, DeliveryError],
    attempt: Attempt,
    progress: Progress,
) -> None:
    retryable: DeliveryError | None = None
    for position, message in enumerate(messages):
        failure = failures.get(position)
        if failure is None:
            progress.accepted.add(message.index)
        elif failure.retried:
            retryable = retryable or failure
        else:
            progress.reject([message], failure)
    if retryable:
        progress.retry_or_reject(messages, retryable, attempt)
