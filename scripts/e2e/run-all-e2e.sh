#!/bin/sh
# All tests of the assembled system; arguments go to pytest.
cd "$(dirname -- "$0")/../.." || exit
exec ./test.sh tests-e2e "$@"
