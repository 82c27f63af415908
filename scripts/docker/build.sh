# shellcheck shell=sh
# Sourced by the scripts of this directory that build images, with $home set to the checkout. POSIX sh.

engine=${DOCKER:-docker}

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "${0##*/}: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 69
}
usage() {
    say "${0##*/}: $1"
    say "  $0 --help shows how it is used"
    exit 64
}

# needs_value "$@": an option is the first argument; it is refused if nothing follows.
needs_value() {
    if [ $# -lt 2 ] || [ -z "$2" ]; then usage "$1 needs a value"; fi
}

needs_engine() {
    command -v "$engine" >/dev/null || fail "there is no program $engine here" \
        "scripts/docker/check-env.sh says what is missing, and how to get it."
    "$engine" version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "the Docker engine does not answer" \
        "scripts/docker/check-env.sh says why, and what to do."
}

# shellcheck disable=SC2154  # home is set by who sources this
version() { sed -n '/^\[project\]/,/^$/s/^version = "\(.*\)"$/\1/p' "$home/pyproject.toml"; }
revision() { git -C "$home" rev-parse HEAD 2>/dev/null || echo unknown; }

# build_image server|worker NAME BASE NETWORK: BASE and NETWORK may be empty. What stands in the environment about proxies
# and package indexes goes along by name alone: such addresses may hold passwords, and arguments can be read by others.
build_image() {
    case $1 in
    server) context=$home ;;
    worker) context=$home/deploy/docker ;;
    esac
    set -- "$1" "$2" "$3" "$4" \
        --file "$home/deploy/docker/$1.Dockerfile" --tag "$2" \
        --build-arg "VERSION=$(version)" --build-arg "REVISION=$(revision)"
    [ -z "$3" ] || set -- "$@" --build-arg "BASE=$3"
    [ -z "$4" ] || set -- "$@" --network "$4"
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        if printenv "$name" >/dev/null; then set -- "$@" --build-arg "$name"; fi
    done
    if [ "$1" = server ]; then
        for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST UV_DEFAULT_INDEX UV_INDEX UV_INSECURE_HOST; do
            if printenv "$name" >/dev/null; then set -- "$@" --build-arg "$name"; fi
        done
    fi
    say "Building $2"
    name=$2
    shift 4
    "$engine" build "$@" "$context" >&2 || fail "$name could not be built; the engine's words are above" \
        "No network in builds? --network host. Another base? --base IMAGE, of Debian or Ubuntu." \
        "A proxy or a mirror? https_proxy, PIP_INDEX_URL and UV_DEFAULT_INDEX are handed on."
}

push_image() {
    say "Pushing $1"
    "$engine" push "$1" >&2 || fail "$1 could not be pushed; the engine's words are above" \
        "Its name must begin with the registry's (registry.example.org/hodei/…), and \`docker login\` comes first."
}
