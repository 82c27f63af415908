#!/usr/bin/env bash
# The whole way of a job, as a client with nothing but grpcurl goes it: find the server and its providers, queue a job,
# ask until it has ended. The worker comes by itself.
#
#   SERVER=localhost:50051 GRPCURL=grpcurl tests-e2e/seeds/e2e.sh
set -eu

SERVER=${SERVER:-localhost:50051}
call() { "${GRPCURL:-grpcurl}" -plaintext "$@" 2>&1; }
id() { { uuidgen || cat /proc/sys/kernel/random/uuid; } 2>/dev/null | tr '[:upper:]' '[:lower:]'; }

echo "[1/4] is the server there?"
call "$SERVER" list >/dev/null || { echo "no server at $SERVER; start one with: hodei up" >&2; exit 1; }

echo "[2/4] does it have providers?"
PROVIDERS=$(call "$SERVER" hodei.ProviderManagementService/ListProviders)
echo "$PROVIDERS" | grep '"name"' | head -3 || { echo "none: nothing can run there" >&2; exit 1; }

echo "[3/4] queue a job"
JOB_ID=$(id)
ANSWER=$(call -d '{
  "job_definition": {
    "job_id": {"value": "'"$JOB_ID"'"},
    "name": "E2E Test Job",
    "command": "echo",
    "arguments": ["Hello from Hodei E2E test!"]
  },
  "queued_by": "e2e-test"
}' "$SERVER" hodei.JobExecutionService/QueueJob)
echo "$ANSWER" | grep -q '"success": true' || { echo "not queued: $ANSWER" >&2; exit 1; }
echo "queued $JOB_ID"

echo "[4/4] ask until it has ended"
for i in $(seq 30); do
    STATUS=$(call -d '{"job_id": {"value": "'"$JOB_ID"'"}}' "$SERVER" hodei.JobExecutionService/GetJobStatus || true)
    if echo "$STATUS" | grep -q '"status":\s*"COMPLETED"'; then
        echo "completed after asking $i times"
        exit 0
    elif echo "$STATUS" | grep -Eq '"status":\s*"(FAILED|CANCELLED|TIMEOUT)"'; then
        echo "it ended badly: $STATUS" >&2
        exit 1
    fi
    sleep "${PAUSE:-2}"
done
echo "it has not ended" >&2
exit 1
