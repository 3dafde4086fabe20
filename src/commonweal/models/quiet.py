"""Nothing that transformers says on its way reaches the console."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

from commonweal.errors import require


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' warnings and progress bars; its settings are put back afterwards."""
    logger = logging.getLogger("transformers")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = require("transformers.utils.logging", extra="models")
        shown = settings.is_progress_bar_enabled()
        settings.disable_progress_bar()
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)
            if shown:
                settings.enable_progress_bar()
