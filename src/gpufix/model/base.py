"""The base of every record in the vocabulary: immutable, strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen record. Unknown fields are an error: a facts file from elsewhere is untrusted.

    A record's schema is built when the first one is made: most runs need few of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
