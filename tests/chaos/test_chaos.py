"""The parts of a chaos run, and one short run with a fixed seed."""

from pathlib import Path

import pytest

from tests.chaos.faults import ANSWERS, Happened
from tests.chaos.ledger import UNEXPLAINED, Ledger
from tests.chaos.report import figures, problems
from tests.chaos.run import run
from tests.chaos.schedule import DUPLICATING, KINDS, VISIBLE, Fault, plan

SEED, SECONDS = 3, 30.0
BUSY_RECOVERY_SECONDS = 150.0
"""The budget is 30 s; a machine that runs other tests may need more."""

BUSY_DUPLICATED_SHARE = 0.2
"""In a short run, one fault concerns a large share of all messages, and activities of a server that
is short of CPU time out."""


def happened(kind: str, began: float, ended: float) -> Happened:
    """A fault at these times."""
    return Happened(Fault(began, kind, ended - began, 0), began, ended)


def test_the_schedule_follows_from_the_seed() -> None:
    assert plan(1, 120) == plan(1, 120)
    assert plan(1, 120) != plan(2, 120)


def test_a_long_run_has_every_kind_of_fault_within_its_time() -> None:
    faults = plan(1, 120)

    assert {fault.kind for fault in faults} == set(KINDS)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(0 < fault.at < 120 for fault in faults)
    assert not DUPLICATING & VISIBLE
    assert ANSWERS.keys() <= set(KINDS)


def test_a_run_has_as_many_faults_as_wanted() -> None:
    faults = plan(1, 60, 50)

    assert len(faults) == 50
    assert all(0 < fault.at < 60 for fault in faults)


def test_an_accepted_message_that_is_nowhere_is_lost() -> None:
    """One that was refused at the call is not, nor one that visibly failed."""
    ledger = Ledger()
    ledger.sent(["arrived", "failed", "nowhere", "refused"])
    ledger.accepted(["arrived", "failed", "nowhere"])
    ledger.delivered_at["arrived"] = [10.0]
    ledger.failed_at["failed"] = 12.0
    run = figures(ledger, [], seed=1, seconds=1, healed=5.0)

    assert (run["accepted"], run["delivered"], run["failed"], run["lost"]) == (3, 1, 1, 1)
    assert (run["lost_ids"], run["not_accepted"]) == (["nowhere"], 1)
    assert run["recovery_seconds"] == pytest.approx(7.0)
    assert problems(run) == ["1 accepted messages are lost: nowhere"]


def test_a_repeat_is_explained_by_the_nearest_fault_that_can_repeat() -> None:
    """A 500 tells that the provider has not taken the message."""
    ledger = Ledger(sent_at={"m": 10.0}, delivered_at={"m": [11.0, 20.0]})
    faults = [
        happened("kill worker", 1.0, 2.0),
        happened("provider 500", 11.0, 12.0),
        happened("cut temporal", 12.0, 14.0),
        happened("kill server", 18.0, 19.0),
    ]

    assert ledger.reason("m", faults) == "cut temporal"
    assert ledger.reason("m", faults[:2]) == UNEXPLAINED


def test_repeats_without_a_fault_break_the_budget() -> None:
    ledger = Ledger(sent_at={"m": 10.0}, delivered_at={"m": [11.0, 12.0]})
    ledger.accepted(["m"])
    found = problems(figures(ledger, [], seed=1, seconds=1, healed=5.0))

    assert found == [
        "1 messages were delivered more than once",
        "1 messages were delivered more than once without a fault",
    ]


def test_a_report_that_contradicts_itself_or_the_ledger_is_a_problem() -> None:
    """It may count more than was accepted: a call that failed may have been stored."""
    ledger = Ledger()
    ledger.sent(["a", "b"])
    ledger.accepted(["a", "b"])
    ledger.delivered_at = {"a": [10.0], "b": [10.0]}

    def found(**report: int) -> list[str]:
        return problems(figures(ledger, [], seed=1, seconds=1, healed=5.0, report=report))

    assert found(received=3, waiting=1, delivered=2, failed=0) == []
    assert found(received=3, waiting=0, delivered=2, failed=0) == [
        "the report's 3 received messages ended as 2"
    ]
    assert found(received=1, waiting=0, delivered=1, failed=0) == [
        "the report counts 1 of 2 accepted messages"
    ]


@pytest.mark.slow
async def test_no_accepted_message_is_lost(tmp_path: Path) -> None:
    """Half a minute: the server, a gateway and a worker are killed, the provider answers badly."""
    found = await run(SEED, SECONDS, tmp_path, print)

    assert found["accepted"] > SECONDS * 100
    assert found["lost_ids"] == []
    assert found["delivered"] + found["failed"] == found["accepted"]
    report = found["report"]
    assert report["received"] == sum(report.values()) - report["received"]
    assert report["received"] >= found["accepted"]
    assert found["duplicated_share"] < BUSY_DUPLICATED_SHARE
    assert found["recovery_seconds"] < BUSY_RECOVERY_SECONDS
