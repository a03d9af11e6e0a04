"""Track in the request path of a service: calls return at once, and are sent in batches."""

from durable_analytics import BufferingClient, Outcome, ValidationError

executions: set[str | None] = set()


def note_execution(outcome: Outcome) -> None:
    """Note the execution of a message; called in the client's own thread."""
    executions.add(outcome.workflow_id)


def main() -> None:
    """Track a thousand events; Temporal is where `TEMPORAL_ADDRESS` says, or at localhost:7233."""
    with BufferingClient(integration="segment", context={"locale": "en-US"}) as analytics:
        for number in range(1000):
            analytics.track(
                user_id=f"u-{number % 10}",
                event="Order Completed",
                properties={"revenue": 19.99, "currency": "USD"},
                callback=note_execution,
            )
        print("enqueued 1000")
        try:
            analytics.track(user_id="u-1", event="")
        except ValidationError as error:
            print("refused:", error)
    print("Temporal has all of them, in fewer than 20 executions:", len(executions) < 20)


if __name__ == "__main__":
    main()
