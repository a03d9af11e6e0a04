"""What inputs and plans are refused with, where several tests expect it."""

PLAN_REFUSED = "plan must be what Validation returned, or null"
NOT_JSON = "the input is not valid JSON"
NOT_UTF_8 = f"{NOT_JSON}: it must be UTF-8 without a byte-order mark, but"
