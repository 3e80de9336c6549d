"""Diagnoses made by hand, one for each way in which a report can be strained."""

from __future__ import annotations

import math
from dataclasses import replace

from tuneguard.diagnosis import BrokenRule, Diagnosis
from tuneguard.findings import (
    Abstained,
    Evidence,
    Finding,
    LayerExtreme,
    LayerMap,
    Line,
    Passed,
    Picture,
    Prescription,
    Severity,
    View,
)
from tuneguard.history import RunIdentity

IDENTITY = RunIdentity(
    run_id="3f2a9c51d0b84e6f8a7e2b1c9d4f5a60",
    name="resnet-lr-sweep-12",
    experiment_id="3",
    tracking_uri="sqlite:////home/ada/project/mlflow.db",
    state="c0ffee",
)

LOWER_RATE = Prescription(
    parameter="learning_rate",
    current="0.5",
    suggested="0.05",
    action="Lower the learning rate from 0.5 to 0.05.",
    rationale="The loss left its path at step 412, when updates were 0.08 of the weights; a tenth "
    "of the rate brings them back into the band of 0.001 to 0.01.",
    tradeoff="About three times as many steps to the same loss, if the rate was right before.",
    verify="update_ratio/global stays below 0.01, and train/loss falls beyond step 412.",
    snippet="for group in optimizer.param_groups:\n    group['lr'] = 0.05\n",
)

CLIP = Prescription(
    parameter="max_grad_norm",
    current=None,
    suggested="1.8",
    action="Clip the gradient norm at 1.8.",
    rationale="1.8 is the 90th percentile of the run's own norms before step 400.",
    tradeoff="One step in ten is shortened although nothing is wrong with it.",
    verify="gradient_norm/global stays below 20; fewer than 15 % of the steps are clipped.",
    snippet="import torch\n\ntorch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.8)\n",
)

ABSTAINED = (
    Abstained(
        "dead-units",
        "TG203",
        "the run has no activation statistics.",
        "Use TuneGuardCallback, which samples them.",
    ),
    Abstained("input-bound", "TG501", "the run has no time spent waiting for data"),
)


def diverged() -> Diagnosis:
    """A run whose loss ended in NaN and infinity: one cause, with symptoms of symptoms."""
    return Diagnosis(
        verdict="critical",
        findings=(_rate_too_high(), _noisy_validation()),
        passed=(Passed("overfitting", "TG101", (_loss_evidence(0.02, 0.1),)),),
        abstained=ABSTAINED,
        broken=(BrokenRule("rank-skew", "TG504", "IndexError: list index out of range"),),
        notes=("Both loss and train/loss look like the training loss: train/loss is used.",),
        identity=IDENTITY,
        is_running=True,
        rules=("TG101 overfitting(min_regression=0.2)",),
        overview=replace(diverged_picture(), view=View(("train/loss",), log_scale=True)),
        layers=(layer_map(),),
    )


def layer_map() -> LayerMap:
    """Three layers in four blocks, with everything that a block may hold."""
    return LayerMap(
        quantity="gradient_norm",
        layers=("stem", "blocks.0.attention", "head"),
        edges=(0, 150, 300, 450, 600),
        values=(
            (0.5, 0.4, 3.2e4, math.nan),
            (0.02, 0.0, 0.0, math.inf),
            (None, 0.001, 7.5, None),
        ),
        layer_count=3,
        extremes=(
            LayerExtreme("highest", "stem", (300, 449), 3.2e4),
            LayerExtreme("lowest above 0", "head", (150, 299), 0.001),
            LayerExtreme("first NaN", "stem", (450, 599), math.nan),
        ),
        marks=((412, "learning-rate-too-high"),),
    )


def with_symptom_fix(action: str) -> Diagnosis:
    """A cause whose symptom has a fix of its own, which would undo the cause's."""
    cause = _rate_too_high()
    symptom = replace(
        _noisy_validation(), symptoms=(), prescriptions=(replace(LOWER_RATE, action=action),)
    )
    return replace(diverged(), findings=(replace(cause, symptoms=(symptom,)),))


def healthy() -> Diagnosis:
    """A run in which nothing was found."""
    names = ("overfitting", "no-learning", "divergence", "exploding-gradients", "loss-plateau")
    passed = tuple(
        Passed(name, f"TG{101 + rank}", (_loss_evidence(0.02, 0.1),))
        for rank, name in enumerate(names)
    )
    course = replace(overfitted_picture(), view=View(("train_loss", "val_loss", "lr")))
    return Diagnosis("healthy", (), passed, ABSTAINED, identity=IDENTITY, overview=course)


def inconclusive() -> Diagnosis:
    """A run that recorded next to nothing, read from a file."""
    return Diagnosis("inconclusive", (), (), ABSTAINED, identity=RunIdentity(name="log.csv"))


def overfitted() -> Diagnosis:
    """A run judged by epochs."""
    finding = replace(
        _noisy_validation(),
        rule="overfitting",
        rule_id="TG101",
        severity=Severity.WARNING,
        summary="val_loss rose by 0.31 from its best at epoch 12 while train_loss still fell.",
        picture=overfitted_picture(),
    )
    return replace(healthy(), verdict="warning", findings=(finding,))


def overfitted_picture() -> Picture:
    """Three lines over epochs, one of them of a very different magnitude."""
    epochs = tuple(float(epoch) for epoch in range(1, 31))
    training = Line("train_loss", epochs, tuple(2.2 * math.exp(-epoch / 6) for epoch in epochs))
    validation = Line(
        "val_loss",
        epochs,
        tuple(1.9 * math.exp(-epoch / 5) + 0.35 + 0.002 * epoch**1.6 for epoch in epochs),
    )
    rate = Line("lr", epochs, tuple(0.001 * 0.9**epoch for epoch in epochs))
    view = View(
        ("train_loss", "val_loss", "lr"), span=(13, 30), threshold=0.65, marks=((12, "best"),)
    )
    return Picture(view, (training, validation, rate), axis="epoch")


def with_text(text: str) -> Diagnosis:
    """A diagnosis in which every text that a run can set is `text`."""
    evidence = Evidence(text, text, 3.0, 1.0, (1, 9))
    fix = Prescription(text, text, text, text, text, text, text, f"print({text!r})")
    line = Line(text, (1, 2, 3), (1.0, math.nan, 2.0))
    picture = Picture(View((text,), span=(1, 2), threshold=1.5, marks=((2, text),)), (line,))
    finding = Finding(
        rule=text,
        rule_id=text,
        severity=Severity.WARNING,
        summary=text,
        why=text,
        evidence=(evidence,),
        confidence=0.5,
        prescriptions=(fix, fix),
        picture=picture,
    )
    return Diagnosis(
        verdict="warning",
        findings=(replace(finding, symptoms=(replace(finding, picture=None),)),),
        passed=(Passed(text, text, (evidence,)),),
        abstained=(Abstained(text, text, text, text),),
        broken=(BrokenRule(text, text, text),),
        notes=(text,),
        identity=RunIdentity(text, text, text, text, text),
        rules=(text,),
        layers=(layer_map_of(text),),
    )


def layer_map_of(text: str) -> LayerMap:
    """A map in which every text is `text`."""
    extreme = LayerExtreme(text, text, (0, 1), 2.0)
    return LayerMap(text, (text, text), (0, 1, 2), ((1.0, None),) * 2, 2, (extreme,), ((1, text),))


def diverged_picture() -> Picture:
    """Two noisy lines on a log scale, one of which ends in infinity and then NaN."""
    steps = tuple(float(step) for step in range(0, 600, 2))
    view = View(
        ("train/loss", "gradient_norm/global"),
        span=(412, 598),
        threshold=18.0,
        marks=((380, "lowest loss"), (412, "departure")),
        log_scale=True,
    )
    loss = tuple(map(_loss_at, steps))
    norm = tuple(1.2 + 0.4 * math.sin(step) + math.exp((step - 430) / 12) for step in steps)
    norm = tuple(
        value if step < 520 else math.nan for step, value in zip(steps, norm, strict=True)
    )
    return Picture(
        view, (Line("train/loss", steps, loss), Line("gradient_norm/global", steps, norm))
    )


def _loss_at(step: float) -> float:
    if step >= 540:
        return math.nan
    if step >= 500:
        return math.inf
    healthy_part = 2.3 * math.exp(-step / 150) + 0.05 * (2 + math.sin(step * 1.7))
    return healthy_part + math.exp((step - 440) / 15)


def _rate_too_high() -> Finding:
    norms = Evidence("gradient_norm/global", "maximum over median", 812.4, 18.0, (412, 498))
    ratio = Evidence("update_ratio/global", "median", 0.083, 0.01, (1, 411))
    divergence = Finding(
        rule="divergence",
        rule_id="TG402",
        severity=Severity.CRITICAL,
        summary="train/loss lost 96 % of what it had gained after step 430 and did not return.",
        why="What was learned by then is gone; everything after step 430 was computed in vain.",
        evidence=(_loss_evidence(0.96, 0.5),),
        confidence=0.9,
        prescriptions=(CLIP,),
        symptoms=(_non_finite(),),
    )
    return Finding(
        rule="learning-rate-too-high",
        rule_id="TG302",
        severity=Severity.CRITICAL,
        summary="From step 412 on, train/loss overshot its starting value of 2.3 while updates "
        "were 0.083 of the weights.",
        why="Steps this long leave the valley in which the loss falls, and do not find it again.",
        evidence=(norms, ratio),
        confidence=0.93,
        prescriptions=(LOWER_RATE, CLIP),
        symptoms=(divergence,),
        picture=diverged_picture(),
    )


def _non_finite() -> Finding:
    evidence = Evidence("train/loss", "values that are not finite", math.nan, math.inf, (500, 598))
    return Finding(
        rule="non-finite-values",
        rule_id="TG401",
        severity=Severity.CRITICAL,
        summary="train/loss was infinite first at step 500, and NaN from step 540 on.",
        why="Nothing can be learned from NaN: every later step is lost.",
        evidence=(evidence,),
        confidence=1.0,
    )


def _noisy_validation() -> Finding:
    return Finding(
        rule="noisy-validation",
        rule_id="TG105",
        severity=Severity.INFO,
        summary="validation/accuracy jumped by 0.04 between epochs, more than it gained in ten.",
        why="The best checkpoint would be chosen by chance.",
        evidence=(Evidence("validation/accuracy", "noise over gain", 1.6, 1.0, (20, 30)),),
        confidence=0.6,
        prescriptions=(
            replace(
                CLIP,
                parameter="validation_samples",
                current="200",
                suggested="1200",
                action="Validate on 1200 samples instead of 200.",
            ),
        ),
    )


def _loss_evidence(value: float, threshold: float) -> Evidence:
    return Evidence("train/loss", "share of the gain lost", value, threshold, (430, 598))
