"""What bodies, queries and answers have in common. Their names are written as in JavaScript."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

#: ms, of about 70 years at most.
Milliseconds = Annotated[int, Field(ge=0, le=2**41, description="ms")]
#: Text that is a part of some other.
Part = Annotated[str, Field(min_length=1, max_length=500)]
#: The name of a queue or a job.
Name = Annotated[str, Field(min_length=1, max_length=250)]
JobId = Annotated[str, Field(min_length=1, max_length=300)]


class Body(BaseModel):
    """What a request says. Unknown names are refused, and so are values of another kind."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True
    )


class Query(BaseModel):
    """What stands behind the question mark of a URL; everything there is text at first."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid")


class Answer(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Refusal(BaseModel):
    """What every refusal looks like."""

    success: bool = Field(False, description="always false")
    error: str = Field(description="what is wrong, and with which field")


#: JSON of any kind.
Json = Any
