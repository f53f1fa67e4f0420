"""Nothing that a client can send breaks the server: a documented 4xx, and the log is as it was."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest

from diptych.application import Application
from diptych.web.bodies import DEEPEST, nests_deeper
from tests.web.shop import added
from tests.web.test_commands import PRODUCT, told

DEEP = 100_000
BIG = 10 * 1024 * 1024

BODIES: Mapping[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "broken JSON": (b'{"name": ', 400),
    "trailing text": (b'{"name":"a","price":"1"} x', 400),
    "no UTF-8": (b'{"name":"\xff\xfe","price":"1"}', 400),
    "a lone surrogate": (b'{"name":"\\ud800","price":"1"}', 400),
    "a raw NUL": (b'{"name":"a\x00","price":"1"}', 400),
    "an escaped NUL": (b'{"name":"a\\u0000","price":"1"}', 422),
    "NaN": (b'{"name":"a","price":"1","weight":NaN}', 400),
    "Infinity": (b'{"name":"a","price":"1","weight":-Infinity}', 400),
    "a huge float": (b'{"name":"a","price":"1","weight":1e999}', 400),
    "a NaN decimal": (b'{"name":"a","price":"NaN"}', 422),
    "an infinite decimal": (b'{"name":"a","price":"-Infinity"}', 422),
    "too many places": (b'{"name":"a","price":"1.001"}', 422),
    "a decimal of many digits": (b'{"name":"a","price":"%s"}' % (b"9" * 5000), 422),
    "a decimal of a huge exponent": (b'{"name":"a","price":"1e999999999"}', 422),
    "a decimal of a tiny exponent": (b'{"name":"a","price":"1e-999999999"}', 422),
    "a naive datetime": (b'{"name":"a","price":"1","since":"2024-01-02T03:04:05"}', 422),
    "a datetime that is none": (b'{"name":"a","price":"1","since":"2024-13-40T00:00:00Z"}', 422),
    "an int beyond 64 bits": (b'{"name":"a","price":"1","stock":18446744073709551616}', 422),
    "an int of 10,000 digits": (b'{"name":"a","price":"1","stock":%s}' % (b"9" * 10_000), 400),
    "wrong types": (b'{"name":1,"price":[],"stock":"x","lines":{},"since":3.5}', 422),
    "an array": (b"[]", 422),
    "null": (b"null", 422),
    "a number": (b"1", 422),
    "a text": (b'"AddProduct"', 422),
    "nulls": (b'{"name":null,"price":null,"stock":null,"lines":null}', 422),
    "an id that is none": (b'{"name":"a","price":"1","product":"../../etc"}', 422),
    "deep arrays": (b"[" * DEEP + b"]" * DEEP, 400),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, 400),
    "deep and unknown": (b'{"name":"a","price":"1","x":' + b"[" * DEEP + b"]" * DEEP + b"}", 400),
    "deep and open": (b"[" * DEEP, 400),
    "a little too deep": (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), 400),
    "10 MB": (b'{"name":"' + b"a" * BIG + b'","price":"1"}', 413),
    "a BOM": (b'\xef\xbb\xbf{"name":"a","price":"1"}', 400),
    "UTF-16": ('{"name":"a","price":"1"}'.encode("utf-16"), 400),
    "a form": (b"name=a&price=1", 400),
}

HEADERS: Mapping[str, tuple[dict[str, str], int]] = {
    "If-Match: a word": ({"if-match": "x"}, 400),
    "If-Match: no quotes": ({"if-match": "1"}, 400),
    "If-Match: weak": ({"if-match": 'W/"1"'}, 400),
    "If-Match: any": ({"if-match": "*"}, 400),
    "If-Match: a list": ({"if-match": '"1", "2"'}, 400),
    "If-Match: negative": ({"if-match": '"-1"'}, 400),
    "If-Match: huge": ({"if-match": '"99999999999999999999"'}, 400),
    "If-Match: beyond 64 bits": ({"if-match": '"9223372036854775808"'}, 400),
    "Idempotency-Key: empty": ({"idempotency-key": ""}, 400),
    "Idempotency-Key: spaces": ({"idempotency-key": "a b"}, 400),
    "Idempotency-Key: long": ({"idempotency-key": "a" * 256}, 400),
    "X-Diptych-User: blank": ({"x-diptych-user": " "}, 400),
    "X-Diptych-User: long": ({"x-diptych-user": "a" * 300}, 400),
    "X-Diptych-User: a tab": ({"x-diptych-user": "a\tb"}, 400),
    "large headers": ({"x-large": "a" * 40_000}, 431),
    "many headers": ({f"x-{number}": "a" for number in range(120)}, 431),
    "another host": ({"host": "evil.example"}, 421),
    "no host": ({"host": ""}, 421),
    "a host with a trick": ({"host": "localhost@evil.example"}, 421),
    "another origin": ({"origin": "https://evil.example"}, 403),
    "another port's page": ({"origin": "http://localhost:9000"}, 403),
    "no origin at all": ({"origin": "null"}, 403),
    "a length that is none": ({"content-length": "many"}, 400),
    "a negative length": ({"content-length": "-1"}, 400),
    "a length too long": ({"content-length": "9" * 30}, 413),
}

QUERY_HEADERS: Mapping[str, dict[str, str]] = {
    "Diptych-After: a word": {"diptych-after": "abc"},
    "Diptych-After: empty": {"diptych-after": ""},
    "Diptych-After: negative": {"diptych-after": "-1"},
    "Diptych-After: a fraction": {"diptych-after": "1.5"},
    "Diptych-After: huge": {"diptych-after": "9" * 30},
    "Diptych-After: beyond 64 bits": {"diptych-after": "9223372036854775808"},
    "Diptych-After: other digits": {"diptych-after": "\u00b2"},
    "Prefer: negative": {"prefer": "wait=-1"},
    "Prefer: a word": {"prefer": "wait=long"},
    "Prefer: nothing": {"prefer": "respond-async, wait"},
    "Prefer: huge": {"prefer": "wait=999999999999999999999"},
    "Prefer: too long": {"prefer": "wait=61"},
    "Prefer: infinite": {"prefer": "wait=inf"},
}

QUERY_STRINGS: Mapping[str, tuple[str, int]] = {
    "no UTF-8": ("text=%ff%fe", 400),
    "a lone surrogate": ("text=%ed%a0%80", 400),
    "too many": ("&".join("a=1" for _ in range(2000)), 400),
    "too long": ("text=" + "a" * 20_000, 414),
    "a NUL": ("text=%00", 422),
    "broken escapes": ("price=%zz", 422),
}


@pytest.fixture
async def shop_with_a_lamp(client: httpx2.AsyncClient, application: Application) -> AsyncIterator[httpx2.AsyncClient]:
    await added(client)
    await application.caught_up()
    yield client
    assert await application.head() == 1
    assert (await client.post("/commands/AddProduct", json=PRODUCT)).status_code == 200


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
async def test_a_body_that_is_no_command_is_a_4xx(
    shop_with_a_lamp: httpx2.AsyncClient, body: bytes, status: int
) -> None:
    answer = await shop_with_a_lamp.post("/commands/AddProduct", content=body)

    assert told(answer)[0] == status
    if status == 422:
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    "name", [name for name, (_, status) in BODIES.items() if status != 422 and "digits" not in name]
)
async def test_a_body_that_is_no_query_is_a_4xx(shop_with_a_lamp: httpx2.AsyncClient, name: str) -> None:
    body, status = BODIES[name]

    answer = await shop_with_a_lamp.post("/queries/Echo", content=body.replace(b'"name"', b'"text"') or b"?")

    assert told(answer)[0] == status


@pytest.mark.parametrize(("headers", "status"), HEADERS.values(), ids=HEADERS)
async def test_a_malformed_header_of_a_command_is_a_4xx(
    shop_with_a_lamp: httpx2.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await shop_with_a_lamp.post("/commands/AddProduct", json=PRODUCT, headers=headers)

    assert told(answer)[0] == status


@pytest.mark.parametrize("headers", QUERY_HEADERS.values(), ids=QUERY_HEADERS)
async def test_a_malformed_header_of_a_query_is_a_400(
    shop_with_a_lamp: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    answer = await shop_with_a_lamp.get("/queries/FindProducts", headers=raw)

    assert told(answer) == (400, "/problems/malformed")


@pytest.mark.parametrize(("arguments", "status"), QUERY_STRINGS.values(), ids=QUERY_STRINGS)
async def test_a_malformed_query_string_is_a_4xx(
    shop_with_a_lamp: httpx2.AsyncClient, arguments: str, status: int
) -> None:
    answer = await shop_with_a_lamp.get(f"/queries/Echo?{arguments}")

    assert told(answer)[0] == status


@pytest.mark.parametrize("name", ["idempotency-key", "if-match", "x-diptych-user", "host", "diptych-after"])
async def test_a_header_that_may_come_once_comes_twice(shop_with_a_lamp: httpx2.AsyncClient, name: str) -> None:
    headers = [(name, '"1"'), (name, '"1"')]

    answer = await shop_with_a_lamp.post("/commands/AddProduct", json=PRODUCT, headers=headers)

    assert told(answer) == (400, "/problems/malformed")


async def test_a_user_name_that_is_no_text_is_a_400(shop_with_a_lamp: httpx2.AsyncClient) -> None:
    answer = await shop_with_a_lamp.post("/commands/AddProduct", json=PRODUCT, headers=[(b"x-diptych-user", b"\xff")])

    assert told(answer) == (400, "/problems/malformed")


async def test_lists_may_come_in_several_headers(client: httpx2.AsyncClient) -> None:
    first = await client.get("/queries/FindProducts")
    headers = [
        ("if-none-match", '"x"'),
        ("if-none-match", first.headers["etag"]),
        ("prefer", "a"),
        ("prefer", "wait=1"),
    ]

    answer = await client.get("/queries/FindProducts", headers=headers)

    assert answer.status_code == 304


async def test_preferences_that_nobody_knows_are_ignored(client: httpx2.AsyncClient) -> None:
    headers = {"prefer": 'return=minimal; foo="bar", WAIT="1.5"', "diptych-after": "0"}

    assert (await client.get("/queries/FindProducts", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("body", "deeper"),
    [
        (b"[" * 64 + b"]" * 64, False),
        (b"[" * 65 + b"]" * 65, True),
        (b'{"a":' * 64 + b"1" + b"}" * 64, False),
        (b"[" + b"[]," * 500 + b"[]]", False),
        (b'["' + b"[" * 500 + b'"]', False),
        (b'["\\"' + b"[" * 500 + b'"]', False),
        (b'["\\\\",' + b"[" * 64 + b"]" * 64 + b"]", True),
        (b'["\\\\\\"' + b"[" * 500 + b'"]', False),
        (b"[[],[[],[[]" * 400, True),
        (b"]" * 500 + b"[" * 70, True),
        (b'["\xc3\xbc[",' + b'"[",' * 90 + b"1]", False),
    ],
)
def test_depth_is_counted_outside_of_texts(body: bytes, deeper: Any) -> None:
    assert nests_deeper(body, 64) is deeper
