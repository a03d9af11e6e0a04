"""Whether the namespace has our search attributes, which Validation records for its workflow."""

import logging
import time
from datetime import timedelta

from temporalio import activity
from temporalio.service import RPCError

from durable_analytics.errors import NotAccepted
from durable_analytics.temporal.search_attributes import find_missing

log = logging.getLogger("durable_analytics.validation")

_RPC_TIMEOUT = timedelta(seconds=1)
"""A Validation has 5 s; without an answer, nothing is set."""

_AGAIN_SECONDS = 60.0
"""How long missing attributes count as missing."""


class SearchAttributes:
    """Looks once for the search attributes, and again after a minute while some are missing."""

    def __init__(self) -> None:
        self._are_registered = False
        self._look_again_at = 0.0
        self._has_warned = False

    async def are_registered(self) -> bool:
        """Whether a workflow may set all of them."""
        if not self._are_registered and time.monotonic() >= self._look_again_at:
            self._look_again_at = time.monotonic() + _AGAIN_SECONDS
            self._are_registered = await self._look()
        return self._are_registered

    async def _look(self) -> bool:
        try:
            client = activity.client()
            reason = ", ".join(await find_missing(client, rpc_timeout=_RPC_TIMEOUT))
        except (NotAccepted, RPCError) as error:
            reason = error.message if isinstance(error, RPCError) else str(error)
        except RuntimeError:  # outside of a worker
            return False
        if reason and not self._has_warned:
            self._has_warned = True
            log.warning(
                "search attributes are not registered: `durable-analytics setup` registers them",
                extra={"reason": reason},
            )
        return not reason
