"""Import every module of commonweal.

Run on a base install: optional libraries may only be needed where they are used.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys

import commonweal

OPTIONAL = ("torch", "transformers", "gguf", "safetensors", "sklearn", "pynvml")


def main() -> int:
    """Import them all; fail if one cannot be, or if an optional library came in."""
    names = [
        module.name
        for module in pkgutil.walk_packages(commonweal.__path__, "commonweal.")
        if not module.name.endswith("__main__")
    ]
    for name in names:
        importlib.import_module(name)
    loaded = [name for name in OPTIONAL if name in sys.modules]
    installed = [name for name in OPTIONAL if importlib.util.find_spec(name)]
    print(
        f"{len(names)} modules import; optional libraries installed: {', '.join(installed) or 'none'}, imported: "
        f"{', '.join(loaded) or 'none'}"
    )
    return 1 if loaded or len(names) < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
