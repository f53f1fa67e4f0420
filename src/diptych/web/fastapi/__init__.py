"""The FastAPI face: dependencies, routers, schemas and problems for an API of your own.

A `Door` stands between a FastAPI application and one of Diptych's. It gives routes what sends and asks, with the
principal, the idempotency key, the expected position and the wait of each request; it makes whole routers; it tells
failures as RFC 9457 problems and completes the OpenAPI document. Needs the extra `diptych[fastapi]`.
"""

from importlib.util import find_spec

if find_spec("fastapi") is None:
    raise ModuleNotFoundError("diptych.web.fastapi needs FastAPI: pip install 'diptych[fastapi]'", name="fastapi")

from diptych.web.fastapi.answers import or_404
from diptych.web.fastapi.asking import Asking
from diptych.web.fastapi.door import Door
from diptych.web.fastapi.enclosures import BARE, DATA, Enclosure, Envelope, PageEnvelope
from diptych.web.fastapi.endpoints import Endpoint
from diptych.web.fastapi.received import Received
from diptych.web.fastapi.sending import Sending
from diptych.web.fastapi.shown import Answered
from diptych.web.fastapi.statuses import Statuses, remapped
from diptych.web.fastapi.validation import tell_all_as_problems

__all__ = [
    "BARE",
    "DATA",
    "Answered",
    "Asking",
    "Door",
    "Enclosure",
    "Endpoint",
    "Envelope",
    "PageEnvelope",
    "Received",
    "Sending",
    "Statuses",
    "or_404",
    "remapped",
    "tell_all_as_problems",
]
