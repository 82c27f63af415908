"""What the code cannot say about itself in a table: the meaning of each setting, state and reason."""

from __future__ import annotations

# By the field of hodei_infrastructure.settings.Settings.
SETTINGS = {
    "data_dir": (
        "Where the state of this machine lives: the embedded Postgres, the token, the log of `hodei run`. "
        "Without it: `$XDG_DATA_HOME/hodei` or `~/.local/share/hodei`."
    ),
    "database_url": "A Postgres to use, such as `postgres://user:password@host:5432/name`. Else: embedded.",
    "database_direct_url": (
        "The same database past a pool of connections, on which other servers are heard at once. "
        "Without it, and behind a pool, they are asked every 2 s."
    ),
    "db_max_connections": "The most connections the server keeps to Postgres.",
    "db_connection_timeout": "How long to wait for a connection.",
    "grpc_port": "Port of the gRPC services; 0 lets the system choose.",
    "bind": "Address to listen on. In development mode only a loopback address is accepted.",
    "server_advertise": (
        "Where workers that this server makes find a control plane: `host:port`, or several with commas, of "
        "this server and others on the same database. Else: where it listens."
    ),
    "dev_mode": "Accept calls without a token, and workers with `dev-` tokens. Loopback only.",
    "rest_port": "Port of the REST service and the dashboard; 0 lets the system choose.",
    "cors_origins": (
        "Origins of web pages that may call the REST service from a browser, with commas; none else may."
    ),
    "rate_limit": "Calls a second that one address may make.",
    "max_streams": "Streams that may be open at a time.",
    "log_level": "`debug`, `info`, `warning` or `error`; without it the most detailed level in `RUST_LOG`.",
    "log_format": "`console` for people, `logfmt` or `json` for machines.",
    "metrics_retention": "How long is kept how many jobs there were and how long they took.",
    "usage_retention": "How long is kept what each job used.",
    "metrics_port": (
        "Port where Prometheus scrapes this server. 0 takes a free one, `off` opens none. Unless it is set: "
        "9464 if that is free."
    ),
    "metrics_bind": "Address of that port.",
    "audit_retention": "How long the audit trail is kept.",
    "log_retention": "How long the output of jobs is kept, counted from their end.",
    "log_retention_size": "How much output of ended jobs is kept; that of the first to end goes first.",
    "history_retention": "How long jobs are kept after their end, with everything of theirs; workers, too.",
    "history_max_jobs": "How many ended jobs are kept; those that ended first go first.",
    "lease": (
        "Silence after which a worker's attempt is lost, at least `2s`. A worker that is not sure of its "
        "lease stops its job before. Heartbeats and suspicion follow from it."
    ),
    "provisioning_enabled": "Create workers on demand. With 0 only workers that are started by hand work.",
    "process_enabled": "Offer the process provider: workers as processes of this machine.",
    "process_max_workers": "The most workers of the process provider. Else: by the number of processors.",
    "worker_min_idle": "Workers that are kept warm although nothing is queued.",
    "worker_idle_ttl": "A worker that is idle for so long is ended.",
    "worker_max_lifetime": "A worker takes no more jobs when it is so old.",
    "worker_max_jobs": "A worker ends after so many jobs; 1 gives each job a fresh one. Else: no limit.",
    "worker_image": "Image of containers for jobs that name none. Else: such jobs run elsewhere.",
    "provider_region": "Where this machine is, for jobs that ask for a region. Else: as an operator has set.",
    "provider_labels": "Labels of this machine's providers, for jobs that ask for them: `zone=a,disk=ssd`.",
    "provider_cost": "What a worker on this machine costs an hour, in a currency of your own.",
    "docker_enabled": "Offer the Docker provider. Else: if an engine answers when the server starts.",
    "docker_host": "The Docker engine: `unix:///path` or `tcp://host:port`.",
    "docker_max_workers": "The most workers of the Docker provider. Else: by the engine's processors.",
    "docker_network": "Network of the containers.",
    "docker_server": (
        "`host:port` of the server as containers must dial it, or several with commas. Else: the gateway of "
        "their network, where the server then listens for workers, too."
    ),
    "spool_bytes": (
        "The most output that waits for the server at one worker, such as `1GiB`; passed on to the workers "
        "that the server makes. In containers it lies on their own disk. Else: `64MiB`."
    ),
    "docker_user": (
        "`UID` or `UID:GID` of containers whose image names no user but root, for jobs that ask for none. "
        "Else, or with `image`: as the image says, root with few capabilities."
    ),
    "docker_require_non_root": (
        "With 1 nothing runs as root in containers: jobs that ask for it, or whose image does, are refused."
    ),
    "k8s_enabled": "Offer the Kubernetes provider. Not in this release.",
    "k8s_namespace": "Namespace of the workers' pods.",
    "k8s_kubeconfig": "Path of the configuration file of the cluster.",
    "fc_enabled": "Offer the Firecracker provider. Not in this release.",
    "fc_kernel_path": "Path of the guests' kernel.",
    "fc_rootfs_path": "Path of the guests' root file system.",
    "fc_use_jailer": "Start Firecracker through its jailer.",
}

CLIENT = {
    "HODEI_SERVER": (
        "Server to talk to, `host:port`, or several with commas, of which one that answers is taken; as "
        "`--server`. Without it: the one that runs here."
    ),
    "HODEI_TOKEN": "Token of the calls; as `--token`. Without it: the one in the data directory.",
    "HODEI_OUTPUT": "`table`, `json` or `yaml`; as `--output`.",
    "HODEI_DATA_DIR": "Where the server's token and address are found; as for the server.",
    "NO_COLOR": "If it is set, nothing is coloured.",
}

AGENT = {
    "HODEI_OTP_TOKEN": "One-time password to register with.",
    "HODEI_OTP_FILE": "A file with the one-time password; it is removed once read.",
    "HODEI_SERVER HODEI_SERVER_ADDRESS": (
        "Server to register at, `host:port`, or several with commas: when one does not answer, the next one "
        "is tried. Else: `localhost:50051`."
    ),
    "WORKER_ID HODEI_WORKER_ID": "The worker's id. Else: the server says it.",
    "HODEI_WORKER_NAME": "A name for people.",
    "HODEI_WORKER_DIR": "A directory for jobs' files and for output that waits. Else: below `$TMPDIR`.",
    "HODEI_WORKER_IN_IMAGE": "`1` if jobs are to get the environment, directory and limits of the image "
    "around the agent.",
    "HODEI_IMAGE_ENTRYPOINT": "What that image would start, a JSON list of words, for jobs that want it.",
    "HODEI_WORKER_DISK": "What holds the disk space of jobs in that image, in words.",
    "HODEI_SPOOL_DIR": "Where output waits for the server. Else: in `HODEI_WORKER_DIR`.",
    "HODEI_LOG_BATCH_SIZE": "Output is sent at the latest after so many lines (100).",
    "HODEI_LOG_FLUSH_INTERVAL": "Output is sent at the latest after so many milliseconds (100).",
    "HODEI_SPOOL_SIZE": "The most output that waits on disk for the server, over all jobs, such as `1GiB` "
    "(`64MiB`). Workers that a server makes take it from the server's environment.",
    "HODEI_DRAIN_TIMEOUT": "Seconds for which a job may go on after the first SIGTERM (20).",
    "HODEI_LOG_LEVEL": "`debug`, `info`, `warn` or `error`; without it the most detailed in `RUST_LOG`.",
}

JOB_STATES = {
    "PENDING": "Waits in the queue, or is held until a person releases it.",
    "SCHEDULED": "A worker was chosen and told; its process has not started yet. On the wire: ASSIGNED.",
    "RUNNING": "The process runs.",
    "SUCCEEDED": "It ended with exit code 0. On the wire: COMPLETED.",
    "FAILED": "It ended otherwise, or could not be started; the reason says how.",
    "CANCELLED": "Somebody asked for its end.",
    "TIMEOUT": "One of its clocks ran out; the reason names the clock.",
}
WORKER_STATES = {
    "CREATING": "It shall be created. The call to the provider is repeated until it is confirmed.",
    "CONNECTING": "The provider has created it; it has not opened its stream yet.",
    "READY": "Connected, and free for a job.",
    "BUSY": "It holds a job.",
    "DRAINING": "It takes no more jobs and goes when its job has ended, or at its deadline.",
    "TERMINATING": "It shall be destroyed. The call to the provider is repeated until it is confirmed.",
    "TERMINATED": "It is gone.",
}
REASONS = {
    "exit": "The process ended by itself; its exit code says how.",
    "signal": "A signal ended the process; the signal's number is kept.",
    "oom": "It needed more memory than it may have.",
    "timeout:queue": "It waited in the queue for too long.",
    "timeout:execution": "Its process ran for too long.",
    "timeout:no-output": "Its process wrote nothing for too long.",
    "timeout:total": "Queue and execution together took too long.",
    "cancelled": "Somebody asked for its end.",
    "worker-lost": "Its worker went away, and the job's policy or its budget forbade another attempt.",
    "given-back": "The worker gave the job back before it started it. Only attempts end so.",
    "provisioning": "No worker could be made for it.",
    "image-pull": "Its image could not be pulled.",
    "image-architecture": "Its image is for other machines than the provider has.",
    "image-start": "No container of its image can start, whatever the command: its user does not exist …",
    "command-not-found": "There is no such program.",
    "not-executable": "The program may not be executed.",
    "working-dir": "Its working directory is not there or may not be entered.",
    "spawn": "The process could not be started for another reason; the text says which.",
    "input-lost": "The sender of its live input was not heard of for two minutes.",
    "disk-full": "The worker had no room for its output.",
    "undeliverable": "It could not be brought to a worker: too large, or ten tries in a row came to nothing.",
    "unrecorded": "What its worker reported of it could not be stored, also not after several tries.",
    "reported": "A client reported the end through the gRPC methods for that.",
}
