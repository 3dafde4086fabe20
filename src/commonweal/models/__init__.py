"""ASK: a language model or an application. Importing this imports neither torch nor transformers."""

from commonweal.models.applications.opening import open_application, serving_model
from commonweal.models.opening import open_local_model, open_model
from commonweal.models.preflight import device_problems, parameter_count, preflight_asset

__all__ = [
    "device_problems",
    "open_application",
    "open_local_model",
    "open_model",
    "parameter_count",
    "preflight_asset",
    "serving_model",
]
