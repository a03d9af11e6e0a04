"""Checks that every provider must pass."""

from durable_analytics.testing.conformance._batches import BatchChecks
from durable_analytics.testing.conformance._credentials import CredentialChecks
from durable_analytics.testing.conformance._fields import FieldChecks
from durable_analytics.testing.conformance._requests import RequestChecks
from durable_analytics.testing.conformance._responses import ResponseChecks
from durable_analytics.testing.conformance._standin import StandInChecks

__all__ = ["ProviderConformance"]


class ProviderConformance(
    RequestChecks, FieldChecks, CredentialChecks, ResponseChecks, BatchChecks, StandInChecks
):
    """A pytest class that checks a provider. pytest is only needed to run it.

    >>> class TestAcme(ProviderConformance):
    ...     provider = Acme(key="acme-test-key")

    Use long, made-up credentials: the checks search for them in requests. If the vendor differs
    from the others, set `samples`, `statuses` and `success`. Set `vendor` to check the vendor in
    the stand-in, too. If a check cannot apply to the vendor, set `test_… = None`, with a comment
    that says why.
    """
