"""From what a job says to the class of workers that can serve it."""

from datetime import timedelta

from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import PullPolicy

__all__ = ["DemandClass", "demand_of"]

HOUR = timedelta(hours=1)


def demand_of(spec: JobSpec) -> DemandClass:
    """The class of workers that can serve this job; jobs that differ in nothing else share it."""
    return DemandClass(
        image=spec.image,
        user=spec.user,
        pull=spec.pull if spec.image else PullPolicy.IF_NOT_PRESENT,
        resources=spec.resources,
        constraints=spec.constraints,
        provider=spec.provider,
        region=spec.region,
        preferred_provider=spec.preferred_provider,
        preferred_region=spec.preferred_region,
        max_cost=hourly(spec),
    )


def hourly(spec: JobSpec) -> float | None:
    """What an hour may cost for the job to stay within its budget however long it may run; None without a
    budget. A job that has no clock is reckoned with an hour.
    """
    if spec.max_budget is None:
        return None
    longest = spec.clocks.execution or spec.clocks.total or HOUR
    return float(f"{spec.max_budget * (HOUR / longest):.6g}")
