"""Generated values for the property tests: any value, JSON, and plausible fields of messages."""

from datetime import datetime

from hypothesis import strategies as st

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.dates()
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
"""Whatever a Python caller may pass, JSON or not."""

parsed_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
"""What JSON parsers may return, NaN and halves of surrogate pairs included."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)

plausible = {
    "message_id": st.text(min_size=1, max_size=99),
    "timestamp": st.datetimes().map(datetime.isoformat),
    "integrations": st.none() | st.dictionaries(st.text(max_size=5), st.booleans(), max_size=2),
    "channel": st.text(max_size=5),
    "company_id": st.text(max_size=5),
    "category": st.text(max_size=5),
    "idempotency_key": st.text(min_size=1, max_size=5),
    "user_id": st.text(min_size=1, max_size=10),
    "anonymous_id": st.text(max_size=5) | st.none(),
    "event": st.text(min_size=1, max_size=10),
    "name": st.text(min_size=1, max_size=10),
    "group_id": st.text(min_size=1, max_size=10),
    "previous_user_id": st.text(min_size=1, max_size=10),
    "new_user_id": st.text(min_size=1, max_size=10)
    | st.lists(st.text(min_size=1), min_size=1, max_size=2),
    "key": st.text(min_size=1, max_size=10),
    "user": st.fixed_dictionaries({"id": st.text(min_size=1, max_size=5)}),
    "value": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "method": st.sampled_from(["GET", "POST"]),
    "path": st.text(min_size=1, max_size=10),
    "traits": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    "properties": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    "attributes": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    "query": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    "body": json_values,
}
