"""The settings of a run from the YAML file that a framework leaves beside its metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

_MAX_BYTES: Final = 1 << 20


def read_settings(file: Path) -> tuple[dict[str, object], list[str]]:
    """Return the settings under their names, and a note where they could not be read.

    Names of nested settings are joined by a slash. Objects of Python are not built: what holds
    one is no setting that can be read.

    Args:
        file: `hparams.yaml` of Lightning, or `args.yaml` of Ultralytics.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            return {}, [f"{file.name} was not read: it is longer than any list of settings."]
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        return {}, [f"The settings in {file.name} could not be read ({reason})."]
    if not isinstance(document, dict):
        return {}, []
    return dict(_flat(document)), []


def _flat(settings: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}/")
        elif value is not None:
            yield f"{prefix}{name}", value
