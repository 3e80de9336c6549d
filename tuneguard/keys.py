"""The names that the writer and the reader of a run agree on, each spelled once."""

from __future__ import annotations

import re
from typing import Final

TRAIN_LOSS: Final = "train/loss"
LEARNING_RATE: Final = "learning_rate"
GRADIENT_NORM: Final = "gradient_norm"
UPDATE_RATIO: Final = "update_ratio"
VALIDATION: Final = "validation"
GLOBAL: Final = "global"
UPDATE_NORM: Final = "update_norm"
DEAD_UNITS: Final = "dead_units"
SATURATED_UNITS: Final = "saturated_units"
ZERO_GRADIENT_UNITS: Final = "zero_gradient_units"

GRADIENT_NORM_GLOBAL: Final = f"{GRADIENT_NORM}/{GLOBAL}"
UPDATE_RATIO_GLOBAL: Final = f"{UPDATE_RATIO}/{GLOBAL}"
UPDATE_NORM_GLOBAL: Final = f"{UPDATE_NORM}/{GLOBAL}"
GRADIENT_COSINE: Final = "gradient/cosine"
COSINE_TO_UPDATE: Final = "gradient/cosine_to_update"
NOISE_TO_SIGNAL: Final = "gradient/noise_to_signal"
CARRIED_GRADIENT: Final = "gradient/carried_over"
INPUT_MEAN: Final = "input/mean"
INPUT_DEVIATION: Final = "input/standard_deviation"
CURVATURE: Final = "curvature/along_update"
CLIPPING_FACTOR: Final = "gradient_clipping/factor"
CLIPPED_FRACTION: Final = "gradient_clipping/clipped_fraction"
VALIDATION_LOSS: Final = f"{VALIDATION}/loss"
STEP_SECONDS: Final = "time/step_seconds"
DATA_WAIT_FRACTION: Final = "time/data_wait_fraction"
SYSTEM: Final = "system"
PROCESS_MEMORY: Final = f"{SYSTEM}/process_memory_megabytes"
PROCESS_CPU: Final = f"{SYSTEM}/process_cpu_utilization_percentage"
SAMPLES_PER_SECOND: Final = "throughput/samples_per_second"
SPLITS: Final = "splits"
VALIDATION_SAMPLES: Final = f"{SPLITS}/validation_samples"
REPEATED_VALIDATION_SAMPLES: Final = f"{SPLITS}/repeated_validation_samples"
EXAMINED_SAMPLES: Final = f"{SPLITS}/examined_training_samples"
DISTINCT_EXAMINED_SAMPLES: Final = f"{SPLITS}/distinct_examined_training_samples"
REPEATED_EXAMINED_SAMPLES: Final = f"{SPLITS}/repeated_examined_training_samples"
SHARED_EXAMINED_SAMPLES: Final = f"{SPLITS}/examined_training_samples_in_validation"
SHARED_VALIDATION_SAMPLES: Final = f"{SPLITS}/validation_samples_trained_on"
NON_FINITE: Final = "tuneguard/non_finite"
SKIPPED_STEPS: Final = "tuneguard/skipped_steps"
OVERHEAD: Final = "tuneguard/overhead"
STRIDE: Final = "tuneguard/stride"

RANK_STEP_SKEW: Final = "rank/step_seconds_skew"
RANK_DATA_WAIT_GAP: Final = "rank/data_wait_gap"
RANK_GRADIENT_DISAGREEMENT: Final = "rank/gradient_disagreement"
RANK_LOSS_SPREAD: Final = "rank/loss_spread"

SHARD: Final = "shard/"
WEIGHT_NORM: Final = "weight_norm"

PREFIX: Final = "tuneguard/"
MAXIMUM_SUFFIX: Final = "/max"
MAX_KEY_LENGTH: Final = 250

TAG_VERDICT: Final = "tuneguard.verdict"
TAG_FINDINGS: Final = "tuneguard.findings"
TAG_VERSION: Final = "tuneguard.version"
TAG_FINGERPRINT: Final = "tuneguard.fingerprint"
TAG_RECORDER: Final = "tuneguard.recorder"
TAG_DROPPED: Final = "tuneguard.dropped"
TAG_TRACES: Final = "tuneguard.traces"
TAG_TREATMENT: Final = "tuneguard.treatment"
TAG_PROCESS: Final = f"{TAG_TREATMENT}.process"
TAG_TRIAL: Final = f"{TAG_TREATMENT}.training"
TAG_CHANGE: Final = f"{TAG_TREATMENT}.change"
TAG_OUTCOME: Final = f"{TAG_TREATMENT}.outcome"
TAG_TREATED_RULE: Final = f"{TAG_TREATMENT}.rule"
TAG_REMEDY: Final = f"{TAG_TREATMENT}.remedy"
TAG_COMPARED: Final = f"{TAG_TREATMENT}.comparison"
TRACES_WRITTEN: Final = "written"
TRACES_UNSUPPORTED: Final = "unsupported"
TAG_IMPORTED: Final = "tuneguard.imported"
TAG_SOURCE: Final = "tuneguard.source"
TAG_PREFIX: Final = "tuneguard."

TRACE_RULE: Final = "tuneguard.rule"
TRACE_SEVERITY: Final = "tuneguard.severity"
TRACE_STEPS: Final = "tuneguard.steps"
TRACE_SUMMARY: Final = "tuneguard.summary"
REAL_PROBLEM: Final = "real_problem"

ARTIFACTS: Final = "tuneguard"
RECORD: Final = f"{ARTIFACTS}/record"
SOURCE_ARTIFACTS: Final = f"{ARTIFACTS}/source"
MANIFEST: Final = "manifest.json"

METRIC_KEYS: Final[dict[str, str]] = {
    TRAIN_LOSS: "Loss of the batch (its mean over micro-batches), each optimizer step.",
    f"{VALIDATION}/<metric>": "What `on_validation_end` was given, at the optimizer step reached.",
    GRADIENT_NORM_GLOBAL: "L2 norm of all gradients: unscaled, complete, before clipping.",
    f"{GRADIENT_NORM}/<layer>": "The same for the parameters of one layer.",
    f"{LEARNING_RATE}/<group>": "Learning rate of one parameter group, as used for the step.",
    UPDATE_RATIO_GLOBAL: (
        "L2 norm of the update over L2 norm of the weights, estimated from a fixed sample of "
        "coordinates."
    ),
    f"{UPDATE_RATIO}/<layer>": "The same for one layer.",
    UPDATE_NORM_GLOBAL: "L2 norm of the update, estimated from the same sample.",
    GRADIENT_COSINE: "Cosine between the gradients of two successive steps, from the sketch.",
    COSINE_TO_UPDATE: (
        "Cosine between a gradient and the update right before it, from the sketch: above 0, the "
        "step went past the lowest point along its way."
    ),
    NOISE_TO_SIGNAL: (
        "Trace of the gradient's covariance over its squared mean: the gradient noise scale in "
        "batches. From micro-batches or ranks, else from successive steps; not written while it "
        "is uncertain."
    ),
    CARRIED_GRADIENT: (
        "Share of the last step's gradient that the next backward pass added to, of one small "
        "parameter at the first steps: 0 where gradients are zeroed in between."
    ),
    INPUT_MEAN: (
        "Mean of some of the numbers that the model was given, where they are not whole numbers "
        "by type."
    ),
    INPUT_DEVIATION: "Their standard deviation.",
    CURVATURE: (
        "Curvature of the loss along successive updates, freed of the noise of batches; not "
        "written while it is uncertain."
    ),
    CLIPPING_FACTOR: "L2 norm of the gradient after clipping over that before.",
    CLIPPED_FRACTION: "Share of the gradient's entries that clipping changed.",
    STEP_SECONDS: "Wall-clock time of one optimizer step, in seconds.",
    DATA_WAIT_FRACTION: "Share of a step's time spent waiting for data (with `guard.batches`).",
    SAMPLES_PER_SECOND: "Training samples per second (with `guard.batches`).",
    VALIDATION_SAMPLES: (
        "Validation samples of which a fingerprint was taken (with `guard.validation_batches`): "
        "the first 20,000 of the first pass."
    ),
    REPEATED_VALIDATION_SAMPLES: "How many of them equal another one of them.",
    EXAMINED_SAMPLES: (
        "Training samples of which a fingerprint was taken so far (with `guard.batches`): the "
        "first 64 of a batch at the sampled steps, up to about 65,000."
    ),
    DISTINCT_EXAMINED_SAMPLES: "How many different ones there are among them.",
    REPEATED_EXAMINED_SAMPLES: (
        "How many of the training samples equal another one of them: copies, or the same sample "
        "in a later epoch."
    ),
    SHARED_EXAMINED_SAMPLES: "How many of the training samples equal a validation sample.",
    SHARED_VALIDATION_SAMPLES: (
        "How many different validation samples were met among those that are trained on."
    ),
    f"{DEAD_UNITS}/<layer>": (
        "Share of the units of a ReLU-like activation module that did not fire for any of 128 or "
        "more outputs."
    ),
    f"{SATURATED_UNITS}/<layer>": (
        "Share of the outputs of a tanh-like activation module, or of the rows of a softmax, that "
        "are at an end where the slope is nearly zero."
    ),
    f"{ZERO_GRADIENT_UNITS}/<layer>": (
        "Share of the units of a layer whose bias got a gradient of exactly zero over 128 or more "
        "samples."
    ),
    PROCESS_MEMORY: "Memory of the training process that is in RAM, in megabytes.",
    PROCESS_CPU: "Processor use of the training process: 100 for one core that is always busy.",
    f"{SYSTEM}/gpu_<i>_utilization_percentage": (
        "Share of the time in which a GPU that the model is on ran anything; MLflow's own, where "
        "its system metrics are on."
    ),
    f"{SYSTEM}/gpu_<i>_memory_usage_megabytes": "Memory in use on that GPU, by any process.",
    f"{SYSTEM}/gpu_<i>_memory_usage_percentage": "The same as a share of its memory.",
    OVERHEAD: "Share of the loop's time that recording took lately, its threads included.",
    STRIDE: "Steps from one pair of sampled steps to the next; below 3, every step is sampled.",
    NON_FINITE: "How many values were NaN or infinite so far; they are kept in the record.",
    SKIPPED_STEPS: "How many attempted steps the optimizer did not take so far.",
    f"<key>{MAXIMUM_SUFFIX}": "The maximum over a stride, where `<key>` shows the median over it.",
}
"""Every metric key that the recorder writes, and what it holds."""

RANK_SERIES: Final[dict[str, str]] = {
    RANK_STEP_SKEW: "Time of the slowest rank's step over the median of all ranks' times.",
    RANK_DATA_WAIT_GAP: (
        "Largest share of its step that a rank waited for data, less the median of all ranks'."
    ),
    RANK_GRADIENT_DISAGREEMENT: (
        "Largest less smallest global gradient norm of the ranks, over their median; infinite "
        "where it is finite on some ranks only. Where parameters are not sharded, the gradient "
        "is the same everywhere and this is 0."
    ),
    RANK_LOSS_SPREAD: "Largest less smallest loss of the ranks, each of its own batch.",
}
"""Every series that reading a distributed run adds, and what it holds."""

TAGS: Final[dict[str, str]] = {
    TAG_VERDICT: "`healthy`, `info`, `warning`, `critical` or `inconclusive`.",
    TAG_FINDINGS: "The names of the findings, causes first, separated by a comma and a space.",
    f"{TAG_PREFIX}<rule>": "One tag a finding: its severity and the first step of its evidence.",
    TAG_VERSION: "The version that wrote the review.",
    TAG_FINGERPRINT: (
        "Fingerprint of what was diagnosed and how; written last, so a half-written review heals. "
        "It ends in `-tags` where only the tags of the review were written, by `tuneguard scan`."
    ),
    TAG_TRACES: (
        "`written` where each finding is a trace of the run, `unsupported` where the store keeps "
        "no traces; not set after `--no-traces`."
    ),
    TAG_DROPPED: (
        "How many measured values were lost, because neither the disk nor MLflow took them; not "
        "set where none was."
    ),
    TAG_TREATMENT: (
        "On the parent run of a treatment: a hash of the training function, its parameters and "
        "seeds, by which an interrupted treatment is found again."
    ),
    TAG_PROCESS: "On the parent run of a treatment: host and process that are at it now.",
    TAG_TRIAL: "On a training of a treatment: a hash of its parameters.",
    TAG_CHANGE: "On a training of a treatment: what was changed, from what to what, or `none`.",
    TAG_OUTCOME: (
        "On a training of a treatment: `baseline`, `kept`, `reverted` or `failed`, and why."
    ),
    TAG_TREATED_RULE: "On a training of a treatment: the finding that is treated.",
    TAG_REMEDY: "On a training of a treatment: what is prescribed, such as `lower learning_rate`.",
    TAG_COMPARED: (
        "On a training of a treatment: `better`, `worse`, `no difference` or `cannot tell` than "
        "what it was changed from."
    ),
    TAG_RECORDER: (
        "Id of the recorder of rank 0, on a run that `tuneguard sync` created for a distributed "
        "training: the other ranks find the run by it."
    ),
    TAG_IMPORTED: (
        "Hash of the file that `tuneguard diagnose --to-mlflow` imported as this run; it ends in "
        "`-partial` where the import was interrupted."
    ),
    TAG_SOURCE: "Path of that file.",
}
"""Every tag that is written, and what it holds."""

TRACE_TAGS: Final[dict[str, str]] = {
    TRACE_RULE: "Name of the rule that found it.",
    TRACE_SEVERITY: "`info`, `warning` or `critical`; a feedback of this name says the same.",
    TRACE_STEPS: "First and last step of the evidence.",
    TRACE_SUMMARY: "What was found, in one sentence.",
    TAG_FINGERPRINT: "Fingerprint of what the trace shows: an equal one is not written twice.",
}
"""Every tag of the trace of a finding, and what it holds."""

_REFUSED = re.compile(r"[^\w\-. :/]+", re.UNICODE)


def safe(key: str) -> str:
    """Return `key` as MLflow accepts it: refused characters become `_`, the length is bounded.

    >>> safe("gradient_norm/layers[0].weight")
    'gradient_norm/layers_0_.weight'
    >>> safe("//odd/../key/")
    'odd/_/key'
    """
    parts = [_REFUSED.sub("_", part) for part in key.split("/")]
    kept = ["_" if part in {".", ".."} else part for part in parts if part]
    return "/".join(kept)[:MAX_KEY_LENGTH].rstrip("/") or "_"
