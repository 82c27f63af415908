# Sourced by ./hodei, ./test.sh and .ci/run with $home set to the checkout: makes $home/.venv what uv.lock says.
# Needs a Python of 3.11 or newer and, for uv's sake, pip or venv once; everything else comes from the lock.
# POSIX sh. Nothing is printed on stdout, because that belongs to the command the user ran.

venv=${HODEI_VENV:-$home/.venv}
stamp=$venv/hodei-stamp
oldest_uv_that_reads_the_lock=0.8

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "hodei: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 69
}

# What .venv was made from. The place is a part of it: a moved checkout has stale absolute paths in its .venv.
wanted() {
    printf '%s %s\n' "$home" "$1"
    cat "$home/uv.lock" "$home/pyproject.toml" "$home"/proto/pyproject.toml "$home"/packages/*/pyproject.toml
}

# is_set_up people|developers: true when .venv is from this very lock. A developer's .venv serves people too.
is_set_up() {
    [ -x "$venv/bin/python" ] || return 1
    if wanted developers | cmp -s - "$stamp"; then return 0; fi
    [ "$1" = people ] && wanted people | cmp -s - "$stamp"
}

# set_up people|developers: does the work, one at a time in a checkout.
set_up() {
    [ -w "$home" ] || fail "cannot write to $home, where the first start makes .venv" \
        "Copy the checkout to a folder of yours and start it there."
    find_python
    mkdir -p "$home/.tools"
    # flock(1) is not everywhere, Python is; the lock goes with the process that holds it, however that ends.
    home=$home python=$python "$python" -I -c '
import fcntl, subprocess, sys
with open(sys.argv[1], "a") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another start is setting up Hodei; waiting for it…", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        sys.exit(subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=sys.stderr))
    except KeyboardInterrupt:
        sys.exit(130)
' "$home/.tools/lock" /bin/sh -eu -c '. "$home/scripts/set-up.sh"; is_set_up "$1" || sync "$1"' set-up "$1"
}

sync() {
    if [ "$1" = people ]; then
        say "Setting up Hodei (first run only)…"
        groups=--no-dev
    else
        say "Setting up Hodei for development…"
        groups='--all-groups --all-extras'
    fi
    find_uv
    say "  installing what uv.lock says into ${venv#"$home"/}"
    rm -f "$stamp"
    # --inexact: a developer's packages may stay. A present .venv keeps its interpreter unless another is asked for.
    if [ -z "${HODEI_PYTHON:-}" ] && [ -x "$venv/bin/python" ]; then python=$venv/bin/python; fi
    (
        cd "$home"
        unset VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH
        export UV_PROJECT_ENVIRONMENT="$venv" UV_PYTHON="$python" UV_PYTHON_DOWNLOADS=never
        # The machine's own certificates, where it has some, as pip does: behind a company's proxy no others will do.
        for certificates in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
            if [ -e "$certificates" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}" UV_NATIVE_TLS=true; fi
        done
        if [ ! -t 2 ]; then set -- --quiet; else set --; fi
        # shellcheck disable=SC2086  # groups is a list of words
        exec "$uv" sync "$@" --frozen --inexact --compile-bytecode $groups
    ) || fail "could not install the packages; uv's message is above" \
        "A proxy or a mirror? uv reads HTTPS_PROXY, SSL_CERT_FILE and UV_DEFAULT_INDEX. Then start again."
    # uv compiles what it installs; the workspace's own sources are only linked.
    (cd "$home" && "$venv/bin/python" -I -m compileall -q proto/src packages/*/src) || true
    wanted "$1" >"$stamp.new" && mv "$stamp.new" "$stamp"
    say "  ready"
}

suitable() { "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${HODEI_PYTHON:-}" ]; then
        suitable "$HODEI_PYTHON" || fail "HODEI_PYTHON=$HODEI_PYTHON is not a Python of 3.11 or newer"
        python=$(command -v "$HODEI_PYTHON")
        return
    fi
    for python in python3.13 python3.12 python3.11 python3 python; do
        # A version switcher's shim may be on PATH and still not run: ask it.
        if suitable "$python"; then return; fi
    done
    fail "needs Python 3.11 or newer, and found none on PATH" \
        "Debian 12, Ubuntu 24.04: apt install python3 python3-venv    Fedora: dnf install python3" \
        "Elsewhere: https://www.python.org/downloads/, or name one with HODEI_PYTHON=/path/to/python3"
}

reads_the_lock() {
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv } version=${version%% *}
    "$python" -I -c 'import sys; n = lambda v: [int(x) for x in v.split(".")[:2]]
sys.exit(n(sys.argv[1]) < n(sys.argv[2]))' "$version" "$oldest_uv_that_reads_the_lock" 2>/dev/null
}

find_uv() {
    for uv in uv "$home/.tools/uv/bin/uv" "$home/.tools/venv/bin/uv"; do
        if reads_the_lock "$uv"; then return; fi
    done
    say "  getting uv, which installs the rest"
    mkdir -p "$home/.tools"
    log=$home/.tools/uv.log
    : >"$log"
    # pip first: it is quicker. A Debian python3 has neither pip nor what venv needs, but often one of the two.
    for pip in own python3 pip3 pip; do
        case $pip in
        own) set -- "$python" -m pip ;;
        python3) set -- python3 -m pip ;;
        *) set -- "$pip" ;;
        esac
        if "$@" install --quiet --disable-pip-version-check --no-deps --upgrade \
            --target "$home/.tools/uv" uv >>"$log" 2>&1; then
            uv=$home/.tools/uv/bin/uv
            if reads_the_lock "$uv"; then return; fi
        fi
    done
    if "$python" -m venv --clear "$home/.tools/venv" >>"$log" 2>&1 &&
        "$home/.tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv >>"$log" 2>&1; then
        uv=$home/.tools/venv/bin/uv
        if reads_the_lock "$uv"; then return; fi
    fi
    tail -n 5 "$log" >&2
    fail "could not get uv with pip or venv; the last lines are above, all of them in $log" \
        "Debian, Ubuntu: apt install python3-venv    or install uv yourself: https://docs.astral.sh/uv/"
}
