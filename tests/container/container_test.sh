#!/usr/bin/env bash
# `make container-test`: builds and starts the containers, delivers a message through them and one
# through the gateway, rolls another version of the worker out and back while messages wait, ends worker
# and gateway, and looks for planted credentials in the layers of the images. It needs docker and
# Compose (either one), and uses the engine that DOCKER_HOST names.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A project of its own and any free ports, so that nothing else on this machine is in the way.
export COMPOSE_PROJECT_NAME=durable-analytics-test
export LOCAL_TEMPORAL_PORT=0 LOCAL_UI_PORT=0 LOCAL_STANDIN_PORT=0 LOCAL_GATEWAY_PORT=0
export TEMPORAL_DEPLOYMENT_NAME=analytics TEMPORAL_WORKER_BUILD_ID=v1
healthy_within_seconds=120
other_version=$COMPOSE_PROJECT_NAME-worker-v2

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi

fail() {
  echo "container-test: FAILED: $1" >&2
  "${compose[@]}" logs --tail=50 >&2
  exit 1
}

state() {
  docker inspect --format "{{.State.$2}}" "$1"
}

# A copy with credentials where an operator puts them: none may get into an image.
planted=$(head -c 32 /dev/urandom | base64)
folder=$(mktemp -d)
mkdir "$folder/project" "$folder/images"
tar --exclude=./.git --exclude=./.venv --exclude=./.temporal --create . | tar --extract --directory "$folder/project"
cd "$folder/project"
mkdir -p secrets
echo "ANALYTICS_ENCRYPTION_KEYS=k1:$planted" >.env
echo "$planted" >secrets/ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY
printf '[integrations.segment]\nwrite_key = "%s"\n' "$planted" >analytics.toml

clean_up() {
  docker rm --force "$other_version" >/dev/null 2>&1 || true
  "${compose[@]}" down --volumes --remove-orphans --timeout 5
  rm -rf "$folder"
}
trap clean_up EXIT

make_current() {
  SECONDS=0
  # Refused until the version polls all task queues.
  until "${compose[@]}" exec -T temporal temporal worker deployment set-current-version \
    --deployment-name analytics --build-id "$1" --yes >/dev/null 2>&1; do
    ((SECONDS < healthy_within_seconds)) || fail "the version $1 did not become current"
    sleep 1
  done
}

# Python in the container of a service, which has no other program for HTTP.
run_in() {
  "${compose[@]}" exec -T "$1" python -c "$2"
}

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
make_current v1

"${compose[@]}" exec -T temporal temporal workflow execute --type Track --task-queue analytics \
  --input '{"integration":"segment","track":{"user_id":"u-1","event":"Signed Up"}}' ||
  fail "the delivery failed"

send() {
  run_in gateway "
import json, urllib.request
batch = [{'type': 'track', 'userId': 'u-1', 'event': 'Hi', 'messageId': f'$1-{n}'} for n in range($2)]
body = json.dumps({'batch': batch, 'writeKey': 'segment'}).encode()
print(urllib.request.urlopen('http://127.0.0.1:8088/v1/batch', body).read().decode())"
}

answer=$(send first 1)
[[ $answer == '{"success":true}' ]] || fail "the gateway answered: $answer"

SECONDS=0
until received=$(run_in standin '
import json, urllib.request
rows = json.load(urllib.request.urlopen("http://127.0.0.1:8090/requests"))
print(*(row[key] for row in rows for key in ("integration", "method", "path", "answered")))') &&
  [[ $received == "segment POST /v1/track 200 segment POST /v1/batch 200" ]]; do
  ((SECONDS < 10)) || fail "the stand-in received: $received"
  sleep 1
done

# The commands of docs/production.md, while the provider answers nothing but 503.
run_in standin '
import json, urllib.request
script = {"integration": "segment", "answers": [{"status": 503}] * 1000}
request = urllib.request.Request("http://127.0.0.1:8090/script", json.dumps(script).encode())
request.add_header("Content-Type", "application/json")
urllib.request.urlopen(request)'
send before 100 >/dev/null
"${compose[@]}" run --detach --no-deps --name "$other_version" -e TEMPORAL_WORKER_BUILD_ID=v2 worker
make_current v2
"${compose[@]}" stop worker
send between 100 >/dev/null
"${compose[@]}" start worker
make_current v1
docker stop --time 20 "$other_version"
[[ $(state "$other_version" ExitCode) == 0 ]] || fail "the other version ended with an error"
run_in standin '
import urllib.request
request = urllib.request.Request("http://127.0.0.1:8090/requests", method="DELETE")
urllib.request.urlopen(request)'

SECONDS=0
until received=$(run_in standin '
import json, urllib.request
rows = json.load(urllib.request.urlopen("http://127.0.0.1:8090/requests"))
ids = [one["messageId"] for row in rows if row["answered"] == 200 for one in row["body"]["batch"]]
print(len(ids), len(set(ids)))') &&
  [[ $received == "200 200" ]]; do
  ((SECONDS < healthy_within_seconds)) || fail "delivered of 200 messages, and different ones: $received"
  sleep 1
done

# SIGTERM, and SIGKILL after the grace, which would be status 137.
"${compose[@]}" stop gateway worker
for container in "$gateway" "$worker"; do
  [[ $(state "$container" ExitCode) == 0 ]] || fail "it ended with $(state "$container" ExitCode)"
done

# Each layer, compressed or not, and the configurations.
for container in $("${compose[@]}" ps --all --quiet worker gateway standin); do
  docker save "$(docker inspect --format '{{.Image}}' "$container")" |
    tar --extract --directory "$folder/images"
done
[[ -n $(find "$folder/images" -type f -size +100k) ]] || fail "the images have no layers"
while IFS= read -r -d '' file; do
  if zcat --force "$file" | grep --quiet --text --fixed-strings "$planted"; then
    fail "a planted credential is in an image: $file"
  fi
done < <(find "$folder/images" -type f -print0)

echo "container-test: OK: messages delivered, another version rolled out and back, worker and gateway" \
  "ended by themselves, and no planted credential in an image"
