"""A run beside the good ones of its team: where it leaves what is usual for them."""

from tuneguard.good_runs.departures import BesideGoodRuns, Departure, beside_good_runs

__all__ = ["BesideGoodRuns", "Departure", "beside_good_runs"]
