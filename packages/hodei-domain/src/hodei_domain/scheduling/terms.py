"""What holds for a worker, the rules of its pool, its provider and the scheduler weighed."""

from collections.abc import Iterator
from datetime import timedelta

from attrs import frozen

from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.values import PullPolicy
from hodei_domain.providers.pools import DEFAULT, Pool, PoolKey
from hodei_domain.providers.provider import Provider
from hodei_domain.scheduling.config import SchedulerConfig

ONE_JOB_IDLE = timedelta(seconds=2)
"""How long a worker stays idle whose image was fetched for one job that is gone: for no later one."""


@frozen(kw_only=True)
class Terms:
    """For how long, for how many jobs and with how much patience at its end a worker serves; `out_of_use`
    tells why its provider gets no jobs, "" if it does.
    """

    pool: PoolKey
    idle_ttl: timedelta
    max_lifetime: timedelta
    max_jobs: int
    drain_within: timedelta | None
    out_of_use: str = ""


@frozen(kw_only=True)
class WarmPool:
    """So many idle workers of a class are to be kept at a provider (its name)."""

    provider: str
    demand: DemandClass
    min_idle: int


def terms_of(provider: Provider | None, demand: DemandClass, config: SchedulerConfig) -> Terms:
    """The terms for a worker that was made there for this class."""
    pool = Pool(image=demand.image, resources=demand.resources)
    if provider is not None:
        pool = provider.pool_for(demand)
    rules = pool.rules
    idle_ttl = config.idle_ttl if rules.idle_ttl is None else rules.idle_ttl
    max_jobs = config.max_jobs if rules.max_jobs is None else rules.max_jobs
    if demand.pull is PullPolicy.ALWAYS:
        idle_ttl, max_jobs = min(idle_ttl, ONE_JOB_IDLE), 1
    return Terms(
        pool=pool.key,
        idle_ttl=idle_ttl,
        max_lifetime=config.max_lifetime if rules.max_lifetime is None else rules.max_lifetime,
        max_jobs=max_jobs,
        drain_within=rules.drain_within,
        out_of_use="" if provider is None else provider.out_of_use,
    )


def warm_pools(provider: Provider, config: SchedulerConfig) -> Iterator[WarmPool]:
    """The pools of which idle workers are to be kept, the default one last."""
    for pool in provider.pools:
        if pool.key != DEFAULT and pool.rules.min_idle:
            yield WarmPool(provider=provider.name, demand=pool.demand, min_idle=pool.rules.min_idle)
    usual = provider.pool_for(ANY).rules.min_idle
    count = config.min_idle if usual is None else usual
    if count:
        yield WarmPool(provider=provider.name, demand=ANY, min_idle=count)
