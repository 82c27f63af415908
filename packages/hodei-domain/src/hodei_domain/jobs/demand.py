"""From what a job says to the class of workers that can serve it."""

from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import PullPolicy

__all__ = ["DemandClass", "demand_of"]


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
    )
