"""What each ratio has to reach."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of a ratio."""

    bound: float
    less_is_better: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio keeps it."""
        return ratio <= self.bound if self.less_is_better else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.less_is_better else '≥'} {self.bound:g}"


GOALS = {
    "batch_vs_segment_sdk": Goal(4),
    "enqueue_vs_segment_sdk": Goal(5),
    "actions_per_message": Goal(0.02, less_is_better=True),
    "batch_growth": Goal(0.9),
    "batch_peak_mib": Goal(1.5, less_is_better=True),
    "single_vs_bare_workflow": Goal(0.9),
    "single_latency_vs_bare": Goal(0.85),
    "gateway_vs_one_execution": Goal(25),
    "stored_bytes_batch": Goal(0.5, less_is_better=True),
    "stored_bytes_single": Goal(3, less_is_better=True),
}
