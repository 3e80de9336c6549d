"""Puts a recorder together for a model, its optimizers and the run that they are recorded into."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from tuneguard.findings import Finding
from tuneguard.recording.budget import Budget
from tuneguard.recording.facts import facts_of_model, facts_of_optimizers
from tuneguard.recording.layers import Layers
from tuneguard.recording.live_watch import LiveWatch
from tuneguard.recording.local_gradients import averaging_ranks
from tuneguard.recording.loss_mean import LossMean
from tuneguard.recording.outlet import Outlet
from tuneguard.recording.rank_group import RankGroup
from tuneguard.recording.ranks import ranks_here
from tuneguard.recording.recorder import Recorder
from tuneguard.recording.shards import Shards
from tuneguard.recording.system_signals import SystemOutlet, SystemSignals
from tuneguard.recording.units import UnitStatistics
from tuneguard.recording.untrained_parameters import facts_of_parameters
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.spool_folder import Spool, open_spool
from tuneguard.storage.own_monitor import is_monitored
from tuneguard.storage.run_choice import choose_run, follow_run
from tuneguard.storage.sink import Sink


@dataclass(frozen=True, slots=True)
class Place:
    """Where to record, as `TuneGuardCallback` was told.

    Attributes:
        run_id: An existing run.
        tracking_uri: The tracking store.
        experiment: Name of the experiment for a run of our own.
        spool: Folder for what MLflow has not taken yet.
    """

    run_id: str | None
    tracking_uri: str | None
    experiment: str | None
    spool: str | os.PathLike[str] | None


class Wiring:
    """What this process records, by its rank among those that train together.

    Args:
        model: The model that is trained.
        optimizers: What trains it.
        told: What the user says of the training, by name; `None` where nothing was said.
        higher_is_better: Direction of validation metrics, by name.

    Attributes:
        facts: What is known of the training, by name.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        told: Mapping[str, str | int | None],
        higher_is_better: Mapping[str, bool],
    ) -> None:
        self._model = model
        self._optimizers = optimizers
        self._planned_steps = told["planned_steps"]
        self._higher_is_better = dict(higher_is_better)
        self._ranks = ranks_here()
        self._layers = Layers(model)
        self._shards = Shards(model, self._layers, self._ranks.world_size)
        self._is_spread = self._ranks.world_size > 1 and self._shards.is_sharded
        self.facts = {name: str(value) for name, value in told.items() if value is not None}
        self.facts |= facts_of_optimizers(optimizers) | facts_of_model(model)
        self.facts |= facts_of_parameters(self._layers, optimizers)
        if self._ranks.world_size > 1:
            self.facts["world_size"] = str(self._ranks.world_size)

    def open(self, place: Place, first_step: int) -> tuple[Spool, Sink, RankGroup | None]:
        """Open the spool and what empties it; of several ranks, join the others.

        Args:
            place: Where to record.
            first_step: The number of the first step.
        """
        choose = follow_run if self._ranks.rank else choose_run
        run = choose(place.run_id, place.tracking_uri, place.experiment)
        self._spool = open_spool(place.spool, run, self._manifest())
        self._sink = Sink(self._spool)
        self._first_step = first_step
        self._group = (
            RankGroup(self._ranks, self._spool, self._sink, first_step)
            if self._ranks.world_size > 1
            else None
        )
        return self._spool, self._sink, self._group

    def watch(self, on_finding: Callable[[Finding], object] | None) -> LiveWatch | None:
        """Have the run diagnosed while it trains, once the spool is open: by rank 0 alone.

        Args:
            on_finding: Called with each cause that lasts.
        """
        if self._ranks.rank:
            return None
        self._sink.onlooker = watch = LiveWatch(self._spool, self._sink, on_finding)
        return watch

    def recorder(
        self,
        *,
        budget: float,
        scaler: torch.amp.GradScaler | None,
        flush_every: int,
        losses: LossMean,
    ) -> Recorder:
        """Return the recorder of this rank, once the spool is open.

        Args:
            budget: Share of the loop's time for samples.
            scaler: What scales the loss, if anything does.
            flush_every: Steps in a packet, at most.
            losses: Collects the losses of micro-batches.
        """
        is_first = not self._ranks.rank
        averages = is_first and not self._is_spread
        return Recorder(
            self._layers,
            self._optimizers,
            self._outlet(),
            scaler=scaler,
            flush_every=flush_every,
            schedule=self._group.schedule if self._group else None,
            budget=Budget(budget, self._sink, self._first_step) if is_first else None,
            first_step=self._first_step,
            shares=self._shards.shares if self._is_spread else None,
            averaged_over=averaging_ranks(self._model, self._ranks.world_size) if averages else 1,
            looks_at_norms_only=not is_first and not self._is_spread,
            units=UnitStatistics(self._model) if is_first else None,
            losses=losses,
        )

    def _outlet(self) -> Outlet:
        outlet: Outlet = self._group or self._sink
        if self._ranks.rank:
            return outlet
        signals = SystemSignals(
            lambda: {one.device for one in self._layers.parameters},
            lambda: is_monitored(self._spool.ticket.run_id),
        )
        return SystemOutlet(outlet, signals)

    def _manifest(self) -> Manifest:
        planned = self._planned_steps
        return Manifest(
            new_recorder_id(rank=self._ranks.rank),
            layers=self._layers.names,
            params=dict(self.facts),
            higher_is_better=self._higher_is_better,
            planned_steps=None if planned is None else int(planned),
            rank=self._ranks.rank,
            world_size=self._ranks.world_size,
            is_sharded=self._is_spread,
        )
