"""What rank 0 of a distributed training tells the other ranks: where all of them record."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass

from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.spool_folder import Spool


@dataclass(frozen=True, slots=True)
class AnnouncedRun:
    """The run that rank 0 chose or started.

    Attributes:
        tracking_uri: The tracking store.
        run_id: The run, or `None` where the store could not be asked for one.
        experiment: Name of the experiment for a run that is yet to be created.
        leader: Id of the recorder of rank 0.
        host: The machine of rank 0.
    """

    tracking_uri: str
    run_id: str | None
    experiment: str | None
    leader: str
    host: str

    @classmethod
    def of(cls, spool: Spool) -> AnnouncedRun:
        """Return what the spool of rank 0 has to tell."""
        ticket = spool.ticket
        return cls(
            ticket.tracking_uri,
            ticket.run_id,
            ticket.experiment,
            spool.manifest.recorder,
            socket.gethostname(),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> AnnouncedRun:
        """Read what `to_json` wrote.

        Raises:
            HistoryFormatError: It is something else.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise HistoryFormatError(f"Rank 0 announced no run: {error}.") from error

    def to_json(self) -> str:
        """Return it as a JSON document."""
        return json.dumps(asdict(self))

    def adopt(self, spool: Spool) -> None:
        """Let the spool of another rank belong to this run."""
        spool.change_manifest(leader=self.leader)
        spool.change_ticket(
            tracking_uri=self.tracking_uri,
            run_id=self.run_id,
            experiment=self.experiment,
            leader_host=self.host,
        )
