"""Probabilities that mean what they say."""

from __future__ import annotations

from tuneguard.findings import Prescription


def fit_a_temperature() -> Prescription:
    """Divide the logits by one number, fitted on validation data (Guo et al. 2017)."""
    return Prescription(
        parameter="temperature",
        current="1",
        suggested="fitted on validation data",
        action="Divide the logits by a temperature that is fitted on validation data.",
        rationale="Accuracy holds and only the certainty is too high: one number corrects it, "
        "and changes no answer.",
        tradeoff="It repairs the probabilities of this model, not the next one's.",
        verify="The validation loss of the divided logits is near the best of the run.",
        snippet=(
            "import torch\n\n\n"
            "def temperature(logits, labels, steps=100):\n"
            '    """Fit it on all validation logits, of shape (samples, classes)."""\n'
            "    scale = torch.zeros((), requires_grad=True)\n"
            "    fit = torch.optim.LBFGS([scale], max_iter=steps)\n\n"
            "    def loss():\n"
            "        fit.zero_grad()\n"
            "        value = torch.nn.functional.cross_entropy(logits / scale.exp(), labels)\n"
            "        value.backward()\n"
            "        return value\n\n"
            "    fit.step(loss)\n"
            "    return scale.exp().item()"
        ),
    )
