"""The goal of each ratio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit that a ratio must reach, or stay below."""

    bound: float
    less_is_better: bool = False
    aim: float | None = None
    """A better value than the limit, which is not required."""

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio keeps the limit."""
        return ratio <= self.bound if self.less_is_better else ratio >= self.bound

    def __str__(self) -> str:
        aim = "" if self.aim is None else f", aim {self.aim:g}"
        return f"{'≤' if self.less_is_better else '≥'} {self.bound:g}{aim}"


GOALS = {
    "batch_vs_before": Goal(2, aim=3),
    "cpu_per_message_vs_before": Goal(0.5, less_is_better=True),
    "batch_vs_segment_sdk": Goal(2, aim=4),
    "batch_vs_segment_sdk_across_network": Goal(4, aim=15),
    "enqueue_vs_segment_sdk": Goal(5),
    "actions_per_message": Goal(0.002, less_is_better=True),
    "batch_growth": Goal(0.9),
    "batch_peak_mib": Goal(1.5, less_is_better=True),
    "single_vs_bare_workflow": Goal(0.9),
    "single_latency_vs_bare": Goal(0.9),
    "gateway_sdk_vs_direct": Goal(0.5, aim=1),
    "gateway_lists": Goal(4),
    "gateway_vs_one_execution": Goal(30),
    "gateway_latency": Goal(15, less_is_better=True),
    "stored_bytes_batch": Goal(0.4, less_is_better=True),
    "stored_bytes_single": Goal(3, less_is_better=True),
}
