"""One attempt to deliver the messages of a slice: one request, or more if some are refused."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from activities.attempt import Attempt
from activities.batch_sender import BatchSender
from activities.progress import Progress
from durable_analytics.delivery.batch_preparation import PreparedBatch, PreparedMessage
from durable_analytics.errors import DeliveryError, Unavailable
from durable_analytics.providers import HttpResponse


async def send_slice(
    prepared: PreparedBatch, attempt: Attempt, progress: Progress, sender: BatchSender
) -> HttpResponse | None:
    """Send the messages of a slice that are not settled, and settle them.

    If the provider refuses a request because of messages that it names, the others are sent again
    at once, without them. That is no other attempt. If the attempt has no time for it, and the
    policy allows no other one, `Batch.Send` leaves them open: they are then not settled.

    Returns:
        The last response; None if all messages were settled before.

    Raises:
        DeliveryError: The provider accepted nothing; or some messages must be sent again, and the
            policy allows it.
    """
    while messages := progress.unsettled(prepared.messages):
        request = prepared.request(messages, datetime.now(UTC))
        delivery_id = _delivery_id(prepared, messages[0])
        response = attempt.response = await sender.send(request, delivery_id, attempt.keep)
        failures = _classify(prepared, messages, response)
        if isinstance(failures, DeliveryError):
            # `Batch.Send` knows what is settled, and halves the rest if that is too large.
            if len(messages) == len(prepared.messages) or progress.open is not None:
                raise failures
            failures = dict.fromkeys(range(len(messages)), failures)
        retryable = _settle(messages, failures, progress)
        if retryable is None:
            return response
        is_split = _names_the_refused(prepared, messages, failures, attempt)
        if is_split and sender.has_time_for_another():
            attempt.report(retryable)
            attempt.begin_request()
            progress.beat()
        elif is_split and progress.open is not None and attempt.is_last(retryable):
            attempt.report(retryable)
            return response
        else:
            progress.retry_or_reject(messages, retryable, attempt)
            return response
    return None


def _names_the_refused(
    prepared: PreparedBatch,
    messages: Sequence[PreparedMessage],
    failures: Mapping[int, DeliveryError],
    attempt: Attempt,
) -> bool:
    """Whether the provider accepted nothing only because of messages that it refused for good.

    So each request without them has fewer messages than the one before.
    """
    response = attempt.response
    if response is None or attempt.requested_wait(response) or len(failures) < len(messages):
        return False
    whole = prepared.integration.provider.classify(response)
    if whole is None or whole.retried:
        return False
    others = [failure for failure in failures.values() if failure.retried]
    return len(others) < len(messages) and all(isinstance(one, Unavailable) for one in others)


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
    progress: Progress,
) -> DeliveryError | None:
    """Settle the messages that need no other request; return the first failure of the others."""
    retryable: DeliveryError | None = None
    for position, message in enumerate(messages):
        failure = failures.get(position)
        if failure is None:
            progress.accepted.add(message.index)
        elif failure.retried:
            retryable = retryable or failure
        else:
            progress.reject([message], failure)
    return retryable
