"""What the person who runs a system has allowed it to do. Everything is refused by default.

The rule of what a system file may read (its own folder, and what was allowed with --allow-read) is `may_read`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Permissions:
    """Each flag is one sentence of the command line: --allow-code, --allow-network, --allow-download, --allow-read
    DIR.
    """

    code: bool = False
    network: bool = False
    download: bool = False
    read: tuple[Path, ...] = ()

    def names(self) -> tuple[str, ...]:
        """What was allowed, for the provenance.

        >>> Permissions(code=True).names()
        ('code',)
        """
        flags = (("code", self.code), ("network", self.network), ("download", self.download))
        return tuple(name for name, allowed in flags if allowed) + tuple(f"read:{path}" for path in self.read)

    def may_read(self, path: Path, folder: Path) -> bool:
        """Whether a system file in `folder` may have `path` opened: inside its own folder, or under an allowed one."""
        resolved = path.resolve()
        return any(resolved.is_relative_to(root.resolve()) for root in (folder, *self.read))
