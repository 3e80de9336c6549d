"""How often a run is looked at while it trains."""

from __future__ import annotations

SHARE = 0.003
FIRST_SECONDS = 300.0
WANTED_SHARE = 0.005
WANTED_FIRST_SECONDS = 30.0
_GROWTH = 1.1
_INTERVAL_SECONDS = 30.0


class LookPace:
    """Spaces looks so that they take a small share of the run's time.

    A look is due when the run has become longer by a tenth of its steps, half a minute has
    passed, and all looks so far, the next one included, have cost no more than their share. Where
    somebody waits for what is found, the first comes earlier and the share is larger.

    Args:
        started: When the run began, in seconds of a clock of any origin.

    Attributes:
        is_wanted: Whether somebody waits for what is found.
        looks: How many there were.
    """

    def __init__(self, started: float) -> None:
        self.is_wanted = False
        self.looks = 0
        self._started = started
        self._looked = started
        self._step = 0
        self._spent = 0.0
        self._last = 0.0
        self._is_hurried = False

    def is_due(self, now: float, step: int) -> bool:
        """Whether it is time for a look.

        Args:
            now: On the clock of `started`.
            step: The step that the run has reached.
        """
        if self._is_hurried:
            return True
        passed = now - self._started
        if self.looks == 0:
            return passed >= (WANTED_FIRST_SECONDS if self.is_wanted else FIRST_SECONDS)
        share = WANTED_SHARE if self.is_wanted else SHARE
        return (
            now - self._looked >= _INTERVAL_SECONDS
            and self.has_grown(step)
            and self._spent + self._last <= share * passed
        )

    def has_grown(self, step: int) -> bool:
        """Whether the run has become longer by a tenth since the last look."""
        return step >= _GROWTH * self._step

    def hurry(self) -> None:
        """Make the next look due at once, whatever it costs."""
        self._is_hurried = True

    def looked(self, now: float, step: int, cost: float) -> None:
        """Take in that there was a look.

        Args:
            now: When it ended.
            step: The step that the run had reached.
            cost: Processor seconds that it took.
        """
        # the first look loads what it needs, which no later one does
        self._last = cost if self.looks else 0.0
        self.looks += 1
        self._is_hurried = False
        self._looked, self._step = now, step
        self._spent += cost
