"""Messages, and what Segment's own integrations send for them, by vendor and action.

Source: the actions of segmentio/action-destinations (November 2026), run with these messages and
their default mappings (`testAction` with `useDefaultMappings`); calls are requests of their tests.
docs/vendor-differences.md lists what differs on purpose: those parts are not in these tables.
"""
