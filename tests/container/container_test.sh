#!/usr/bin/env bash
# `make container-test`: builds and starts the containers, delivers a message through them and one
# through the gateway, and ends worker and gateway. It needs docker and Compose (either one), and uses the engine that DOCKER_HOST names.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A project of its own and any free ports, so that nothing else on this machine is in the way.
export COMPOSE_PROJECT_NAME=durable-analytics-test
export LOCAL_TEMPORAL_PORT=0 LOCAL_UI_PORT=0 LOCAL_STANDIN_PORT=0 LOCAL_GATEWAY_PORT=0
healthy_within_seconds=120

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi

fail() {
  echo "container-test: FAILED: $1" >&2
  "${compose[@]}" logs --tail=50 >&2
  exit 1
}

state() {
  docker inspect --format "{{.State.$2}}" "$1"
}

trap '"${compose[@]}" down --volumes --remove-orphans --timeout 5' EXIT
"${compose[@]}" up --detach --build || fail "the containers did not start"
worker=$("${compose[@]}" ps --quiet worker)
gateway=$("${compose[@]}" ps --quiet gateway)

SECONDS=0
for container in "$worker" "$gateway"; do
  until [[ $(state "$container" Health.Status) == healthy ]]; do
    ((SECONDS < healthy_within_seconds)) || fail "not healthy: $(state "$container" Health)"
    sleep 1
  done
done

"${compose[@]}" exec -T temporal temporal workflow execute --type Track --task-queue analytics \
  --input '{"integration":"segment","track":{"user_id":"u-1","event":"Signed Up"}}' ||
  fail "the delivery failed"

answer=$("${compose[@]}" exec -T gateway python -c '
import urllib.request
body = b"{\"userId\": \"u-1\", \"event\": \"Hi\", \"writeKey\": \"segment\"}"
print(urllib.request.urlopen("http://127.0.0.1:8088/v1/track", body).read().decode())')
[[ $answer == '{"success":true}' ]] || fail "the gateway answered: $answer"

SECONDS=0
until received=$("${compose[@]}" exec -T standin python -c '
import json, urllib.request
rows = json.load(urllib.request.urlopen("http://127.0.0.1:8090/requests"))
print(*(row[key] for row in rows for key in ("integration", "method", "path", "answered")))') &&
  [[ $received == "segment POST /v1/track 200 segment POST /v1/batch 200" ]]; do
  ((SECONDS < 10)) || fail "the stand-in received: $received"
  sleep 1
done

# SIGTERM, and SIGKILL after the grace, which would be status 137.
"${compose[@]}" stop gateway worker
for container in "$gateway" "$worker"; do
  [[ $(state "$container" ExitCode) == 0 ]] || fail "it ended with $(state "$container" ExitCode)"
done

echo "container-test: OK: two messages delivered, and worker and gateway ended by themselves"
