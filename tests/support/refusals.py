"""What inputs and plans are refused with, where several tests expect it."""

PLAN_REFUSED = "plan must be what Validation returned, or null"
NOT_JSON = "the input is not valid JSON"
