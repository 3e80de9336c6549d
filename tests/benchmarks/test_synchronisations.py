import pytest
import torch

from benchmarks.cost.synchronisations import ASYNCHRONOUS, counted_reads


def away() -> torch.Tensor:
    return torch.ones(3, device="meta")


READS = {
    "item": lambda: away().sum().item(),
    "truth": lambda: bool(away().sum() > 0),
    "list": lambda: away().tolist(),
    "copy to the host": lambda: away().cpu(),
    "copy into a host tensor": lambda: torch.zeros(3).copy_(away()),
    "copy from the host": lambda: torch.ones(3).to("meta"),
    "new tensor of numbers": lambda: torch.tensor([1.0, 2.0], device="meta"),
    "places that are not zero": lambda: torch.nonzero(away()),
    "equality": lambda: torch.equal(away(), away()),
    "indices on the host": lambda: away()[torch.tensor([0, 1])],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_waits_is_counted(read):
    with counted_reads() as reads:
        read()

    assert reads.waits == 1


def test_a_list_of_tensors_is_read_one_by_one():
    with counted_reads() as reads:
        assert torch.tensor([away().sum(), away().sum()]).tolist() == [0.0, 0.0]

    assert reads.waits == 2


@pytest.mark.parametrize(
    "compute",
    [
        lambda: away() * 2.0 + torch.tensor(1.0),
        lambda: away().clone().add_(1.0),
        lambda: torch.stack(torch._foreach_norm([away(), away()])),
        lambda: torch.ones(3).sum().item(),
        lambda: torch.ones(3)[torch.tensor([0])],
    ],
)
def test_what_does_not_wait_is_not_counted(compute):
    with counted_reads() as reads:
        compute()

    assert reads.waits == 0


def test_a_copy_that_nobody_waits_for_is_counted_apart():
    with counted_reads() as reads:
        away().to("cpu", non_blocking=True)
        torch.zeros(3).copy_(away(), non_blocking=True)

    assert reads.waits == 0
    assert reads.counts[ASYNCHRONOUS] == 2
