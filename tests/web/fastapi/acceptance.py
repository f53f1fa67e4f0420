"""What Schemathesis checks besides its own: data that fits the document is taken, but for what only the state can say.

Loaded by Schemathesis itself, in a process of its own: `conformance.fuzz` names this file.
"""

import re
import zlib

import schemathesis

UNKNOWN = "x-schemathesis-unknown-property"

# A position may lie beyond the head, a cursor may be none of this list, rows may keep no past, a key may come back.
OF_THE_STATE = frozenset({"beyond-head", "no-history", "too-costly", "key-reused", "refused", "conflict"})
OPAQUE = frozenset({"cursor"})


@schemathesis.check
def fitting_data_is_taken(ctx, response, case):
    if response.status_code not in {400, 422} or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    kind = problem["type"].split("/")[2]
    if kind in OF_THE_STATE or (kind == "invalid" and problem["errors"].keys() <= OPAQUE):
        return
    said = [text for each in problem.get("errors", {}).values() for text in each]
    if said and all(text.startswith("there is no ") for text in said):
        return  # it names what only the state knows not to be there
    if "is no cursor" in problem["detail"] or problem["detail"].startswith("the key of "):
        return  # opaque texts: the document cannot say which there are
    if "expected `int`, got `float`" in problem["detail"]:
        return  # JSON Schema calls 78.0 an integer; here it is written as one
    if not re.fullmatch(r'"\d{1,18}"', str((case.headers or {}).get("If-Match", '"0"'))):
        return  # its quotes were lost on the way into the header
    raise AssertionError(f"data that fits was refused: {problem}")


@schemathesis.hook
def filter_case(ctx, case):
    # A header that nobody knows is no fault of a request; an empty value is the null of a query string.
    return UNKNOWN not in (case.headers or {}) and "" not in (case.query or {}).values()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Leave out, three times in four, what lets a request end before it comes to the application: random positions."""
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    if fits and zlib.crc32(repr((case.headers, case.query, case.body)).encode()) % 4:
        for name in ("Diptych-After", "If-Match"):
            (case.headers or {}).pop(name, None)
        (case.query or {}).pop("as_of", None)
