"""The options of a benchmark: of the client, of the workers, and how much is measured."""

from dataclasses import dataclass

BUFFERING = {
    "flush_at": 1_000,
    "max_batch_messages": 5_000,
    "max_batch_bytes": 1_900_000,
    "max_flushes": 1,
}
"""Arguments of the buffering client; its queue is always large enough for all messages."""

BUFFERING_BEFORE = {
    "flush_at": 1_000,
    "max_batch_messages": 1_000,
    "max_batch_bytes": 475_000,
    "max_flushes": 1,
}
"""Arguments of the buffering client at the commit before: the fastest ones for it."""

BEFORE = "a218650"
"""The last commit before batches were made faster and the gateway combined lists."""

WORKER: dict[str, str] = {}
"""More settings of `python -m worker`, as environment variables; also of the baseline's worker."""

PROVIDER_SECONDS = 0.02
"""How long the stand-in takes to respond in the comparison across a network. It is the time of a
provider in the same region; most providers are further away. In all other comparisons the stand-in
responds at once."""

EXECUTIONS_IN_FLIGHT = 20
"""How many single executions a caller runs at once."""

GATEWAY_CONNECTIONS = 256
"""Connections to the gateway; each sends its next request after the response to the last one."""

LIST_SENDERS = 64
"""Connections that send lists to the gateway."""

LIST_MESSAGES = 15
"""Messages in a list, as Segment's SDK for Node sends it by default."""

SDK_PROCESSES = 4
"""Processes of Segment's SDK for Python that send to the gateway at once."""

SDK_UPLOAD_MESSAGES = 100
"""How many messages Segment's SDK puts into a request by default."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    before: str | None
    """The commit before; None compares this tree with itself, without an installation."""

    seconds: float
    """How long all comparisons may take together."""

    measure_seconds: float
    """How long one comparison may take, with the installation of a commit."""

    rounds: int
    """Rounds of each contender."""

    single_rounds: int
    """Rounds of single executions: more of them, since their ratios are close to the goal."""

    messages: int
    """Messages in a round of batches; a multiple of the SDK's upload size, or the SDK waits."""

    calls: int
    """Calls in a round that measures calls."""

    executions: int
    """Executions in a round of single executions."""

    latencies: int
    """Executions, or requests, in a round where they run one at a time."""

    requests: int
    """Requests in a round of the gateway."""

    baseline_requests: int
    """Requests in a round of the gateway that starts one execution for each."""

    gateway_rounds: int
    """Rounds of Segment's SDK and of lists at the gateway."""

    sdk_messages: int
    """Messages of one process that sends to the gateway by Segment's SDK."""

    lists: int
    """Lists in a round of the gateway."""

    baseline_lists: int
    """Lists in a round of the gateway before lists were combined."""

    growth_rounds: int
    """Rounds of the comparison of few messages with many."""

    growth: tuple[int, int]
    """The two numbers of messages that are compared: few, many."""

    standin_messages: int
    """Messages in a round that measures the stand-in."""

    stored: int
    """Single executions whose histories are measured."""

    stored_messages: int
    """Messages in batches whose histories are measured."""


FULL = Sizes(
    before=BEFORE,
    seconds=1_750,
    measure_seconds=480,
    rounds=5,
    single_rounds=9,
    messages=50_000,
    calls=50_000,
    executions=200,
    latencies=50,
    requests=20_000,
    baseline_requests=512,
    growth_rounds=3,
    gateway_rounds=3,
    sdk_messages=5_000,
    lists=2_000,
    baseline_lists=320,
    growth=(20_000, 1_000_000),
    standin_messages=1_000_000,
    stored=5,
    stored_messages=20_000,
)
SMOKE = Sizes(
    before=None,
    seconds=600,
    measure_seconds=120,
    rounds=1,
    single_rounds=1,
    messages=1_000,
    calls=1_000,
    executions=10,
    latencies=3,
    requests=512,
    baseline_requests=20,
    growth_rounds=1,
    gateway_rounds=1,
    sdk_messages=500,
    lists=64,
    baseline_lists=64,
    growth=(1_000, 2_000),
    standin_messages=2_000,
    stored=1,
    stored_messages=1_000,
)
