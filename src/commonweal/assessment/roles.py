"""Which row plays which role: the assessment asks for a quantity by what it is good for, never by the name of its
measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from commonweal.evidence.records import Evidence, Method, QuantityRole


def role_of(row: Evidence, methods: Mapping[str, Method]) -> QuantityRole | None:
    """The role of the quantity that a row is about, whether it has the number or says why there is none."""
    one, method = row.estimate or row.missing, methods.get(row.measure)
    quantity = method.quantities.get(one.quantity) if method and one else None
    return quantity.role if quantity else None


def measures_with(roles: Iterable[QuantityRole], methods: Mapping[str, Method]) -> frozenset[str]:
    """The measures that have a quantity of one of these roles."""
    asked = frozenset(roles)
    return frozenset(
        name for name, method in methods.items() if any(one.role in asked for one in method.quantities.values())
    )
