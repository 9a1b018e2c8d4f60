"""What questions have in common."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import HTTPException, Query

Symbol = Annotated[str, Query(min_length=1, max_length=256, pattern=r"^[^\x00]+$", examples=["BTC-USD"])]


def known_among(resolutions: tuple[str, ...]) -> Callable[[str], Awaitable[str]]:
    """A dependency that lets these resolutions through; not one that FastAPI would run in a thread."""

    enumerated = Query(json_schema_extra={"enum": list(resolutions)})

    async def known(resolution: Annotated[str, enumerated]) -> str:
        if resolution not in resolutions:
            raise HTTPException(422, f"no resolution {resolution}: {', '.join(resolutions)}")
        return resolution

    return known
