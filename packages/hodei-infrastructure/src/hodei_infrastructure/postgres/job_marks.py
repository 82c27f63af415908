"""Marks: what jobs are found by besides their own columns, one row for each label and tag of a job.

Jobs without any, which are most, cost nothing more; and a label's jobs are read in their order by its index,
however many others there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import md5
from typing import Any
from uuid import UUID

from hodei_domain.jobs.job import Job
from hodei_domain.kernel.change import Change

INSERT_MARKS = """
INSERT INTO job_marks (mark, created_at, job_id)
SELECT mark, created_at, job_id
FROM json_to_recordset(%(marks)s::json) AS m (mark uuid, created_at timestamptz, job_id uuid)
ON CONFLICT DO NOTHING
"""


def marks_of(labels: Mapping[str, str], tags: Iterable[str]) -> list[UUID]:
    """The marks of these labels and tags, of one length however long they are.

    The revision that made the table writes them in SQL, from the same texts.
    """
    written = [f"label:{len(key)}:{key}={value}" for key, value in labels.items()]
    written += [f"tag:{tag}" for tag in tags]
    return [UUID(md5(text.encode(), usedforsecurity=False).hexdigest()) for text in written]


def mark_rows(changes: Iterable[Change[Job]]) -> list[dict[str, Any]]:
    """The rows for those jobs that are new, JSON-ready."""
    return [
        {"mark": mark, "created_at": job.created_at, "job_id": job.id}
        for job in (change.after for change in changes if change.is_new)
        for mark in (marks_of(job.spec.labels, job.spec.tags) if job.spec.labels or job.spec.tags else ())
    ]
