"""Write the golden files anew, to be read before they are committed: `python -m tests.web.fastapi.make_golden`."""

import json

from diptych.web.fastapi import Door
from tests.web.fastapi.desk import api_of, application
from tests.web.fastapi.test_documents import GOLDEN, OPERATIONS, STYLES


def main() -> None:
    document = api_of(Door(application())).openapi()
    told = {style: {name: document["components"]["schemas"][name] for name in names} for style, names in STYLES.items()}
    told["operations"] = {name: document["paths"][path][method] for name, (path, method) in OPERATIONS.items()}
    for name, value in told.items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
