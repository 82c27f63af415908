from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.testing.making import SECOND, T0, new_worker_id
from hodei_domain.testing.strategies import worker_ids
from hodei_domain.workers.errors import BadToken
from hodei_domain.workers.otp import mint, parse_token
from hodei_domain.workers.session import open_session, parse_session
from hypothesis import given
from hypothesis import strategies as st

SECRETS = st.binary(min_size=32, max_size=32)


@given(worker_ids(), SECRETS)
def test_a_password_leads_back_to_its_worker_and_digest(worker: WorkerId, secret: bytes) -> None:
    token, otp = mint(worker, None, secret, at=T0)
    assert token.startswith(f"hodw_{worker.hex}.")
    presented = parse_token(token)
    assert (presented.worker_id, presented.digest) == (worker, otp.digest)
    assert secret not in (otp.digest, presented.digest), "the secret itself is not kept"


@given(worker_ids(), SECRETS)
def test_a_session_admits_its_own_token_only(worker: WorkerId, secret: bytes) -> None:
    token, session = open_session(worker, secret, at=T0)
    presented = parse_session(token)
    assert session.admits(presented)
    assert not session.admits(evolve(presented, digest=b"x" * 32))
    assert not session.admits(evolve(presented, worker_id=new_worker_id()))


def test_a_password_lives_for_five_minutes() -> None:
    _, otp = mint(new_worker_id(), None, b"s" * 32, at=T0)
    assert otp.expires_at == T0 + timedelta(seconds=300)
    assert otp.refusal(otp.digest, otp.expires_at - SECOND) is None
    assert otp.refusal(otp.digest, otp.expires_at) == "the token has expired"


def test_a_refusal_says_why() -> None:
    _, otp = mint(new_worker_id(), None, b"s" * 32, at=T0)
    assert otp.refusal(b"x" * 32, T0) == "the token is not this worker's"
    assert evolve(otp, used_at=T0).refusal(otp.digest, T0) == "the token was used already"


def test_a_secret_must_have_its_length() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        mint(new_worker_id(), None, b"short", at=T0)


# One id for ever: parallel test processes must collect the same tests.
GOOD = mint(WorkerId(UUID("01a1fd07-7da8-7d94-98ce-dba0a1df466f")), None, b"s" * 32, at=T0)[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hodw_",
        "dev-anything",
        GOOD.replace("hodw", "hods"),
        GOOD.replace(".", ""),
        GOOD.replace("_", "-"),
        GOOD.replace(".", ".x"),
        GOOD[:-3],
        GOOD + "ñ",
        "hodw_zz." + GOOD.split(".")[1],
        GOOD + "A" * 300,
    ],
)
def test_what_is_no_token_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadToken) as caught:
        parse_token(text)
    assert caught.value.message == "the token is malformed"


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(BadToken):
        parse_token(f"hodw_{text}")


def test_digests_do_not_show() -> None:
    token, otp = mint(new_worker_id(), None, b"s" * 32, at=T0)
    _, session = open_session(new_worker_id(), b"s" * 32, at=T0)
    for shown in (repr(otp), repr(session), repr(parse_token(token))):
        assert "digest" not in shown
