"""RudderStack in the stand-in: it accepts the requests of the SDKs of Segment."""

from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.messages import in_body
from durable_analytics.testing.vendors.segment import WRITE_KEY

VENDOR = Vendor(
    title="RudderStack",
    credentials={"write_key": "rudderstack-write-key"},
    authorizes=WRITE_KEY,
    refuses=Reply(401, "Invalid Write Key"),
    answers=lambda _: Reply(200, "OK"),
    messages=in_body("messageId", items="batch"),
)
