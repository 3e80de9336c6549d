"""Ray Tune: a stopper that ends trials whose diagnosis says that they are doomed.

```python
from ray import tune
from tuneguard.ray_tune import TuneGuardStopper

tuner = tune.Tuner(train, run_config=tune.RunConfig(stop=TuneGuardStopper()))
```

Needs the extra: pip install "tuneguard[ray-tune]"
"""

from tuneguard.exceptions import MissingExtraError

try:
    import ray.tune as _  # noqa: F401 - says early that it is missing
except ImportError as error:
    raise MissingExtraError("tuneguard.ray_tune", "ray-tune") from error

from tuneguard.ray_tune.stopper import TuneGuardStopper

__all__ = ["TuneGuardStopper"]
