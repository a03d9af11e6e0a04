# The worker (the last target, so the default), the gateway (`--target gateway`), the codec server
# (`--target codec-server`), and the provider stand-in (`--target standin`).

# To pin it by digest, see docs/security.md.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin analytics
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app


FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build

# No pip inside: what is deployed installs nothing.
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock .
RUN pip --python /opt/venv/bin/python install --require-hashes --no-deps -r requirements.lock

# Cut out of the lock file, because older pips take no hashes from a constraints file.
COPY requirements-dev.lock .
RUN awk '/^[a-z]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/ } wanted' \
    requirements-dev.lock > hatchling.lock \
 && python -m venv --without-pip /opt/hatchling \
 && pip --python /opt/hatchling/bin/python install --require-hashes --no-deps -r hatchling.lock

COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/hatchling/bin/python -m hatchling build -t wheel -d dist \
 && pip --python /opt/venv/bin/python install --no-deps dist/*.whl

COPY activities /app/activities
COPY codec_server /app/codec_server
COPY gateway /app/gateway
COPY runtime /app/runtime
COPY worker /app/worker
COPY workflows /app/workflows
RUN /opt/venv/bin/python -m compileall -q /app


FROM build AS build-standin
RUN awk '/^[a-z]/ { wanted = /^(aio[a-z]*|attrs|frozenlist|multidict|propcache|yarl)==/ } wanted' \
    requirements-dev.lock > aiohttp.lock \
 && pip --python /opt/venv/bin/python install --require-hashes --no-deps -r aiohttp.lock


FROM base AS standin
COPY --from=build-standin /opt/venv /opt/venv
USER 10001:10001
EXPOSE 8090
# Python leaves SIGTERM to the system, and a container's first process then never gets it.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8090/requests')"]
CMD ["python", "-m", "durable_analytics.testing", "--host", "0.0.0.0"]


FROM base AS gateway
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/runtime runtime
COPY --from=build /app/gateway gateway
USER 10001:10001
ENV ANALYTICS_GATEWAY__HOST=0.0.0.0
EXPOSE 8088
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-m", "gateway.health"]
CMD ["python", "-m", "gateway"]


FROM base AS codec-server
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/runtime runtime
COPY --from=build /app/codec_server codec_server
USER 10001:10001
ENV ANALYTICS_CODEC_SERVER__HOST=0.0.0.0
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-m", "codec_server.health"]
CMD ["python", "-m", "codec_server"]


FROM base AS worker
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/activities activities
COPY --from=build /app/runtime runtime
COPY --from=build /app/worker worker
COPY --from=build /app/workflows workflows
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s \
    CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker"]
