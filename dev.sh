#!/usr/bin/env bash
# The platform from the sources of this checkout, for work on them; Ctrl-C ends it. ./setup.sh comes first.
#
#   ./dev.sh             database, backend and dashboard
#   ./dev.sh db          the database alone: Postgres in Docker, with docker-compose.dev.yml
#   ./dev.sh backend     server and workers, started again at each change of a source; arguments go to `hodei up`
#   ./dev.sh frontend    the dashboard, changed in the browser as you save; HODEI_REST names another backend
#
# The backend takes HODEI_DATABASE_URL, else the database of `./dev.sh db` while it runs, else one of its own.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$home"
# shellcheck source=scripts/set-up.sh
. "$home/scripts/set-up.sh"
is_set_up developers || set_up developers

database=${HODEI_STACK:-hodei-jobs}-postgres
export POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-postgres}

has_engine() { docker info >/dev/null 2>&1; }
compose() { if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }
is_healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$database" 2>/dev/null)" = healthy ]; }
url() {
    local published
    published=$(docker port "$database" 5432/tcp | head -n 1)
    echo "postgres://postgres:$POSTGRES_PASSWORD@$published/hodei"
}

db() {
    has_engine || { echo "dev.sh: there is no Docker engine to run Postgres in; ./dev.sh backend brings its own" >&2; exit 69; }
    compose -f docker-compose.dev.yml up -d postgres
    for _ in {1..120}; do ! is_healthy || break; sleep 0.5; done
    is_healthy || { echo "dev.sh: $database does not get healthy: docker logs $database" >&2; exit 69; }
    echo "Postgres is up: export HODEI_DATABASE_URL=$(url)"
}

backend() {
    if [ -z "${HODEI_DATABASE_URL:-}" ] && is_healthy; then
        HODEI_DATABASE_URL=$(url)
        export HODEI_DATABASE_URL
    fi
    # Of the Compose file and of the dashboard; a server takes no variable that it does not know.
    unset HODEI_STACK HODEI_REST "${!HODEI_PUBLISH@}" HODEI_POSTGRES_IMAGE HODEI_SERVER_IMAGE HODEI_BASE_IMAGE
    exec "$venv/bin/watchfiles" --filter python --sigint-timeout 40 \
        "$(printf '%q ' "$venv/bin/python" -I -m hodei_cli up "$@")" proto/src packages/*/src
}

frontend() {
    scripts/web.sh install || { echo "dev.sh: the dashboard's sources need Node.js of 20.19 or newer with npm" >&2; exit 69; }
    export HODEI_REST=${HODEI_REST:-http://127.0.0.1:${HODEI_REST_PORT:-3000}}
    cd web
    exec npm run dev
}

everything() {
    if has_engine; then db; fi
    set -m  # a group of its own: else a shell starts what is behind & deaf to Ctrl-C
    backend &
    local backend=$!
    set +m
    # What was started here ends with this, however it ends.
    trap 'kill -INT "$backend" 2>/dev/null; wait "$backend" || true' EXIT
    if scripts/web.sh install; then
        (frontend) || true
    else
        echo "No Node.js: the built dashboard is served, not its sources."
        wait "$backend"
    fi
}

part=${1:-all}
[ $# -eq 0 ] || shift
case $part in
db) db ;;
backend) backend "$@" ;;
frontend) frontend ;;
all) everything ;;
*)
    sed -n 's/^#   //p' "$0" >&2
    exit 64
    ;;
esac
