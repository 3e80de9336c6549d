"""Trains on two ranks; started by test_processes.py, and once more by Lightning itself.

    python rank_process.py STORE

Rank 0 prints the run's id and, as JSON, the norm of each gradient before it is clipped.
"""

import json
import sys

from lightning.pytorch import Trainer

from tests.frameworks.lightning.modules import Classifier, loader
from tuneguard.lightning import TuneGuardCallback


def main() -> None:
    callback = TuneGuardCallback(budget=1.0, tracking_uri=sys.argv[1], stop_early=True)
    module = Classifier()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        accumulate_grad_batches=2,
        gradient_clip_val=0.1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader(), loader(seed=1))
    if trainer.is_global_zero:
        sys.stdout.write(f"{callback.run_id} {json.dumps(module.norms)}\n")


if __name__ == "__main__":
    main()
