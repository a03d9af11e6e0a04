"""The process of the codec server: it serves until SIGTERM or SIGINT."""

import logging

import uvicorn

from codec_server.app import create_app
from codec_server.settings import Settings
from runtime.http_server import listen, serve

log = logging.getLogger("durable_analytics.codec_server")


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: The codec server cannot listen on the configured address.
    """
    own = settings.codec_server
    listener = listen(own.host, own.port, "codec_server")
    config = uvicorn.Config(
        create_app(settings),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    keys = [key.id for key in settings.payload_keys]
    log.info("codec server started", extra={"port": own.port, "keys": keys})
    await serve(config, listener)
    log.info("codec server stopped")
