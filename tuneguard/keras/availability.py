"""Whether Keras is there, and computes with torch."""

from __future__ import annotations

from tuneguard.exceptions import MissingExtraError, TuneGuardError


def require_keras() -> None:
    """Refuse to go on without Keras 3, or with another backend than torch.

    Raises:
        MissingExtraError: Keras is not installed, or is older than Keras 3.
        TuneGuardError: Keras computes with another backend.
    """
    try:
        import keras  # noqa: PLC0415 - it may not be there
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "keras":
            raise MissingExtraError("tuneguard.keras", "keras") from error
        # Keras imports the package of its backend
        raise TuneGuardError(_other_backend(package)) from error
    if not hasattr(keras, "config"):
        raise MissingExtraError("tuneguard.keras", "keras")
    backend = keras.config.backend()
    if backend != "torch":
        raise TuneGuardError(_other_backend(backend))


def _other_backend(backend: str) -> str:
    return (
        f"tuneguard.keras records Keras with the torch backend, and Keras uses {backend} here. "
        "Choose torch before Keras is imported: set KERAS_BACKEND=torch in the environment, or "
        '"backend": "torch" in ~/.keras/keras.json.'
    )
