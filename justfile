# The recipes people and CI share. `./test.sh` makes .venv and calls them; with .venv there, `.venv/bin/just RECIPE`
# runs one. HODEI_VENV names another environment than .venv.

set positional-arguments

venv := env("HODEI_VENV", justfile_directory() / ".venv")
export PYTHON := venv / "bin/python"
export PATH := venv / "bin:" + env("PATH") + ":" + justfile_directory() / ".tools/uv/bin"
# Settings of the server may not carry variables that it does not know.
unset_tools := "unset HODEI_VENV HODEI_PYTHON HODEI_SECOND_TRY;"

# list the recipes
default:
    @{{ just_executable() }} --list --unsorted

# everything that must hold before a change goes in; arguments go to pytest and leave the other checks out
check *ARGS:
    ./test.sh "$@"

# style, imports' order, likely mistakes
lint:
    ruff check .
    ruff format --check .

# put the style right
format:
    ruff check --fix .
    ruff format .

# mypy --strict over every package, the benchmarks and what generates the pages
types:
    mypy
    mypy -p benchmarks
    MYPYPATH=tests-e2e mypy -p simulation
    MYPYPATH=scripts mypy scripts/reference scripts/generate-docs.py
    MYPYPATH=tests-e2e mypy -p faults

# who may import whom
imports:
    lint-imports --no-logo

# what is generated is what its source gives
generated:
    scripts/check-generated.sh

# generate messages and descriptors from the .proto files
proto:
    scripts/generate-proto.sh

# pytest with any arguments
test *ARGS:
    {{ unset_tools }} python -m pytest "$@"

# domain and application, with their branch coverage
unit *ARGS:
    coverage erase
    {{ unset_tools }} coverage run -m pytest packages/hodei-domain packages/hodei-application "$@"
    coverage combine --quiet
    coverage report

# the agent, in processes of its own: its tests adopt and collect every child of theirs, a Postgres included
agent *ARGS:
    {{ unset_tools }} python -m pytest -n 2 --dist loadfile packages/hodei-worker "$@"

# everything else: adapters, services, command line, the assembled system; two files at a time
system *ARGS:
    {{ unset_tools }} python -m pytest -n 2 --dist loadfile proto packages/hodei-agent-bundle \
        packages/hodei-infrastructure packages/hodei-grpc \
        packages/hodei-rest packages/hodei-cli tests-e2e benchmarks "$@"

# build the dashboard of web/ into the package hodei-rest; Node comes from the system or from a wheel
web:
    scripts/web.sh build

# the dashboard's types and unit tests; skipped without Node
web-test:
    scripts/web.sh test

# the dashboard's sources, served and reloaded by Vite against a server: HODEI_REST=http://127.0.0.1:3000
web-dev:
    cd web && npm run dev

# the assembled system only
e2e *ARGS:
    {{ unset_tools }} python -m pytest tests-e2e "$@"

# SEEDS simulated worlds with faults, beginning with seed FROM; each that breaks a promise is told
simulate SEEDS="1000" FROM="0" *ARGS:
    {{ unset_tools }} PYTHONPATH=tests-e2e python -m simulation "$@"

# the story of one seed
simulate-one SEED:
    {{ unset_tools }} PYTHONPATH=tests-e2e python -m simulation --story {{ SEED }}

# break the product on purpose, one way after the other, and see whether a thousand seeds notice
mutants:
    {{ unset_tools }} HODEI_MUTANTS=1 python -m pytest -n 2 tests-e2e/simulation -m slow

# break a platform under load for so many seconds and judge what came of it; the same again with its seed
faults SECONDS *SEED:
    {{ unset_tools }} PYTHONPATH=tests-e2e python -m faults "$@"

# 20 jobs a second with random faults for so many minutes: nothing stuck, nothing left over, nothing grows
soak MINUTES *SEED:
    {{ unset_tools }} PYTHONPATH=tests-e2e python -m faults.soak "$@"

# one benchmark of benchmarks/, by name
bench NAME *ARGS:
    {{ unset_tools }} python -m "benchmarks.$@"

# the pages of docs/ that follow from the code
docs:
    python scripts/generate-docs.py

# wheel and source distribution of every package, into dist/
build:
    uv build --all-packages --out-dir dist

# the agent bundle that the wheel of hodei-agent-bundle ships, for this machine's architecture or another
bundle *ARGS:
    python -m hodei_agent_bundle build "$@"

# the images of the server and of the workers; --help lists the options
images *ARGS:
    scripts/docker/build-images.sh "$@"

# database, backend and dashboard from the sources, each again at a change; `dev db`, `dev backend`, `dev frontend` for one
dev *ARGS:
    ./dev.sh "$@"

# Postgres in Docker, for the backend
dev-db:
    ./dev.sh db

# server and workers, started again at each change of a source; arguments go to `hodei up`
dev-backend *ARGS:
    ./dev.sh backend "$@"

# the dashboard, changed in the browser as you save
dev-frontend:
    ./dev.sh frontend

# every package's tests, without the assembled system
test-backend *ARGS:
    {{ unset_tools }} python -m pytest -n 2 --dist loadfile proto packages --ignore packages/hodei-worker "$@" || [ $? -eq 5 ]
    {{ just_executable() }} agent "$@" || [ $? -eq 5 ]  # where -k chose none of these

# the dashboard's types and unit tests
test-frontend: web-test

# the assembled system
test-e2e *ARGS:
    {{ just_executable() }} e2e "$@"

# a worker is made for a job that waits, runs it, and goes
test-auto-provision *ARGS:
    {{ unset_tools }} python -m pytest tests-e2e/test_run.py "$@"

# jobs by state, workers and providers of the platform that runs here
status:
    ./hodei scheduler queue-status
    ./hodei worker list
    ./hodei provider list

# destroy what providers have and nobody wants
clean-workers *ARGS:
    ./hodei gc "$@"

# follow the output of a job: an id, a part of it, a name, or your newest one
watch-logs JOB="@last":
    scripts/watch_logs.sh "{{ JOB }}"

# remove what the recipes made; the environment stays
clean:
    rm -rf dist build site web/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
    find proto packages tests-e2e -name __pycache__ -type d -prune -exec rm -rf {} +
