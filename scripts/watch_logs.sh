#!/bin/sh
# Follows the output of a job: scripts/watch_logs.sh [JOB], where JOB is an id, a part of it, a name or @last.
exec "$(dirname -- "$0")/../hodei" logs follow "${1:-@last}"
