"""What can only be seen where there is a CUDA device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import mlflow
import numpy as np
import torch

from benchmarks.cost.loops import LOOPS, TrainingLoop, make_loop
from benchmarks.cost.recorded import Recorded, record_of
from benchmarks.cost.results import Row
from benchmarks.cost.synchronisations import counted_reads
from tuneguard import keys

STEPS = 300
_WARM_UP = 50


def check_device(name: str) -> Row:
    """Record a loop on the device, and look for anything that waits.

    Args:
        name: A key of `LOOPS`.
    """
    with mlflow.start_run():
        loop = make_loop(name, "cuda")
        recorded = Recorded(loop)
        _train(loop, recorded, _WARM_UP)
        with counted_reads() as reads:
            _train(loop, recorded, STEPS)
        refused = _refused(lambda: _train(loop, recorded, STEPS))
        copies = _copies(lambda: _train(loop, recorded, STEPS))
        failed = sorted(recorded.failed)
        recorded.close()
    return {
        "loop": name,
        "title": LOOPS[name].title,
        "waits": reads.waits / STEPS,
        "refused": refused,
        "failed": failed,
        "pinned_copies": copies["Pinned"],
        "pageable_copies": copies["Pageable"],
        "dropped": recorded.sink.dropped,
    }


def check_graph(name: str) -> Row:
    """Train with a captured forward and backward pass, recorded outside of the graph.

    Args:
        name: A key of `LOOPS`.
    """
    loop = make_loop(name, "cuda")
    replay, loss = _captured(loop)
    expected: list[torch.Tensor] = []
    with mlflow.start_run() as run:
        recorded = Recorded(loop)
        for _ in range(STEPS):
            replay()
            recorded.after_backward(loss)
            grads = [one.grad for one in loop.model.parameters() if one.grad is not None]
            expected.append(torch.stack([one.norm() for one in grads]).norm())
            loop.optimizer.step()
            loop.steps += 1
        failed = sorted(recorded.failed)
        recorded.close()
    norms = torch.stack(expected).cpu().numpy().astype(float)
    steps, values = record_of(run.info.run_id).points[keys.GRADIENT_NORM_GLOBAL]
    return {
        "loop": name,
        "title": LOOPS[name].title,
        "norms": len(values),
        "error": float(np.max(np.abs(values / norms[steps] - 1.0))),
        "failed": failed,
    }


def _train(loop: TrainingLoop, recorded: Recorded, steps: int) -> None:
    for _ in range(steps):
        loop.step(recorded)


def _refused(train: Callable[[], None]) -> str:
    """Train with every synchronisation forbidden, and return what was refused, if anything."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        train()
    except RuntimeError as error:
        return str(error).partition("\n")[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return ""


def _copies(train: Callable[[], None]) -> Counter[str]:
    """Count the copies to the host by the kind of memory that they go to."""
    activities = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profiler:
        train()
        torch.cuda.synchronize()
    copies = [one.name for one in profiler.events() or [] if "Memcpy DtoH" in one.name]
    return Counter("Pinned" if "Pinned" in name else "Pageable" for name in copies)


def _captured(loop: TrainingLoop) -> tuple[Callable[[], None], torch.Tensor]:
    """Capture a forward and a backward pass; return what replays them, and the loss."""
    inputs, targets = (one.clone() for one in loop.batches[0])

    def passes() -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(loop.model(inputs), targets)
        loss.backward()
        return loss

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            loop.optimizer.zero_grad()
            passes()
    torch.cuda.current_stream().wait_stream(stream)
    loop.optimizer.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = passes()

    def replay() -> None:
        for target, source in zip(
            (inputs, targets), loop.batches[loop.steps % len(loop.batches)], strict=True
        ):
            target.copy_(source)
        graph.replay()

    return replay, loss.detach()
