"""commonweal measures what a foundation model does to the people downstream of it.

>>> import commonweal
>>> system = commonweal.load("examples/hiring/system.yaml")  # doctest: +SKIP
>>> dossier = commonweal.run(system, out="dossiers/hiring")  # doctest: +SKIP
>>> dossier.evidence  # doctest: +SKIP
"""

from commonweal.pipeline import Options, run
from commonweal.report.content import Dossier
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from commonweal.system.records import System

__all__ = ["Dossier", "Options", "Permissions", "System", "load", "run"]
