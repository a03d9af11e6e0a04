"""The report of a run: its figures, whether they keep the budget, and a row of a table."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos.faults import Happened
from tests.chaos.ledger import UNEXPLAINED, Ledger

MOST_DUPLICATED_SHARE = 0.01
MOST_RECOVERY_SECONDS = 30.0
_MOST_NAMED = 20

HEADER = (
    "| seed | seconds | accepted | delivered | visibly failed | lost | delivered twice "
    "| recovered after |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)

Figures = dict[str, Any]


def figures(
    ledger: Ledger,
    happened: Sequence[Happened],
    *,
    seed: int,
    seconds: float,
    healed: float,
    report: Mapping[str, int] | None = None,
) -> Figures:
    """Return the figures of a run.

    Args:
        ledger: What was accepted and found.
        happened: The faults.
        seed: The seed.
        seconds: How long the load lasted.
        healed: When all faults had ended, in seconds since the epoch.
        report: The messages that `durable-analytics report` counts.
    """
    lost, duplicated = ledger.lost, ledger.duplicated
    delivered = [one for one in ledger.accepted_at if one in ledger.delivered_at]
    reasons = Counter(ledger.reason(message_id, happened) for message_id in duplicated)
    start = min(ledger.sent_at.values(), default=healed)
    return {
        "seed": seed,
        "seconds": seconds,
        "sent": len(ledger.sent_at),
        "accepted": len(ledger.accepted_at),
        "delivered": len(delivered),
        "failed": len(ledger.failed),
        "lost": len(lost),
        "lost_ids": lost[:_MOST_NAMED],
        "duplicated": len(duplicated),
        "duplicated_share": round(len(duplicated) / max(len(delivered), 1), 5),
        "duplicated_because_of": dict(reasons.most_common()),
        "recovery_seconds": round(ledger.recovery_seconds(healed), 1),
        "report": dict(report or {}),
        "not_accepted": len(ledger.sent_at) - len(ledger.accepted_at),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "faults": [
            {
                "kind": one.fault.kind,
                "target": one.fault.target + 1,
                "planned_at": one.fault.at,
                "began": round(one.began - start, 1),
                "ended": round(one.ended - start, 1),
            }
            for one in happened
        ],
    }


def problems(run: Figures, *, recovery_seconds: float = MOST_RECOVERY_SECONDS) -> list[str]:
    """Return how a run breaks the budget; empty if it keeps it.

    Args:
        run: The figures.
        recovery_seconds: The longest recovery; more for a machine that is busy.
    """
    found = []
    if not run["delivered"]:
        found.append("nothing was delivered")
    if run["lost"]:
        found.append(f"{run['lost']} accepted messages are lost: {', '.join(run['lost_ids'])}")
    if run["duplicated_share"] >= MOST_DUPLICATED_SHARE:
        found.append(f"{run['duplicated']} messages were delivered more than once")
    if unexplained := run["duplicated_because_of"].get(UNEXPLAINED):
        found.append(f"{unexplained} messages were delivered more than once without a fault")
    if run["recovery_seconds"] > recovery_seconds:
        found.append(f"the recovery took {run['recovery_seconds']} s")
    return [*found, *_report_problems(run)]


def _report_problems(run: Figures) -> list[str]:
    """Return how the report contradicts itself or the ledger.

    A message whose call failed may be stored too, even twice.
    """
    report = run["report"]
    if not report:
        return []
    found = []
    ended = sum(count for name, count in report.items() if name != "received")
    if ended != report["received"]:
        found.append(f"the report's {report['received']} received messages ended as {ended}")
    if report["received"] < run["accepted"]:
        found.append(
            f"the report counts {report['received']} of {run['accepted']} accepted messages"
        )
    return found


def row(run: Figures) -> str:
    """Return the run as a row below `HEADER`."""
    share = f"{run['duplicated']} ({run['duplicated_share']:.2%})"
    cells = [
        *(run["seed"], f"{run['seconds']:g}", f"{run['accepted']:,}", f"{run['delivered']:,}"),
        *(f"{run['failed']:,}", run["lost"], share, f"{run['recovery_seconds']} s"),
    ]
    return f"| {' | '.join(map(str, cells))} |"
