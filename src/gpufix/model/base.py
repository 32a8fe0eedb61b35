"""The base of every record in the vocabulary: immutable, strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen record. Unknown fields are an error: a facts file from elsewhere is untrusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")
