"""Files that the real frameworks write are read back as what the frameworks had in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard.files.history_file import read_history_file
from tuneguard.history import Role

EXAMPLES, FEATURES, EPOCHS = 64, 4, 3


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(EXAMPLES, FEATURES)
    return inputs, (inputs[:, 0] > 0).long()


class TestLightning:
    @pytest.fixture
    def trained(self, tmp_path: Path) -> Any:
        lightning = pytest.importorskip("lightning.pytorch")

        class Classifier(lightning.LightningModule):
            def __init__(self, lr: float = 0.1) -> None:
                super().__init__()
                self.save_hyperparameters()
                self.layer = nn.Linear(FEATURES, 2)
                self.seen: list[float] = []

            def training_step(self, batch: Any, _index: int) -> torch.Tensor:
                loss = nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
                self.seen.append(loss.item())
                self.log("train_loss", loss, on_step=True, on_epoch=True)
                return loss

            def validation_step(self, batch: Any, _index: int) -> None:
                loss = nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
                self.log("val_loss", loss)

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])

        def train(logger_class: str) -> tuple[Any, Path]:
            logger = getattr(lightning.loggers, logger_class)(tmp_path)
            loader = DataLoader(TensorDataset(*tensors()), batch_size=16)
            model = Classifier()
            lightning.Trainer(
                max_epochs=EPOCHS,
                logger=logger,
                log_every_n_steps=1,
                accelerator="cpu",
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            ).fit(model, loader, loader)
            return model, Path(logger.log_dir)

        return train

    @pytest.mark.parametrize("logger", ["CSVLogger", "TensorBoardLogger"])
    def test_what_its_loggers_write(self, trained: Any, logger: str) -> None:
        model, folder = trained(logger)
        history = read_history_file(folder)
        steps = history.series["train_loss_step"]
        assert steps.values == pytest.approx(model.seen, rel=1e-6)
        assert steps.steps.tolist() == list(range(len(model.seen)))
        assert len(history.get(Role.VALIDATION_LOSS)) == EPOCHS
        assert history.hyperparameters.learning_rate == 0.1


class TestKeras:
    def test_csv_logger(self, tmp_path: Path) -> None:
        keras = pytest.importorskip("keras")
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
        file = tmp_path / "training.log"
        inputs, targets = (one.numpy() for one in tensors())
        callback = keras.callbacks.CSVLogger(str(file))
        logged = model.fit(
            inputs,
            targets,
            epochs=EPOCHS,
            validation_split=0.5,
            callbacks=[callback],
            verbose=0,
        )
        history = read_history_file(file)
        for key, values in logged.history.items():
            assert history.series[key].values == pytest.approx(values)
        assert history.roles[Role.VALIDATION_LOSS] == "val_loss"


class TestHuggingFace:
    @pytest.fixture
    def trainer(self, tmp_path: Path) -> Any:
        transformers = pytest.importorskip("transformers")

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.Linear(FEATURES, 2)

            def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
                logits = self.layer(inputs)
                return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

        inputs, targets = tensors()
        rows = [
            {"inputs": one, "labels": label} for one, label in zip(inputs, targets, strict=True)
        ]
        settings = transformers.TrainingArguments(
            str(tmp_path),
            per_device_train_batch_size=16,
            num_train_epochs=EPOCHS,
            logging_steps=1,
            eval_strategy="epoch",
            save_strategy="epoch",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = transformers.Trainer(Net(), settings, train_dataset=rows, eval_dataset=rows)
        trainer.train()
        return trainer

    def test_state_of_the_latest_checkpoint(self, trainer: Any, tmp_path: Path) -> None:
        history = read_history_file(tmp_path)
        logged = [row["loss"] for row in trainer.state.log_history if "loss" in row]
        assert history.get(Role.TRAIN_LOSS).values.tolist() == logged
        assert len(history.get(Role.VALIDATION_LOSS)) == EPOCHS
        assert history.planned_steps == EPOCHS * EXAMPLES // 16

    def test_state_of_the_whole_training(self, trainer: Any, tmp_path: Path) -> None:
        trainer.save_state()
        history = read_history_file(tmp_path)
        assert history.status == "finished"
        assert "train_loss" not in history.series


class TestSummaryWriter:
    @pytest.fixture
    def writer(self) -> Any:
        return pytest.importorskip("torch.utils.tensorboard").SummaryWriter

    def test_scalars_and_hyperparameters(self, writer: Any, tmp_path: Path) -> None:
        values = np.linspace(2.0, 1.0, 50).astype(np.float32)
        with writer(tmp_path) as log:
            log.add_hparams({"lr": 0.1, "optimizer": "SGD"}, {"hparam/loss": 1.0})
            for step, value in enumerate(values):
                log.add_scalar("Loss/train", value, step)
                log.add_scalar("Loss/val", value + 1, step, new_style=True)
                log.add_histogram("weights", np.arange(9.0), step)
        history = read_history_file(tmp_path)
        assert history.series["Loss/train"].values.tolist() == values.tolist()
        assert history.series["Loss/val"].values.tolist() == (values + 1).tolist()
        assert set(history.series) == {"Loss/train", "Loss/val"}
        assert history.hyperparameters.optimizer == "SGD"

    def test_add_scalars(self, writer: Any, tmp_path: Path) -> None:
        with writer(tmp_path) as log:
            for step in range(10):
                log.add_scalars("loss", {"train": 1.0, "val": 2.0}, step)
        roles = read_history_file(tmp_path).roles
        assert roles == {
            Role.TRAIN_LOSS: "loss_train/loss",
            Role.VALIDATION_LOSS: "loss_val/loss",
        }

    def test_purged_steps(self, writer: Any, tmp_path: Path) -> None:
        with writer(tmp_path, filename_suffix=".1") as log:
            for step in range(10):
                log.add_scalar("loss", 2.0, step)
        with writer(tmp_path, purge_step=6, filename_suffix=".2") as log:
            log.add_scalar("loss", 1.0, 8)
        series = read_history_file(tmp_path).series["loss"]
        assert series.steps.tolist() == [0, 1, 2, 3, 4, 5, 8]
