"""Without the extra, the error names it; and nothing else of Diptych needs FastAPI."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_missing_fastapi_is_told_by_the_name_of_the_extra() -> None:
    shown = run("import sys; sys.modules['fastapi'] = None; import diptych.web.fastapi")

    assert "ModuleNotFoundError: diptych.web.fastapi needs FastAPI: pip install 'diptych[fastapi]'" in shown


def test_the_http_face_imports_neither_fastapi_nor_pydantic() -> None:
    shown = run(
        "import sys, diptych.web.app, diptych.web.server;"
        "print([name for name in ('fastapi', 'pydantic') if name in sys.modules])"
    )

    assert shown == "[]\n"
