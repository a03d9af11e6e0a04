"""`python -m durable_analytics.testing`: runs the stand-in with every installed vendor."""

import argparse
import asyncio
import contextlib

from durable_analytics.testing._server import StandIn


async def serve(host: str, port: int) -> None:
    """Run the stand-in until the process ends."""
    async with StandIn(host=host, port=port) as standin:
        addresses = ", ".join(standin.base_url(name) for name in standin.vendors)
        print(f"provider stand-in: {addresses}", flush=True)  # noqa: T201  # for a person
        await asyncio.Event().wait()


def main() -> None:
    """Read the command line and run the stand-in."""
    parser = argparse.ArgumentParser(
        prog="python -m durable_analytics.testing",
        description="A stand-in server for the analytics providers.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
