"""Steps with fewer micro-batches than the loop was said to accumulate."""

from __future__ import annotations

import logging

_logger = logging.getLogger(__name__)


class CutAccumulations:
    """Tells the last step of an epoch, which may be short, from a wrong number of micro-batches.

    Args:
        first_step: The number of the first step.
    """

    def __init__(self, first_step: int) -> None:
        self._latest: int | None = first_step - 2

    def seen(self, step: int) -> None:
        """Warn once where two steps in a row were cut short."""
        if self._latest == step - 1:
            self._latest = None
            _logger.warning(
                "Two steps in a row had fewer micro-batches than `accumulate` says: gradients "
                "of such steps are not recorded."
            )
        elif self._latest is not None:
            self._latest = step
