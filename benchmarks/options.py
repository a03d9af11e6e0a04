"""Everything that can be tuned, in one place: the client, the workers, and how much is measured."""

from dataclasses import dataclass

BUFFERING = {
    "flush_at": 1_000,
    "max_batch_messages": 1_000,
    "max_batch_bytes": 475_000,
    "max_flushes": 1,
}
"""Arguments of the buffering client; its queue always takes all."""

WORKER: dict[str, str] = {}
"""More settings of `python -m worker`, as environment variables; the bare worker has them too."""

BATCH_WORKER = {"ANALYTICS_WORKER__PROCESSES": "1"}
"""The same, for the batches alone."""

PROVIDER_SECONDS = 0.02
"""Until a provider's answer, where one across a network is measured: in the same region it takes as
long, and most providers are further away. Everywhere else the stand-in answers at once."""

EXECUTIONS_IN_FLIGHT = 20
"""Single executions that a caller has going at once."""

GATEWAY_CONNECTIONS = 256
"""Over which requests of one message come in, each after the answer to the one before."""

SDK_UPLOAD_MESSAGES = 100
"""Messages in a request of the SDK, by its defaults."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    rounds: int
    """Of both sides each, alternating."""

    single_rounds: int
    """The same for single executions: more of them, since they are the closest."""

    messages: int
    """In a round of the batches; a multiple of the SDK's upload, or it waits for more."""

    calls: int
    """In a round of the enqueueing."""

    executions: int
    """In a round of the single executions."""

    latencies: int
    """Executions in a round of those that go one at a time."""

    requests: int
    """In a round of the gateway."""

    bare_requests: int
    """In a round of the gateway that gathers nothing."""

    growth_rounds: int
    growth: tuple[int, int]
    """Messages, few and many, that the same rate is expected of."""

    alone: int
    """Messages that the stand-in gets when it is measured by itself."""

    stored: int
    """Executions whose histories are weighed."""


FULL = Sizes(
    rounds=5,
    single_rounds=9,
    messages=50_000,
    calls=50_000,
    executions=200,
    latencies=50,
    requests=20_000,
    bare_requests=512,
    growth_rounds=3,
    growth=(20_000, 200_000),
    alone=1_000_000,
    stored=5,
)
SMOKE = Sizes(
    rounds=1,
    single_rounds=1,
    messages=1_000,
    calls=1_000,
    executions=10,
    latencies=3,
    requests=512,
    bare_requests=20,
    growth_rounds=1,
    growth=(1_000, 2_000),
    alone=2_000,
    stored=1,
)
