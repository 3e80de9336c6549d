"""Whether two parts of the data share more samples than such data repeat by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betaincinv

ERROR = 0.001
"""How often each bound of a share may be wrong."""


@dataclass(frozen=True, slots=True)
class SplitOverlap:
    """What is known of samples that were trained on, and of those validated on.

    Attributes:
        validated: Validation samples that were compared.
        repeated_validated: Those that equal another one of them.
        examined: Training samples that were compared.
        distinct_examined: Different ones among them.
        repeated_examined: Those that equal another one of them.
        shared_examined: Training samples that equal a validation sample.
        shared_validated: Different validation samples that equal a training sample.
    """

    validated: float
    repeated_validated: float
    examined: float
    distinct_examined: float
    repeated_examined: float
    shared_examined: float
    shared_validated: float

    @property
    def is_possible(self) -> bool:
        """Whether these may be counts of one and the same data."""
        of_validated = self.repeated_validated, self.shared_validated
        of_examined = self.distinct_examined, self.repeated_examined, self.shared_examined
        return min(*of_validated, *of_examined) >= 0.0 and (
            max(of_validated) <= self.validated and max(of_examined) <= self.examined
        )

    @property
    def share(self) -> float:
        """Share of the validation samples that were met in training."""
        return self.shared_validated / self.validated

    def excess(self, least_ratio: float) -> float:
        """Return how far more is shared than such data repeat by themselves; from 1 on, it is.

        Were both parts drawn from one source, a sample would have an equal in a part that it is
        not of as often as in its own. So the share of training samples found in validation is
        held against that of validation samples found among the others, and the share of
        validation samples found in training against that of training samples found among the
        others. Copies within a part, and samples that come again in a later epoch, make the own
        share larger and so nothing alarming. Each larger share counts with its lower bound and
        each smaller one with its upper bound (Clopper and Pearson 1934). Of repeated samples one
        in two counts: equals come in pairs. Of training samples the different ones count, as
        one that comes again says nothing new.

        Args:
            least_ratio: How many times the own share the other one has to be in any case: the
                parts may be drawn from sources that differ a little.
        """
        in_validation = _excess(
            self.shared_examined / self.examined,
            self.distinct_examined,
            self.repeated_validated / self.validated,
            self.validated / 2.0,
            least_ratio,
        )
        in_training = _excess(
            self.share,
            self.validated,
            self.repeated_examined / self.examined,
            self.examined / 2.0,
            least_ratio,
        )
        return max(in_validation, in_training)


def _excess(
    share: float, trials: float, own_share: float, own_trials: float, least_ratio: float
) -> float:
    certain = lower_bound(share, trials) / upper_bound(own_share, own_trials)
    return min(certain, share / (least_ratio * own_share)) if own_share else certain


def lower_bound(share: float, trials: float) -> float:
    """Return the one-sided lower bound of a share (Clopper and Pearson 1934), below by `ERROR`.

    Args:
        share: Measured, in [0, 1].
        trials: In how many trials; need not be a whole number.

    >>> round(lower_bound(0.5, 100), 2), lower_bound(0.0, 100)
    (0.34, 0.0)
    """
    hits = share * trials
    return float(betaincinv(hits, trials - hits + 1.0, ERROR)) if hits else 0.0


def upper_bound(share: float, trials: float) -> float:
    """Return the one-sided upper bound, above by `ERROR`; the other arguments as before.

    >>> round(upper_bound(0.5, 100), 2), round(upper_bound(0.0, 100), 3)
    (0.66, 0.067)
    """
    misses = (1.0 - share) * trials
    return float(betaincinv(trials - misses + 1.0, misses, 1.0 - ERROR)) if misses else 1.0
