#!/usr/bin/env bash
# Makes this checkout ready for work on it, once and again after each pull: .venv from uv.lock with what developers need,
# and the packages of the dashboard where Node.js is. Whoever only wants to run jobs needs none of it: ./hodei run.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$home"
# shellcheck source=scripts/set-up.sh
. "$home/scripts/set-up.sh"
is_set_up developers || set_up developers

if ! scripts/web.sh install; then
    echo "No Node.js of 20.19 or newer with npm: the dashboard's sources cannot be served or built here; the built one works."
fi
cat <<'END'
Ready. Next:
  ./dev.sh           database, backend and dashboard, each again at a change of its sources
  ./test.sh          everything that a change must pass
  ./hodei doctor     what works on this machine
END
