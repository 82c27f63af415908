from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.values import Capacity, Constraint, Operator, PullPolicy, Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.pools import Pool
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.scheduling.eligible import honour, provider_cannot, provider_is_closed, worker_cannot
from hodei_domain.scheduling.offers import ProviderOffer, WorkerOffer, offer_of, provider_offer
from hodei_domain.testing.making import MINUTE, T0, new_provider_id, new_worker, new_worker_id
from hodei_domain.workers.spec import WorkerInfo

WORKER = WorkerOffer(
    worker_id=new_worker_id(),
    provider="docker",
    region="eu",
    image="alpine:3.20",
    architecture="amd64",
    capacity=Capacity(cpu_cores=4, memory_mib=1024, disk_mib=100, gpu=1),
    labels={"zone": "a"},
)
CAN = Capabilities(
    images=True,
    gpu=True,
    architectures=["amd64"],
    regions=["eu"],
    labels={"zone": "a"},
    max_resources=Resources(cpu_cores=8, memory_mib=4096, storage_mib=1000, gpu=2),
)
PROVIDER = ProviderOffer(provider_id=new_provider_id(), name="docker", capabilities=CAN, labels={"zone": "a"})


def demand(**fields: Any) -> DemandClass:
    return DemandClass(**{"image": "alpine:3.20", **fields})


SHAPE = Resources(memory_mib=512, gpu=1, architecture="amd64")


def test_a_container_serves_only_jobs_that_ask_for_what_it_was_made_for() -> None:
    made = evolve(WORKER, shape=SHAPE, capacity=Capacity(cpu_cores=4, memory_mib=1024, disk_mib=100))
    assert worker_cannot(demand(resources=SHAPE), made) is None
    assert worker_cannot(demand(resources=evolve(SHAPE, architecture="")), made) is None
    for other in (Resources(), evolve(SHAPE, memory_mib=256), evolve(SHAPE, gpu=0)):
        assert "other resources" in str(worker_cannot(demand(resources=other), made))


FITTING = [
    demand(),
    demand(resources=Resources(cpu_cores=4, memory_mib=1024, storage_mib=100, gpu=1, architecture="amd64")),
    demand(provider="docker", region="eu"),
    demand(
        constraints=[
            Constraint("zone", Operator.EQ, ("a",)),
            Constraint("hodei.provider", Operator.EQ, ("docker",)),
        ]
    ),
    demand(constraints=[Constraint("hodei.architecture", Operator.NE, ("arm64",))]),
]

MISFITS = [
    (demand(image="alpine:3.19"), "alpine:3.19"),
    (DemandClass(), "not in the default one"),
    (demand(resources=Resources(architecture="arm64")), "not arm64"),
    (demand(provider="kubernetes"), "not kubernetes"),
    (demand(region="us"), "not us"),
    (demand(resources=Resources(cpu_cores=4.5)), "4 cores, not 4.5"),
    (demand(resources=Resources(memory_mib=1025)), "1024 MiB of memory"),
    (demand(resources=Resources(storage_mib=101)), "100 MiB of disk"),
    (demand(resources=Resources(gpu=2)), "1 GPUs, not 2"),
    (
        demand(constraints=[Constraint("zone", Operator.EQ, ("b",))]),
        "its label zone is a: zone Eq b is asked",
    ),
    (demand(constraints=[Constraint("none", Operator.EQ, ("b",))]), "its label none is absent"),
]


@pytest.mark.parametrize("wanted", FITTING)
def test_a_worker_that_fits_can(wanted: DemandClass) -> None:
    assert worker_cannot(wanted, WORKER) is None


@pytest.mark.parametrize(("wanted", "why"), MISFITS)
def test_a_worker_that_does_not_fit_says_why(wanted: DemandClass, why: str) -> None:
    assert why in (worker_cannot(wanted, WORKER) or "")


def test_what_is_unknown_of_a_machine_refuses_nothing_but_a_gpu() -> None:
    unknown = WorkerOffer(worker_id=new_worker_id())
    big = Resources(cpu_cores=64, memory_mib=1 << 20, storage_mib=1 << 20, architecture="arm64")
    assert worker_cannot(DemandClass(resources=big), unknown) is None
    assert worker_cannot(DemandClass(resources=Resources(gpu=1)), unknown) is not None


def test_a_worker_cannot_claim_to_belong_to_another_provider() -> None:
    liar = evolve(WORKER, labels={"hodei.provider": "trusted"})
    assert worker_cannot(demand(constraints=[Constraint("hodei.provider", Operator.EQ, ("trusted",))]), liar)


@pytest.mark.parametrize("wanted", [*FITTING, ANY])
def test_a_provider_that_fits_can(wanted: DemandClass) -> None:
    assert provider_cannot(wanted, PROVIDER) is None


@pytest.mark.parametrize(
    ("wanted", "changes", "why"),
    [
        (demand(), {"capabilities": Capabilities()}, "runs no images"),
        (demand(), {"has_plugin": False}, "not available"),
        (demand(), {"refusal": "no such image"}, "no such image"),
        (demand(provider="other"), {}, "wants provider other"),
        (demand(region="us"), {}, "is in eu, not in us"),
        (demand(resources=Resources(architecture="arm64")), {}, "has no arm64 machines"),
        (demand(resources=Resources(gpu=1)), {"capabilities": evolve(CAN, gpu=False)}, "has no GPUs"),
        (demand(resources=Resources(cpu_cores=9)), {}, "at most 8 cores"),
        (demand(resources=Resources(memory_mib=4097)), {}, "at most 4096 MiB of memory"),
        (demand(resources=Resources(storage_mib=1001)), {}, "at most 1000 MiB of disk"),
        (demand(resources=Resources(gpu=3)), {}, "at most 2 GPUs"),
        (demand(constraints=[Constraint("zone", Operator.NE, ("a",))]), {}, "its label zone is a"),
    ],
)
def test_a_provider_that_cannot_says_why(wanted: DemandClass, changes: dict[str, Any], why: str) -> None:
    assert why in (provider_cannot(wanted, evolve(PROVIDER, **changes)) or "")


def test_a_provider_without_stated_limits_has_none() -> None:
    free = evolve(PROVIDER, capabilities=Capabilities(images=True, gpu=True))
    wanted = demand(resources=Resources(cpu_cores=99, gpu=99, architecture="riscv64"))
    assert provider_cannot(wanted, free) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"out_of_use": "is disabled"}, "is disabled"),
        ({"takes_work": False, "status": "UNHEALTHY"}, "is unhealthy"),
        (
            {"takes_work": False, "status": "UNHEALTHY", "health_message": "no socket"},
            "is unhealthy: no socket",
        ),
        ({"max_workers": 3, "live_workers": 3}, "is at its limit of 3 workers"),
        ({"retry_at": T0 + MINUTE}, "could not make a worker; it will be asked again in 60 s"),
        (
            {"retry_at": T0 + MINUTE, "trouble": "429"},
            "could not make a worker: 429; it will be asked again in 60 s",
        ),
        ({"retry_at": T0}, None),
    ],
)
def test_a_closed_provider_says_why(changes: dict[str, Any], why: str | None) -> None:
    assert provider_is_closed(evolve(PROVIDER, **changes), T0) == why


def test_what_is_required_is_never_given_up() -> None:
    for wanted in (demand(provider="gone"), demand(region="moon"), demand(provider="docker", region="us")):
        assert honour(wanted, [PROVIDER]) == wanted
        assert provider_cannot(wanted, PROVIDER) is not None


def test_a_provider_without_regions_is_in_none() -> None:
    nowhere = evolve(PROVIDER, capabilities=evolve(CAN, regions=()))
    assert provider_cannot(demand(region="eu"), nowhere) == "is in no region, not in eu"


def test_a_preference_binds_while_someone_could_keep_it_be_it_full() -> None:
    wanted = demand(preferred_provider="docker", preferred_region="eu")
    full = evolve(PROVIDER, live_workers=10)
    assert honour(wanted, [full]) == demand(provider="docker", region="eu")
    assert honour(demand(), [full]) == demand()


def test_a_preference_that_nobody_can_keep_is_dropped_the_region_first() -> None:
    wanted = demand(preferred_provider="docker", preferred_region="us")
    assert honour(wanted, [PROVIDER]) == demand(provider="docker")
    there = evolve(PROVIDER, name="cloud", capabilities=evolve(CAN, regions=["us"]))
    assert honour(wanted, [there]) == demand(region="us")
    gone = demand(preferred_provider="gone", preferred_region="moon")
    assert honour(gone, [PROVIDER, there]) == demand()
    assert honour(evolve(gone, provider="docker"), [there]) == demand(provider="docker")
    for away in (evolve(PROVIDER, takes_work=False),):
        assert honour(demand(preferred_provider="docker"), [away]) == demand()


def test_an_offer_is_made_from_a_worker() -> None:
    asked = demand(
        resources=Resources(cpu_cores=2, memory_mib=64, storage_mib=5, gpu=1, architecture="arm64"),
        region="eu",
    )
    starting = new_worker(demand=asked, labels={"zone": "a"}).after
    offer = offer_of(starting, "docker")
    assert worker_cannot(evolve(asked, provider="docker"), offer) is None, "what it was asked to be counts"
    assert (offer.capacity, offer.made_for) == (
        Capacity(cpu_cores=2, memory_mib=64, disk_mib=5, gpu=1),
        asked.key,
    )
    here = starting.register(WorkerInfo(architecture="arm64", capacity=Capacity(cpu_cores=1)), at=T0).after
    assert worker_cannot(asked, offer_of(here)) == "has 1 cores, not 2"
    assert offer_of(new_worker().after).images == frozenset()


def test_an_offer_is_made_from_a_provider() -> None:
    provider = Provider.register(
        new_provider_id(), "docker", ProviderType.DOCKER, at=T0, capabilities=CAN, max_workers=2, priority=4
    ).after
    offer = provider_offer(
        provider, pool=Pool(), live_workers=1, startup_time=timedelta(seconds=2), cost_per_hour=0.5
    )
    assert (offer.name, offer.priority, offer.live_workers, offer.max_workers) == ("docker", 4, 1, 2)
    assert (offer.startup_time, offer.cost_per_hour) == (timedelta(seconds=2), 0.5)
    assert provider_cannot(demand(), offer) is None
    off = provider_offer(provider.disable(at=T0).after, pool=Pool(), live_workers=0)
    assert provider_is_closed(off, T0) == "is disabled"


def test_an_image_that_is_to_be_fetched_anew_asks_for_a_worker_that_did_and_served_nobody() -> None:
    anew, fetched = demand(pull=PullPolicy.ALWAYS), evolve(WORKER, pull=PullPolicy.ALWAYS)
    assert worker_cannot(anew, fetched) is None
    for other in (WORKER, evolve(fetched, jobs_done=1)):
        assert worker_cannot(anew, other) == "did not fetch its image for this job"


@pytest.mark.parametrize("pull", [PullPolicy.IF_NOT_PRESENT, PullPolicy.NEVER])
def test_who_takes_the_image_that_is_there_takes_any_worker_with_it(pull: PullPolicy) -> None:
    for made in PullPolicy:
        assert worker_cannot(demand(pull=pull), evolve(WORKER, pull=made, jobs_done=3)) is None


def test_a_worker_is_one_user_and_takes_jobs_for_no_other() -> None:
    assert worker_cannot(demand(user="5:6"), evolve(WORKER, user="5:6")) is None
    assert worker_cannot(demand(user="5:6"), WORKER) == "runs as its image's user, not as user 5:6"
    assert worker_cannot(demand(), evolve(WORKER, user="0")) == "runs as user 0, not as its image's user"
