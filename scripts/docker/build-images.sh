#!/bin/sh
# Builds all images that the compose files use.
set -eu
home=$(CDPATH='' cd -P -- "$(dirname -- "$0")/../.." && pwd -P)
# shellcheck source=scripts/docker/build.sh
. "$home/scripts/docker/build.sh"

show_help() {
    cat <<'HELP'
Usage: scripts/docker/build-images.sh [-t TAG] [--prefix PREFIX] [--base IMAGE] [--push] [--network NETWORK]

Build the images of the server and of the workers, hodei-server and hodei-worker. Prints their names.

  -t, --tag TAG          their tag (latest)
      --prefix PREFIX    what their names begin with, such as registry.example.org/hodei/
      --base IMAGE       what they begin with, of Debian or Ubuntu (python:3.12-slim-bookworm)
      --push             push them to the registry that their names begin with
      --network NETWORK  network for the builds, such as host
  -h, --help             show this

DOCKER names another program than docker.
HELP
}

tag=latest prefix='' base='' push='' network=''
while [ $# -gt 0 ]; do
    case $1 in
    -t | --tag) needs_value "$@" && tag=$2 && shift ;;
    --prefix) needs_value "$@" && prefix=$2 && shift ;;
    --base) needs_value "$@" && base=$2 && shift ;;
    --network) needs_value "$@" && network=$2 && shift ;;
    --push) push=yes ;;
    -h | --help) show_help && exit ;;
    *) usage "there is no option $1" ;;
    esac
    shift
done

needs_engine
for image in server worker; do
    build_image "$image" "${prefix}hodei-$image:$tag" "$base" "$network"
    [ -z "$push" ] || push_image "${prefix}hodei-$image:$tag"
    printf '%s\n' "${prefix}hodei-$image:$tag"
done
