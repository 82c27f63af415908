-- A history of 60,000 ended jobs, 20,000 that wait, 5,000 in backoff, and what lies beside them.
CREATE TEMPORARY TABLE filling AS
SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS worker_id,
    now() - interval '90 days' + n * interval '90 seconds' AS at, n > 60000 AS waits, n > 80000 AS later,
    'owner-' || n % 50 AS owner
FROM generate_series(1, 85000) AS n;

INSERT INTO jobs (id, state, version, attempt, created_at, changed_at, queued_at, started_at, completed_at,
    not_before, name, queued_by, priority, turn, failures, losses, held, fingerprint, result, current_attempt)
SELECT id, CASE WHEN waits THEN 'PENDING' WHEN n % 20 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
    CASE WHEN waits THEN 1 ELSE 4 END, CASE WHEN waits THEN 0 ELSE 1 END, at, at, at,
    CASE WHEN waits THEN NULL ELSE at END, CASE WHEN waits THEN NULL ELSE at END,
    CASE WHEN later THEN now() + interval '1 day' END,
    'job ' || n, owner, 1, n, 0, 0, false, repeat('f', 32),
    CASE WHEN waits THEN NULL ELSE '{"reason": "exit", "exit_code": 0}'::json END,
    CASE WHEN waits THEN NULL ELSE json_build_object('number', 1, 'worker_id', worker_id, 'assigned_at', at) END
FROM filling;

INSERT INTO job_specs SELECT id, '{"command": {"shell": "true"}}' FROM filling;

INSERT INTO job_marks
SELECT md5('label:4:team=red')::uuid, at, id FROM filling WHERE n % 2 = 0
UNION ALL
SELECT md5('tag:nightly')::uuid, at, id FROM filling WHERE n % 3 = 0;

INSERT INTO job_attempts (job_id, attempt, worker_id, assigned_at, started_at, ended_at, exit_code, reason, document)
SELECT id, 1, worker_id, at, at, at, 0, 'exit',
    json_build_object('number', 1, 'worker_id', worker_id, 'assigned_at', at)
FROM filling WHERE NOT waits;

INSERT INTO job_queue
SELECT id, 'DEMAND_KEY', 1, n, owner, at, at, CASE WHEN later THEN now() + interval '1 day' END FROM filling WHERE waits;

INSERT INTO audit_logs (occurred_at, event_type, correlation_id, payload, id)
SELECT at + part * interval '1 second',
    (ARRAY['JobCreated', 'JobAssigned', 'JobStatusChanged', 'JobStatusChanged'])[part], id::text, '{}', gen_random_uuid()
FROM filling CROSS JOIN generate_series(1, 4) AS part WHERE NOT waits;

INSERT INTO workers (id, state, version, created_at, changed_at, registered_at, ended_at, connected, jobs_done, name,
    hostname, architecture, agent_version, reason, cpu_cores, memory_mib, disk_mib, gpu, labels, demand)
SELECT worker_id, 'TERMINATED', 6, at, at, at, at, false, 1, '', '', '', '', '', 1, 1, 1, 0, '{}', 'DEMAND_DOCUMENT'
FROM filling WHERE NOT waits;

INSERT INTO job_log_chunks
SELECT id, 1, part * 2, 2, part * 4, 4, extract(epoch FROM at)::bigint * 1000000, 0, '', '\x610a620a'::bytea
FROM filling CROSS JOIN generate_series(0, 1) AS part WHERE NOT waits;
