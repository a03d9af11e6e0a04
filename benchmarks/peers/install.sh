#!/usr/bin/env bash
# Installs the peers by name, outside the lock files. What fails costs only its own rows.
# Argument: the Python that the environment of the peers is made with.
set -uo pipefail
cache="${XDG_CACHE_HOME:-$HOME/.cache}/durable-analytics-bench/peers"
mkdir -p "$cache"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

debian() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}
report() { echo "not installed: $1" >&2; }

command -v redis-server >/dev/null || debian redis-server || report redis-server
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || debian postgresql || report postgresql
[ -x "$cache/bin/python" ] || "$1" -m venv "$cache"
for packages in 'celery[redis]' dbos 'restate-sdk hypercorn'; do
  # shellcheck disable=SC2086  # several packages
  "$cache/bin/python" -m pip install --quiet --disable-pip-version-check $packages httpx pydantic || report "$packages"
done
npm install --prefix "$cache" --ignore-scripts --silent @restatedev/restate-server || report restate
