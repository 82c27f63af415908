"""From what a job says to the class of workers that can serve it."""

from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.demand import DemandClass

__all__ = ["DemandClass", "demand_of"]


def demand_of(spec: JobSpec) -> DemandClass:
    """The class of workers that can serve this job; jobs that differ in nothing else share it."""
    return DemandClass(
        image=spec.image,
        resources=spec.resources,
        constraints=spec.constraints,
        provider=spec.provider,
        region=spec.region,
    )
