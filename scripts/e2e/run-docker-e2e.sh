#!/bin/sh
# The tests of jobs in Docker containers, with a real engine; arguments go to pytest.
cd "$(dirname -- "$0")/../.." || exit
exec ./test.sh tests-e2e/docker "$@"
