"""The tags of a run that trains: what is found in it now."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from tuneguard import keys
from tuneguard.findings import Finding
from tuneguard.storage.review import finding_value
from tuneguard.version import __version__


class TaggedRun(Protocol):
    """A run whose tags can be written."""

    def log_facts(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Write params and tags."""

    def remove_tag(self, key: str) -> None:
        """Remove a tag."""


def live_tags(present: Sequence[Finding], verdict: str) -> dict[str, str]:
    """Return the tags that a review would write, without its fingerprint.

    Args:
        present: What holds now, causes before symptoms.
        verdict: The verdict on the run as it is now.
    """
    return {
        keys.TAG_VERDICT: verdict,
        keys.TAG_FINDINGS: ", ".join(one.rule for one in present) or "none",
        keys.TAG_VERSION: __version__,
        **{
            f"{keys.TAG_PREFIX}{one.rule}": finding_value(
                str(one.severity), "step", f"{one.first_step:g}"
            )
            for one in present
        },
    }


class LiveTags:
    """Tags on their way to a run: only the latest are sent, and stale ones are removed."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._wanted: dict[str, str] = {}
        self._sent: dict[str, str] = {}

    @property
    def is_due(self) -> bool:
        """Whether there is anything to send."""
        with self._mutex:
            return self._wanted != self._sent

    def put(self, tags: Mapping[str, str]) -> None:
        """Have tags written in place of the earlier ones, without waiting."""
        with self._mutex:
            self._wanted = dict(tags)

    def send(self, run: TaggedRun) -> None:
        """Write what is new and remove what is stale; what fails is sent again at the next.

        Raises:
            Exception: Whatever the store raises.
        """
        with self._mutex:
            wanted = dict(self._wanted)
        new = {key: value for key, value in wanted.items() if self._sent.get(key) != value}
        if new:
            run.log_facts({}, new)
        for key in self._sent.keys() - wanted.keys():
            run.remove_tag(key)
        with self._mutex:
            self._sent = wanted
