"""Requests as the description shows them. Each is one that is taken."""

from __future__ import annotations

from typing import Any

Examples = dict[str, dict[str, Any]]

BODIES: dict[tuple[str, str], Examples] = {
    ("post", "/api/v1/jobs"): {
        "a program": {
            "value": {
                "spec": {"command": ["echo", "hello"], "env": {"DEBUG": "true"}, "timeout_ms": 10000},
                "correlation_id": "manual-test",
            }
        },
        "a line for the shell, in an image": {
            "value": {
                "spec": {
                    "name": "count words",
                    "command": "cat /etc/os-release | wc -w",
                    "image": "debian:12",
                    "labels": {"team": "red"},
                    "tags": ["nightly"],
                }
            }
        },
        "a script that is tried again": {
            "value": {
                "spec": {
                    "script": {"interpreter": "python", "content": "print(6 * 7)"},
                    "retry": {"max_attempts": 3, "exit_codes": [75]},
                    "resources": {"cpu_cores": 1, "memory_mib": 256},
                    "priority": "high",
                },
                "queued_by": "ana",
            }
        },
    },
    ("post", "/api/v1/jobs/{job_id}/cancel"): {"why": {"value": {"reason": "not needed any more"}}},
    ("post", "/api/v1/jobs/{job_id}/retry"): {
        "with another variable": {"value": {"overrides": {"env": {"DEBUG": "false"}}}}
    },
    ("post", "/api/v1/providers"): {
        "a Docker engine": {
            "value": {
                "name": "build-machine",
                "type": "DOCKER",
                "config": {"socket_path": "tcp://10.0.0.7:2375"},
                "max_workers": 8,
                "pool": {"idle_ttl_ms": 60000},
            }
        }
    },
    ("patch", "/api/v1/providers/{provider}"): {"more workers": {"value": {"max_workers": 16}}},
    ("patch", "/api/v1/scheduler"): {"warm workers": {"value": {"min_idle": 2, "idle_ttl_ms": 600000}}},
    ("post", "/api/v1/workers/{worker_id}/drain"): {"within a minute": {"value": {"within_ms": 60000}}},
}
