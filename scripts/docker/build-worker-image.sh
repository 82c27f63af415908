#!/bin/sh
# Builds the image for jobs that name none.
set -eu
home=$(CDPATH='' cd -P -- "$(dirname -- "$0")/../.." && pwd -P)
# shellcheck source=scripts/docker/build.sh
. "$home/scripts/docker/build.sh"

show_help() {
    cat <<'HELP'
Usage: scripts/docker/build-worker-image.sh -t NAME[:TAG] [--base IMAGE] [--push] [--network NETWORK]

Build the image in which jobs run that name none: a Debian with bash, coreutils, curl, git and Python.
Nothing of Hodei is in it; the agent comes along by itself. Prints the name of the image.

  -t, --tag NAME[:TAG]   what to call it, such as hodei-worker:latest
      --base IMAGE       what it begins with, of Debian or Ubuntu (python:3.12-slim-bookworm)
      --push             push it to the registry that its name begins with
      --network NETWORK  network for the build, such as host
  -h, --help             show this

The server is told with HODEI_WORKER_IMAGE=NAME:TAG. DOCKER names another program than docker.
HELP
}

tag='' base='' push='' network=''
while [ $# -gt 0 ]; do
    case $1 in
    -t | --tag) needs_value "$@" && tag=$2 && shift ;;
    --base) needs_value "$@" && base=$2 && shift ;;
    --network) needs_value "$@" && network=$2 && shift ;;
    --push) push=yes ;;
    -h | --help) show_help && exit ;;
    *) usage "there is no option $1" ;;
    esac
    shift
done
[ -n "$tag" ] || usage "how is it to be called? -t NAME[:TAG]"

needs_engine
build_image worker "$tag" "$base" "$network"
[ -z "$push" ] || push_image "$tag"
printf '%s\n' "$tag"
