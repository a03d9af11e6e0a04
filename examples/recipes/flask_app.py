"""Flask: one client for all threads; the exit of the process delivers what is enqueued."""

from flask import Flask, Response, request

from durable_analytics import BufferingClient, QueueFull

app = Flask(__name__)
analytics = BufferingClient.from_env()


@app.post("/orders")
def create_order() -> Response:
    """Track an order. An order is more important than its event: a full queue is only logged."""
    order = request.get_json()
    try:
        analytics.track(
            user_id=order["user_id"],
            event="Order Completed",
            properties={"revenue": order["total"], "currency": "USD"},
            context={"ip": request.remote_addr, "user_agent": request.user_agent.string},
        )
    except QueueFull:
        app.logger.warning("an event was not recorded: Temporal is out of reach")
    return Response(status=201)
