"""The interval of a share, against another implementation."""

import pytest
from scipy.stats import binomtest

from tuneguard.statistics.proportions import wilson_interval


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (0, 12), (1, 1), (3, 9), (40, 1000), (7, 7)])
def test_it_is_the_interval_that_scipy_computes(hits, trials):
    low, high = binomtest(hits, trials).proportion_ci(0.95, method="wilson")

    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=1e-12)
