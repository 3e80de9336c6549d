"""An alert as soon as something is wrong: a learning rate far too high, until the loss is NaN.

Expect one line of alert while the training goes on, and a training that stops itself early. With
ALERT_WEBHOOK in the environment the alert is posted there, as Slack's incoming webhooks take it;
without, it is printed. For e-mail, call smtplib in its place.

    ALERT_WEBHOOK=https://hooks.slack.com/services/... python examples/07_alert_on_findings.py
"""

import argparse
import json
import os
import urllib.request

import mlflow
import torch
from torch import nn

from tuneguard import Finding, Severity, TuneGuardCallback

torch.set_num_threads(1)  # tensors this small are slower on several threads
STEPS = 200_000


def alert(finding: Finding) -> None:
    """Tell somebody. It runs on a thread of its own: it may be slow, and it may fail."""
    if finding.severity < Severity.WARNING:
        return
    fix = finding.prescriptions[0].action if finding.prescriptions else "see the report"
    text = f"{finding.severity}: {finding.rule}. {finding.summary} Try: {fix}"
    webhook = os.environ.get("ALERT_WEBHOOK")
    if webhook is None:
        print(f"ALERT {text}", flush=True)
        return
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(webhook, body, headers)  # noqa: S310 - your own address
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def train(seed: int = 0, rate: float = 3.0) -> int:
    """Train until told that it is pointless, and return how many steps were made."""
    torch.manual_seed(seed)
    teacher = nn.Linear(16, 1)
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    steps = 0
    with (
        mlflow.start_run(),
        TuneGuardCallback(model, optimizer, planned_steps=STEPS, on_finding=alert) as guard,
    ):
        while steps < STEPS and not guard.should_stop:
            inputs = torch.randn(64, 16)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), teacher(inputs).detach())
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            steps += 1
    return steps


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    print(f"Stopped after {train(parser.parse_args().seed)} of {STEPS} steps.")
