"""The stand-in takes whatever arrives, and shows it as it came."""

from collections.abc import AsyncIterator

import httpx
import pytest

from durable_analytics.testing import StandIn


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the stand-in's root."""
    root = standin.base_url("trophy").removesuffix("/trophy")
    async with httpx.AsyncClient(base_url=root, headers={"X-API-KEY": "trophy-api-key"}) as client:
        yield client


async def test_shows_path_and_query_as_they_came(http: httpx.AsyncClient, standin: StandIn) -> None:
    """A quoted slash is no step; a repeated name has a list; a credential is masked."""
    await http.get("/trophy/users/a%2Fb?tag=a&tag=b&key=trophy-api-key&page=")

    (request,) = standin.requests
    assert request["path"] == "/users/a%2Fb"
    assert request["query"] == {"tag": ["a", "b"], "key": "****", "page": ""}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b'{"user": 1}', b'["user"]', b""])
async def test_answers_any_body(http: httpx.AsyncClient, content: bytes) -> None:
    """A body that Trophy could not read is no reason to fall over."""
    answer = await http.post("/trophy/metrics/words/event", content=content)

    assert answer.status_code == 201


@pytest.mark.parametrize("answers", [["500"], [500], "500", {"status": 500}])
async def test_an_answer_of_a_script_is_an_object(http: httpx.AsyncClient, answers: object) -> None:
    """Anything else is told at once, not at the next request."""
    script = {"integration": "trophy", "answers": answers}

    assert (await http.post("/script", json=script)).status_code == 400
    assert (await http.post("/trophy/metrics/words/event", json={})).status_code == 201
