"""Vendors come in by entry points, ours and those of other distributions."""

from collections.abc import Callable, Iterator
from pathlib import Path
from sys import modules

import httpx
import pytest

from durable_analytics.providers import provider_names
from durable_analytics.testing import GROUP, VENDORS, StandIn

ACME = """
from durable_analytics.testing import Reply, Vendor
from durable_analytics.testing.authentication import header
from durable_analytics.testing.messages import in_body

VENDOR = Vendor(
    title="Acme",
    credentials={"key": "acme-key"},
    authorizes=header("x-acme-key", "key"),
    refuses=Reply(401, {"error": "no key"}),
    answers=lambda request: Reply(202, {"queued": True}),
    messages=in_body("id"),
    url_settings=("base_url", "other_url"),
    secret_headers=("x-acme-key",),
)
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with a module `acme_standin` and an entry point `acme`."""

    def write(target: str) -> None:
        (tmp_path / "acme_standin.py").write_text(ACME)
        metadata = tmp_path / "acme_standin-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {target}\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield write
    modules.pop("acme_standin", None)


def test_every_provider_has_a_vendor() -> None:
    assert list(VENDORS) == provider_names()
    assert len(VENDORS) == len(provider_names())


def test_an_unknown_vendor() -> None:
    assert "nobody" not in VENDORS
    with pytest.raises(KeyError):
        VENDORS["nobody"]


async def test_a_third_partys_vendor_is_served(install: Install) -> None:
    """With its own credentials, messages and responses, and its credentials masked."""
    install("acme_standin:VENDOR")

    assert "acme" in VENDORS
    async with StandIn() as standin, httpx.AsyncClient(trust_env=False) as http:
        url = standin.base_url("acme")
        settings = standin.vendors["acme"].integration_settings(url)
        headers = {"X-Acme-Key": settings["key"]}
        response = await http.post(f"{url}/events", json={"id": "m-1"}, headers=headers)
        refused = await http.post(f"{url}/events", json={}, headers={"X-Acme-Key": "wrong"})
    assert (response.status_code, response.json()) == (202, {"queued": True})
    assert (refused.status_code, refused.json()) == (401, {"error": "no key"})
    assert standin.accepted["acme"] == [("m-1", {"id": "m-1"})]
    assert [row["headers"]["x-acme-key"] for row in standin.requests] == ["****", "****"]
    assert settings == {"base_url": url, "other_url": url, "key": "acme-key"}


def test_an_entry_point_must_name_a_vendor(install: Install) -> None:
    install("acme_standin:Vendor")
    error = f"the entry point acme of {GROUP} is not a Vendor"

    with pytest.raises(TypeError, match=error):
        VENDORS["acme"]
