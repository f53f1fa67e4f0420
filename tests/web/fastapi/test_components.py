"""Components of the document: whatever a client is generated from must have a name of its own."""

from uuid import UUID

from fastapi import Depends, FastAPI

from diptych.web.fastapi import Door, Envelope, Sending
from tests.web.fastapi.desk import application


def test_no_two_components_share_a_title() -> None:
    door = Door(application())
    send, api = Depends(door.sending), FastAPI()
    door.install(api)

    @api.post("/ids")
    async def ids(sending: Sending = send) -> Envelope[UUID]:
        raise NotImplementedError

    @api.post("/counts")
    async def counts(sending: Sending = send) -> Envelope[int]:
        raise NotImplementedError

    schemas = api.openapi()["components"]["schemas"]

    titles = [schema["title"] for name, schema in schemas.items() if name.startswith("Envelope")]
    assert sorted(titles) == ["Envelope_UUID", "Envelope_int"]
