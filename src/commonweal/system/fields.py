"""What the fields of a declared system are made of: names, numbers with their unit, answers, and the frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from commonweal.system.quantities import LARGEST, QuantityRange
from commonweal.system.wording import Means

Identifier = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"),
    Means("a short name without spaces (letters, digits, '_', '.' or '-'; at most 64)"),
]
Text = Annotated[str, Field(min_length=1, pattern=r"\S"), Means("text")]
Continuation = Annotated[str, Field(min_length=1), Means("text")]
Jurisdiction = Annotated[
    str,
    Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"),
    Means("a country code of two capital letters, such as FR or US-CA (ISO 3166)"),
]
Share = Annotated[float, QuantityRange("1", low=0.0, high=1.0)]
Shares = Annotated[Mapping[str, Share], Means("groups with their shares, such as {women: 0.48, men: 0.52}")]
PoolShare = Annotated[float, QuantityRange("1", low=0.0, high=1.0, open_low=True, open_high=True)]
Size = Annotated[float, QuantityRange("people", low=0.0, open_low=True, most=LARGEST)]
Volume = Annotated[float, QuantityRange("task/year", low=0.0, most=LARGEST)]
Reach = Annotated[float, QuantityRange("people/year", low=0.0, most=LARGEST)]
LifetimeTasks = Annotated[float, QuantityRange("count", low=0.0, open_low=True, most=LARGEST)]
Income = Annotated[
    float, QuantityRange("money/year", low=0.01, high=1e12)
]  # so that its powers are numbers, for any elasticity
LogOdds = Annotated[float, QuantityRange("nat")]
Seconds = Annotated[float, QuantityRange("s", low=0.0, high=3600.0, open_low=True)]
Answer = Literal["none", "unknown"]
NumberFormat = Literal["float32", "bfloat16", "int8"]
ReachAnswer = Annotated[Literal["unknown"], Means("`none` or `unknown`"), WithJsonSchema({"enum": ["none", "unknown"]})]
Override = Annotated[
    tuple[Share, Share],
    Means(
        "two shares in brackets, the lowest and the highest, such as [0.05, 0.2] (one share is written twice: [0.1, "
        "0.1])"
    ),
]


class Record(BaseModel):
    """A frozen record; a field that is not declared here is an error, never silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    @model_validator(mode="before")
    @classmethod
    def empty_is_unanswered(cls, fields: object) -> object:
        """A field without a value is the same as no field: nobody has answered."""
        if not isinstance(fields, Mapping):
            return fields
        return {name: value for name, value in fields.items() if value is not None or name not in cls.model_fields}
