"""The size limits of messages, batches and tasks."""

INPUT_LIMIT_BYTES = 1024 * 1024
"""The largest input. Temporal refuses payloads over 2 MiB, and an output also has a response."""

BATCH_LIMIT_BYTES = 2 * INPUT_LIMIT_BYTES - 128 * 1024
"""The largest input of a batch. With the plan it stays below Temporal's 2 MiB; an output does not
repeat the messages."""

FAN_OUT_LIMIT_BYTES = 2 * INPUT_LIMIT_BYTES
"""The largest input of a fan-out, multiplied by its integrations. Temporal refuses more than 4 MiB
of activities at once, and each has the input."""

PLANS_LIMIT_BYTES = INPUT_LIMIT_BYTES + INPUT_LIMIT_BYTES // 2
"""The largest plans of a fan-out together."""

MOST_INTEGRATIONS = 20
"""Integrations of one fan-out."""

MOST_MESSAGES = 5_000
"""Messages in one batch: an output can list this many if each of them is refused."""

PAYLOAD_LIMIT_BYTES = 4 * 1024 * 1024
"""The limit for one decompressed payload: larger ones are neither compressed nor decompressed.
Without compression Temporal accepts 2 MiB."""

TASK_LIMIT_BYTES = 16 * 1024 * 1024
"""The limit for all payloads together that are decompressed for one task of a worker or one
call."""

MESSAGE_MEMORY_BYTES = 64 * 1024 * 1024
"""The memory that one message may need in a worker while it is read, checked and sent: its Python
values and their copies. Measured: 31 MiB for the worst input of 1 MiB, small objects in a list."""

PREPARED_LIMIT_BYTES = 16 * 1024 * 1024
"""The limit for all messages of a batch together as they are sent to the provider."""
