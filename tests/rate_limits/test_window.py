"""The arithmetic of the moving window, against playing it out."""

from hypothesis import given
from hypothesis import strategies as st

from exist_async.rate_limits.window import Window


def played_out(taken: list[float], held_until: float, limit: int, now: float, ahead: int) -> float:
    """Let in one after another, each at the first moment that the rule allows."""
    let_in = sorted(taken)
    moment = now
    for _ in range(ahead + 1):
        moment = max(now, held_until)
        if len(let_in) >= limit:
            moment = max(moment, let_in[-limit] + 60.0)
        let_in.append(moment)
    return moment - now


@given(
    ages=st.lists(st.integers(0, 59), max_size=12),
    hold=st.integers(0, 60),
    limit=st.integers(1, 8),
    ahead=st.integers(0, 30),
)
def test_a_wait_is_what_playing_it_out_gives(ages: list[int], hold: int, limit: int, ahead: int) -> None:
    now = 1_000.0
    taken = sorted(now - age for age in ages)
    window = Window(limit, 60.0, taken, now + hold)

    waited = window.wait(now, ahead)

    # Those who are held come later, and so do those who take their slots: no less than this, and exact without a hold.
    expected = played_out(taken, now + hold, limit, now, ahead)
    assert waited == expected if hold == 0 else hold <= waited <= expected
