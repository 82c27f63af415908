#!/bin/sh
# Looks whether this machine can run Hodei with Docker, and says what to do about what is missing. Changes nothing.
set -eu
home=$(CDPATH='' cd -P -- "$(dirname -- "$0")/../.." && pwd -P)
engine=${DOCKER:-docker}
problems=0

show_help() {
    cat <<'HELP'
Usage: scripts/docker/check-env.sh [--compose]

Look whether this machine can run Hodei's workers in containers: the program docker, its engine, your permission to use
it; and whether it has what docker-compose.prod.yml needs: compose, POSTGRES_PASSWORD, a free port. Changes nothing.

The exit code is 0 if nothing is missing for workers, or, with --compose, for either; 1 if something is. DOCKER names another program than docker.
HELP
}

ok() { printf '%-8s %-9s %s\n' ok "$1" "$2"; }
note() { printf '%-8s %-9s %s\n' note "$1" "$2"; }
# problem CHECK FOUND MEND…
problem() {
    printf '%-8s %-9s %s\n' problem "$1" "$2"
    mend "$@"
    problems=$((problems + 1))
}
# for_compose CHECK FOUND MEND…: a problem only to those who want to use compose.
for_compose() {
    if [ -n "$with_compose" ]; then
        problem "$@"
    else
        note "$1" "$2"
        mend "$@"
    fi
}
mend() {
    shift 2
    for line in "$@"; do printf '%18s %s\n' '' "$line"; done
}

check_program() {
    if command -v "$engine" >/dev/null; then
        ok program "$(command -v "$engine")"
        return
    fi
    problem program "there is no program $engine on PATH" \
        "Debian, Ubuntu: apt install docker.io    Fedora: dnf install docker-cli moby-engine" \
        "Elsewhere: https://docs.docker.com/engine/install/"
    return 1
}

socket_path() {
    case ${DOCKER_HOST:-} in
    '') printf '%s\n' /var/run/docker.sock ;;
    unix://*) printf '%s\n' "${DOCKER_HOST#unix://}" ;;
    *) return 1 ;; # an engine elsewhere
    esac
}

check_engine() {
    if said=$("$engine" version --format '{{.Server.Version}} ({{.Server.Os}}/{{.Server.Arch}})' 2>&1); then
        ok engine "$said"
        return
    fi
    socket=$(socket_path) || socket=''
    if [ -z "$socket" ]; then
        problem engine "none answers at DOCKER_HOST=$DOCKER_HOST" "$(printf '%s\n' "$said" | tail -n 1)"
    elif [ ! -S "$socket" ]; then
        problem engine "there is no $socket" \
            "Start the engine: systemctl start docker    or name its socket with DOCKER_HOST=unix:///path"
    elif [ ! -w "$socket" ]; then
        problem engine "$socket is not for you: it is for $(stat -c %U "$socket") and the group $(stat -c %G "$socket")" \
            "sudo usermod -aG $(stat -c %G "$socket") $(id -un)    and log in again. Its members are as good as root."
    else
        problem engine "nothing answers at $socket" \
            "Start the engine again: systemctl restart docker    Its log: journalctl -u docker"
    fi
    return 1
}

check_group() {
    socket=$(socket_path) || return 0
    if [ -S "$socket" ]; then
        note group "$socket belongs to the group $(stat -c '%G, number %g' "$socket")"
    fi
}

check_limits() {
    if [ "$("$engine" info --format '{{.MemoryLimit}}' 2>/dev/null)" = true ]; then
        ok limits "containers can be held to memory and processors"
    else
        note limits "this engine cannot limit memory: --memory of a job is not kept to"
    fi
}

check_compose() {
    if said=$("$engine" compose version --short 2>/dev/null); then
        ok compose "$engine compose $said"
    elif said=$(docker-compose version --short 2>/dev/null); then
        case $said in
        1.29.* | [2-9]*) ok compose "docker-compose $said" ;;
        *) for_compose compose "docker-compose $said is too old" "1.29 or newer is needed: apt install docker-compose" ;;
        esac
    else
        for_compose compose "neither \`docker compose\` nor docker-compose is here" \
            "Debian, Ubuntu: apt install docker-compose    Elsewhere: https://docs.docker.com/compose/install/"
    fi
}

# setting NAME: as compose finds it, in the environment or in .env.
setting() {
    printenv "$1" && return
    [ ! -r "$home/.env" ] || sed -n "s/^$1=//p" "$home/.env" | tail -n 1
}

check_password() {
    if [ -n "$(setting POSTGRES_PASSWORD)" ]; then
        ok password "POSTGRES_PASSWORD is set"
    else
        for_compose password "POSTGRES_PASSWORD is not set" \
            "echo \"POSTGRES_PASSWORD=\$(openssl rand -hex 24)\" >> $home/.env && chmod 600 $home/.env"
    fi
}

is_running() { [ "$("$engine" inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

check_port() {
    place=$(setting HODEI_PUBLISH)
    place=${place:-127.0.0.1:50051}
    port=${place##*:}
    if is_running "$(setting HODEI_STACK | grep . || echo hodei-jobs)-api"; then
        ok port "$place, and Hodei runs"
    elif grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F:]+ 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null; then
        for_compose port "$port is taken" "ss -ltnp sport = :$port    says by whom; HODEI_PUBLISH=127.0.0.1:PORT takes another."
    else
        ok port "$place is free"
    fi
}

with_compose=''
case ${1:-} in
'') ;;
--compose) with_compose=yes ;;
-h | --help) show_help && exit ;;
*)
    printf '%s\n' "${0##*/}: there is no option $1" "  $0 --help shows how it is used" >&2
    exit 64
    ;;
esac

if check_program && check_engine; then
    check_limits
fi
check_group
check_compose
check_password
check_port
if [ "$problems" -gt 0 ]; then
    exit 1
fi
