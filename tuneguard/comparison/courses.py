"""Curves with their noise, for a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuneguard.comparison.clocks import Track
from tuneguard.comparison.result import Band, BandPicture
from tuneguard.comparison.windows import Windows
from tuneguard.statistics.robust import noise_scale, running_median

FloatArray = NDArray[np.float64]

_POINTS = 120
_SMOOTHED = 5
_FEW = 3


def picture_of(
    measure: str,
    axis: str,
    tracks: tuple[Sequence[Track], Sequence[Track]],
    windows: Windows,
) -> BandPicture:
    """Return the courses of one measure before and after the change.

    Args:
        measure: What was measured.
        axis: What the tracks count.
        tracks: Those before and those after.
        windows: Where they were compared.
    """
    bands = [_band(label, side) for label, side in zip(("before", "after"), tracks, strict=True)]
    return BandPicture(
        measure=measure,
        axis=axis,
        bands=tuple(band for band in bands if band is not None),
        span=(windows.before[0].first, windows.before[0].last),
        several=max(len(side) for side in tracks) > 1,
    )


def _band(label: str, tracks: Sequence[Track]) -> Band | None:
    known = [_finite(one) for one in tracks]
    known = [one for one in known if len(one.at)]
    if not known:
        return None
    return _of_one(label, known[0]) if len(known) == 1 else _of_several(label, known)


def _finite(track: Track) -> Track:
    is_finite = np.isfinite(track.values)
    return Track(track.at[is_finite], track.values[is_finite])


def _of_one(label: str, track: Track) -> Band:
    """Smooth one curve; its band is two standard deviations of its points around it."""
    centre, at, noise = track.values, track.at, 2.0 * noise_scale(track.values)
    if len(at) > _POINTS:
        edges = np.linspace(0, len(at), _POINTS + 1).astype(int)[:-1]
        centre = np.array([np.median(part) for part in np.split(track.values, edges[1:])])
        at = np.array([part[-1] for part in np.split(track.at, edges[1:])])
    elif len(at) > _SMOOTHED:
        centre = running_median(track.values, _FEW)
    return _rounded(label, at, centre, centre - noise, centre + noise)


def _of_several(label: str, tracks: Sequence[Track]) -> Band:
    """Average several curves where all of them are known; their range is the band."""
    first = max(float(one.at[0]) for one in tracks)
    last = min(one.end for one in tracks)
    densest = max(tracks, key=lambda one: len(one.at)).at
    inside = densest[(densest >= first) & (densest <= last)]
    at = inside if len(inside) <= _POINTS else np.linspace(first, last, _POINTS)
    if len(at) == 0:
        at = np.array([last])
    values = np.array([np.interp(at, one.at, one.values) for one in tracks])
    return _rounded(label, at, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def _rounded(label: str, *arrays: FloatArray) -> Band:
    at, centre, low, high = (tuple(array.tolist()) for array in arrays)
    return Band(label, at, centre, low, high)
