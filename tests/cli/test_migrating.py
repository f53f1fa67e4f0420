"""`diptych log migrate` and `diptych doctor` on PostgreSQL: what they say, and with which status they end."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.clusters import Database
from tests.stores.doctoring import login

Told = Callable[..., Any]


def test_an_empty_database_gets_its_tables_once(told: Told, run: Run, newest_postgres: Database) -> None:
    due = run("log", "migrate", newest_postgres.url, "--check")
    done = told("log", "migrate", newest_postgres.url)
    again = told("log", "migrate", newest_postgres.url)

    assert due.exit_code == 1
    assert "schema diptych: due: log/0001_log\n" in due.stdout
    assert [each["schema"] for each in done] == ["diptych", "diptych_reads"]
    assert {"log/0001_log", "bookmarks/0001_bookmarks", "audit/0001_audit"} < set(done[0]["migrations"])
    assert {"rows/0001_rows", "leases/0001_leases"} <= set(done[1]["migrations"])
    assert [each["migrations"] + each["grants"] for each in again] == [[], []]
    checked = run("log", "migrate", newest_postgres.url, "--check")
    assert (checked.exit_code, checked.stdout) == (0, "schema diptych: up to date\nschema diptych_reads: up to date\n")


def test_schemas_are_those_of_the_urls(told: Told, newest_postgres: Database) -> None:
    url = newest_postgres.url

    done = told("log", "migrate", f"{url}?schema=shop", "--reads", f"{url}?schema=rows")

    assert [each["schema"] for each in done] == ["shop", "rows"]
    assert newest_postgres.sql("select count(*) from shop.log") == "1"


def test_a_log_among_read_models_is_refused_before_it_is_handed_over_with_them(
    run: Run, newest_postgres: Database
) -> None:
    login(newest_postgres, "app")
    url = f"{newest_postgres.url}?schema=shop"

    both = run("log", "migrate", url, "--reads", f"{url}&pooler=session", "--grant", f"app_{newest_postgres.name}")
    asked = run("doctor", "--events", url, "--reads", url)

    assert (both.exit_code, asked.exit_code) == (1, 1)
    assert "log and read models are both in schema shop" in both.stderr
    assert "?schema=shop_reads" in asked.stderr
    assert newest_postgres.sql("select count(*) from pg_namespace where nspname = 'shop'") == "0"


def test_the_log_of_another_application_is_not_taken_for_read_models(
    told: Told, run: Run, newest_postgres: Database
) -> None:
    login(newest_postgres, "app")
    told("log", "migrate", newest_postgres.url)
    owner = "select tableowner from pg_tables where schemaname = 'diptych' and tablename = 'events'"
    before = newest_postgres.sql(owner)

    mixed = run(
        *("log", "migrate", f"{newest_postgres.url}?schema=shop", "--reads", f"{newest_postgres.url}?schema=diptych"),
        *("--grant", f"app_{newest_postgres.name}"),
    )

    assert mixed.exit_code == 1
    assert "holds audit, bookmarks, log, snapshots of a log already; name another in the URL" in mixed.stderr
    assert newest_postgres.sql(owner) == before


def test_without_a_url_it_is_that_of_the_application(
    told: Told, newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_EVENTS", newest_postgres.url)

    assert [each["schema"] for each in told("log", "migrate")] == ["diptych", "diptych_reads"]


def test_rights_are_granted_once_and_told(told: Told, run: Run, newest_postgres: Database) -> None:
    login(newest_postgres, "app"), login(newest_postgres, "queries")
    roles = ("--grant", f"app_{newest_postgres.name}", "--read-only", f"queries_{newest_postgres.name}")

    done = told("log", "migrate", newest_postgres.url, *roles)
    again = told("log", "migrate", newest_postgres.url, *roles)

    assert f"grant select, insert on diptych.events to app_{newest_postgres.name}" in done[0]["grants"]
    assert f"grant select on diptych.events to queries_{newest_postgres.name}" in done[0]["grants"]
    assert [each["grants"] for each in again] == [[], []]
    assert run("log", "migrate", newest_postgres.url, "--check", *roles).exit_code == 0
    assert run("log", "migrate", newest_postgres.url, "--check", "--grant", roles[3]).exit_code == 1


def test_what_cannot_be_done_is_told_in_a_sentence(run: Run, newest_postgres: Database) -> None:
    app = login(newest_postgres, "app")

    absent = run("log", "migrate", newest_postgres.url, "--grant", "nobody_there")
    narrow = run("log", "migrate", app)
    run("log", "migrate", newest_postgres.url, "--grant", f"app_{newest_postgres.name}")
    giving = run("log", "migrate", app, "--read-only", "pg_monitor")

    assert (absent.exit_code, narrow.exit_code, giving.exit_code) == (1, 1, 1)
    assert "there is no role 'nobody_there'" in absent.stderr
    assert "create role nobody_there login" in absent.stderr
    assert "may not make them" in narrow.stderr
    assert "name the owner of the tables in the URL" in giving.stderr
    assert newest_postgres.sql("select count(*) from diptych.log") == "1"


@pytest.mark.parametrize("url", ["sqlite:///bank.db", "memory://"])
def test_elsewhere_there_is_nothing_to_do(run: Run, url: str) -> None:
    result = run("log", "migrate", url)

    assert (result.exit_code, result.stdout[:14]) == (0, "nothing to do:")


@pytest.mark.parametrize("option", ["--grant", "--read-only"])
def test_files_have_no_roles(run: Run, option: str) -> None:
    result = run("log", "migrate", "sqlite:///bank.db", option, "app")

    assert (result.exit_code, "only PostgreSQL has roles" in result.stderr) == (1, True)


def test_of_a_server_with_read_models_alone_nothing_is_said_about_the_log(
    told: Told, newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_READS", newest_postgres.url)
    told("send", "Open", "--account", "A1", "--owner", "Ada")
    told("log", "migrate")

    found = {each["about"]: each for each in told("doctor")}

    assert found["durability"]["text"] == "an acknowledged command is on disk (sqlite:///bank.db)"
    assert not {"replication", "backup", "rights", "schema diptych"} & found.keys()
    assert found["schema diptych_reads"]["level"] == "ok"


def test_the_doctor_opens_nothing_that_is_not_up_to_date(
    told: Told, newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_EVENTS", newest_postgres.url)

    found = {each["about"]: each for each in told("doctor")}

    assert found["schema diptych"]["text"] == "its tables are not there yet"
    assert found["application"]["text"].startswith("not opened")
    assert newest_postgres.sql("select count(*) from pg_namespace where nspname like 'diptych%'") == "0"


def test_the_doctor_looks_into_an_application_in_postgres(
    told: Told, run: Run, newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = login(newest_postgres, "app")
    told("log", "migrate", newest_postgres.url, "--grant", f"app_{newest_postgres.name}")
    monkeypatch.setenv("DIPTYCH_EVENTS", app)
    told("send", "Open", "--account", "A1", "--owner", "Ada")
    told("ask", "GetAccount", "--account", "A1")

    found = {each["about"]: each for each in told("doctor")}

    assert found["rights"]["level"] == found["projection listing"]["level"] == found["log"]["level"] == "ok"
    assert found["projection listing"]["text"] == "caught up"
    assert found["log"]["text"].endswith("head 1")
    assert run("doctor", "--strict").exit_code == 0


def test_the_doctor_finds_a_role_that_may_change_the_log(
    told: Told, run: Run, newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = login(newest_postgres, "app")
    told("log", "migrate", newest_postgres.url, "--grant", f"app_{newest_postgres.name}")
    newest_postgres.sql(f"grant update on diptych.events to app_{newest_postgres.name}")

    result = run("doctor", "--events", app)

    assert result.exit_code == 1
    assert f"role app_{newest_postgres.name} may change what happened: UPDATE on diptych.events" in result.stdout
    told("log", "migrate", newest_postgres.url, "--grant", f"app_{newest_postgres.name}")
    assert run("doctor", "--events", app).exit_code == 0


def test_the_doctor_knows_what_a_query_process_needs(told: Told, run: Run, newest_postgres: Database) -> None:
    queries = login(newest_postgres, "queries")
    told("log", "migrate", newest_postgres.url, "--read-only", f"queries_{newest_postgres.name}")

    alone = run("doctor", "--only", "queries", "--events", queries)
    whole = run("doctor", "--events", queries)

    assert alone.exit_code == 0, alone.stdout
    assert whole.exit_code == 1
    assert "lacks in schema diptych what an application needs" in whole.stdout


def test_the_doctor_finds_read_models_of_another_log(told: Told, run: Run, newest_postgres: Database) -> None:
    url = newest_postgres.url
    told("send", "Open", "--account", "A1", "--owner", "Ada", "--events", url)
    told("ask", "GetAccount", "--account", "A1", "--events", url)
    newest_postgres.sql("drop schema diptych cascade")
    told("send", "Open", "--account", "A9", "--owner", "Zoe", "--events", url)

    result = run("doctor", "--events", url)

    assert result.exit_code == 1
    assert "belongs to another log" in result.stdout
