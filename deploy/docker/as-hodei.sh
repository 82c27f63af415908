#!/bin/sh
# Runs a command as the user hodei. Where the container was started as root, the command gets the group of the Docker
# engine's socket on top, whose number is another on each host and is only known here; nothing of root is left to it.
set -eu

if [ "$(id -u)" != 0 ]; then
    exec "$@"
fi
groups=10001
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
socket=${socket#unix://}
if [ -S "$socket" ]; then
    groups=$groups,$(stat -c %g "$socket")
fi
export HOME=/var/lib/hodei
exec setpriv --reuid 10001 --regid 10001 --groups "$groups" --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
