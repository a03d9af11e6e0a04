"""The HTTP gateway: it accepts messages from SDKs and starts workflow executions for them."""
