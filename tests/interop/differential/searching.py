"""The search for a program that goes wrong: hypothesis makes programs and shrinks what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from .steps import Step
from .strategies import mixed_programs, programs

#: Runs a program; gives a report when it goes wrong, else None.
Trial = Callable[[Sequence[Step]], "str | None"]


class _WentWrong(AssertionError):
    pass


def search(trial: Trial, *, by_turns: bool, seed_number: int, count: int) -> str | None:
    """Try random programs.

    Args:
        trial: runs one.
        by_turns: whether each step says which side does it.
        seed_number: the same number makes the same programs.
        count: how many programs.

    Returns:
        The report of the shortest program that was found to go wrong, or None.
    """
    last: list[Sequence[Step]] = []

    @seed(seed_number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(mixed_programs() if by_turns else programs())
    def run(program: Sequence[Step]) -> None:
        if trial(program) is not None:
            last[:] = [program]
            raise _WentWrong

    try:
        run()
    except _WentWrong:
        report = trial(_reduced(trial, last[0]))
        return f"found with seed {seed_number}\n{report}"
    return None


def _reduced(trial: Trial, program: Sequence[Step]) -> Sequence[Step]:
    """Without every step that can be left out. Hypothesis gives up on some of them."""
    steps, position = list(program), len(program)
    while position:
        position -= 1
        shorter = steps[:position] + steps[position + 1 :]
        if shorter and trial(shorter) is not None:
            steps, position = shorter, len(shorter)
    return steps
