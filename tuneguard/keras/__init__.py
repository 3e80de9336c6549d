"""Records `model.fit` of Keras 3 with the torch backend into MLflow.

```python
from tuneguard.keras import TuneGuardCallback

model.fit(inputs, targets, epochs=10, callbacks=[TuneGuardCallback()])
```
"""

from tuneguard.keras.availability import require_keras

require_keras()

from tuneguard.keras.callback import TuneGuardCallback  # noqa: E402 - Keras has to be there

__all__ = ["TuneGuardCallback"]
