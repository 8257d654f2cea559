"""The arithmetic of the moving window, compared with a simulation."""

from hypothesis import given
from hypothesis import strategies as st

from exist_async.rate_limits.window import Window


def simulated(taken: list[float], held_until: float, limit: int, now: float, ahead: int) -> float:
    """Send requests one after another, each as early as the rule allows, and return the wait of the last."""
    sent = sorted(taken)
    moment = now
    for _ in range(ahead + 1):
        moment = max(now, held_until)
        if len(sent) >= limit:
            moment = max(moment, sent[-limit] + 60.0)
        sent.append(moment)
    return moment - now


@given(
    ages=st.lists(st.integers(0, 59), max_size=12),
    hold=st.integers(0, 60),
    limit=st.integers(1, 8),
    ahead=st.integers(0, 30),
)
def test_a_wait_is_that_of_the_simulation(ages: list[int], hold: int, limit: int, ahead: int) -> None:
    now = 1_000.0
    taken = sorted(now - age for age in ages)
    window = Window(limit, 60.0, taken, now + hold)

    waited = window.wait(now, ahead)

    # In the simulation a hold also delays the requests in front, and so those that take their slots.
    expected = simulated(taken, now + hold, limit, now, ahead)
    assert waited == expected if hold == 0 else hold <= waited <= expected
