"""Every prescription that there is, with numbers, and a model to try it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.batch_size import larger_batch_at_lower_rate, other_batch_size
from tuneguard.prescriptions.calibration import fit_a_temperature
from tuneguard.prescriptions.capacity import larger_model, smaller_model
from tuneguard.prescriptions.clipping import clip_gradients, raise_clip_norm
from tuneguard.prescriptions.data_split import (
    compare_splits,
    find_shared_samples,
    larger_validation_set,
    validate_on_training_data,
)
from tuneguard.prescriptions.initialisation import (
    fresh_weights,
    matching_weights,
    revive_units,
    smaller_initialisation,
    unit_variance,
)
from tuneguard.prescriptions.inputs import look_at_batches, standardise_inputs
from tuneguard.prescriptions.learning_rate import (
    less_momentum,
    longer_steps,
    lower_learning_rate,
    raise_learning_rate,
    start_anew,
)
from tuneguard.prescriptions.loaded_weights import initialise_new_layers
from tuneguard.prescriptions.machine import (
    average_over_ranks,
    bound_what_is_kept,
    detach_what_is_kept,
    even_out_ranks,
    fill_the_accelerator,
    load_ahead,
    more_workers,
)
from tuneguard.prescriptions.numerics import (
    find_the_first_bad_value,
    overfit_one_batch,
    train_in_bfloat16,
    zero_gradients,
)
from tuneguard.prescriptions.optimizers import (
    layer_wise_rates,
    more_momentum,
    step_without_momentum,
)
from tuneguard.prescriptions.outputs import (
    bare_output,
    centred_targets,
    log_of_softmax_in_one,
    smaller_last_layer,
)
from tuneguard.prescriptions.regularisation import (
    label_smoothing,
    less_dropout,
    less_weight_decay,
    mix_samples,
    more_dropout,
    more_weight_decay,
)
from tuneguard.prescriptions.schedules import (
    decay_over_run,
    decay_to_zero,
    inverse_square_root,
    keep_below,
    reduce_on_plateau,
    settle_from,
    warm_up,
)
from tuneguard.prescriptions.signal import (
    leaky_activation,
    normalised_layers,
    rectify_with_kaiming,
    residual_path,
)
from tuneguard.prescriptions.stopping import end_sooner, stop_at_best, train_longer
from tuneguard.prescriptions.wiring import join_graph, train_layers, unfreeze

LOSS = RunHistory.from_series({"loss": [(0, 1.0), (9, 0.5)]}).series["loss"]
BUILDERS: dict[str, Callable[[RunHistory], Prescription]] = {
    "larger_model": lambda run: larger_model(run, 4),
    "smaller_model": smaller_model,
    "fit_a_temperature": lambda _: fit_a_temperature(),
    "clip_gradients": lambda run: clip_gradients(run, 1.8234),
    "decay_to_zero": lambda _: decay_to_zero(600),
    "lower_learning_rate": lambda run: lower_learning_rate(run, factor=0.1, because="it leapt"),
    "other_batch_size": lambda run: other_batch_size(run, 4.0),
    "decay_over_run": lambda run: decay_over_run(run, LOSS),
    "start_anew": lambda run: start_anew(run, factor=5.0),
    "less_momentum": lambda run: less_momentum(run, 0.9),
    "fresh_weights": lambda run: fresh_weights(run, 6.0),
    "matching_weights": matching_weights,
    "keep_below": lambda _: keep_below(0.02, 0.6),
    "longer_steps": lambda run: longer_steps(run, 2e-5),
    "raise_learning_rate": lambda run: raise_learning_rate(run, factor=10.0, because="it crept"),
    "reduce_on_plateau": lambda _: reduce_on_plateau(3),
    "warm_up": lambda run: warm_up(run, 30),
    "find_the_first_bad_value": lambda _: find_the_first_bad_value(412.0),
    "overfit_one_batch": lambda _: overfit_one_batch(),
    "train_in_bfloat16": lambda _: train_in_bfloat16(0.3),
    "zero_gradients": lambda _: zero_gradients(factor=5.0),
    "bare_output": lambda _: bare_output("Softmax", "cross-entropy"),
    "log_of_softmax_in_one": lambda _: log_of_softmax_in_one(),
    "smaller_last_layer": lambda _: smaller_last_layer(6.0),
    "centred_targets": lambda _: centred_targets(),
    "standardise_inputs": lambda _: standardise_inputs(33.0, 78.0),
    "look_at_batches": lambda _: look_at_batches((150.0, 240.0)),
    "label_smoothing": lambda _: label_smoothing(),
    "less_dropout": lambda run: less_dropout(run, 0.2),
    "less_weight_decay": lambda run: less_weight_decay(run, 0.01),
    "more_dropout": more_dropout,
    "more_weight_decay": more_weight_decay,
    "rectify_with_kaiming": rectify_with_kaiming,
    "residual_path": residual_path,
    "raise_clip_norm": lambda run: raise_clip_norm(run, 1.8234),
    "layer_wise_rates": lambda run: layer_wise_rates(run, ["3"], 3e4),
    "leaky_activation": leaky_activation,
    "revive_units": lambda _: revive_units(0.97),
    "smaller_initialisation": lambda run: smaller_initialisation(run, 0.8),
    "unit_variance": lambda _: unit_variance(),
    "initialise_new_layers": lambda _: initialise_new_layers(),
    "step_without_momentum": step_without_momentum,
    "more_momentum": lambda run: more_momentum(run, 0.9),
    "settle_from": lambda _: settle_from(0.02, 600),
    "inverse_square_root": lambda _: inverse_square_root(240),
    "larger_batch_at_lower_rate": lambda run: larger_batch_at_lower_rate(run, 4.0, 0.3),
    "mix_samples": lambda _: mix_samples(),
    "normalised_layers": normalised_layers,
    "join_graph": lambda _: join_graph(["0", "3"]),
    "train_layers": lambda run: train_layers(run, ["0", "3"]),
    "unfreeze": lambda run: unfreeze(run, ["0", "3"]),
    "compare_splits": lambda _: compare_splits(),
    "find_shared_samples": lambda _: find_shared_samples(),
    "larger_validation_set": lambda _: larger_validation_set(9.0),
    "validate_on_training_data": lambda _: validate_on_training_data(),
    "end_sooner": lambda _: end_sooner(120.0, 600.0, "step"),
    "train_longer": lambda _: train_longer(599.0, 3.0, "step", 0.25, "validation loss"),
    "stop_at_best": lambda _: stop_at_best(199.0, "step", 0.4321, 3),
    "average_over_ranks": lambda _: average_over_ranks(),
    "bound_what_is_kept": lambda _: bound_what_is_kept(812.0),
    "detach_what_is_kept": lambda _: detach_what_is_kept(812.0),
    "even_out_ranks": lambda _: even_out_ranks(1.8),
    "fill_the_accelerator": lambda run: fill_the_accelerator(run, 4),
    "load_ahead": load_ahead,
    "more_workers": lambda run: more_workers(run, 0.7),
}
SETTINGS: dict[str, dict[str, object]] = {
    "nothing known": {},
    "SGD": {
        "lr": 0.1,
        "optimizer": "SGD",
        "weight_decay": 1e-4,
        "dropout": 0.8,
        "clip_norm": 5,
        "num_parameters": 212,
        "warmup_steps": 10,
        "activation": "Sigmoid",
    },
    "Adam": {"lr": 3.14159e-4, "optimizer": "Adam", "weight_decay": 0, "dropout": 0},
    "extreme": {"lr": 1e-12, "optimizer": "AdamW", "weight_decay": 1e6, "dropout": 1},
}


@dataclass
class Loop:
    """What a snippet may use: a model whose gradients are there, and its optimizer."""

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def execute(self, fix: Prescription) -> dict[str, Any]:
        names: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer}
        exec(compile(fix.snippet, fix.parameter, "exec"), names)
        return names


def prescribe(builder: str, settings: str = "SGD") -> Prescription:
    return BUILDERS[builder](RunHistory.from_series({}, SETTINGS[settings]))
