"""What a postgresql:// URL says, and what it may not."""

from __future__ import annotations

import pytest

from diptych.errors import SettingsError
from diptych.stores.postgres.address import Address
from diptych.stores.urls import event_store, reads_beside

URL = "postgresql://shop:a%20secret@db.example:5433/shop"


def test_what_is_ours_is_taken_out_and_what_is_libpqs_stays() -> None:
    address = Address.of(f"{URL}?schema=sales&sslmode=require&replica=other:5432", schema="diptych")

    assert address.dsn == f"{URL}?sslmode=require"
    assert (address.schema, address.replica) == ("sales", "other:5432")


def test_a_password_is_never_shown() -> None:
    shown = str(Address.of(URL, schema="diptych"))

    assert "secret" not in shown
    assert "shop:***@db.example:5433/shop" in shown


def test_the_replica_is_the_same_but_for_its_server() -> None:
    address = Address.of(f"{URL}?replica=other:6000&sslmode=require", schema="diptych").at_replica()

    assert address.dsn == "postgresql://shop:a%20secret@other:6000/shop?sslmode=require"
    assert address.replica is None


def test_read_models_lie_in_a_schema_of_their_own_beside_the_log() -> None:
    assert reads_beside(URL) == f"{URL}?schema=diptych_reads"
    assert reads_beside(f"{URL}?schema=sales&durable=no&pooler=session") == (
        f"{URL}?schema=sales_reads&pooler=session&durable=no"
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://shop@db", "names no database"),
        (f"{URL}?schema=public", "one for Diptych alone"),
        (f"{URL}?schema=Sales", "small letters"),
        (f"{URL}?schema=pg_catalog", "one for Diptych alone"),
        (f"{URL}?schema=information_schema", "one for Diptych alone"),
        (f"{URL}?schema={'a' * 60}", "at most 59"),
        (f"{URL}?schema=Sales&password=secret&sslpassword=secret", "small letters"),
        ("postgresql://shop:a/secret@db/shop", "as %2F"),
        ("postgresql://shop:a#secret@db/shop", "as %2F"),
        ("postgresql://shop:a?secret@db/shop", "as %2F"),
        ("postgresql://shop:a[secret@db/shop", "as %2F"),
        ("postgresql://shop:secret@db:99999/shop", "a port as a number"),
        (f"{URL}?pooler=transaction", "wanted pooler=session"),
        (f"{URL}?durable=perhaps", "wanted durable=yes or no"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        Address.of(url, schema="diptych")

    assert "secret" not in str(refused.value)


def test_of_several_hosts_all_are_told_and_a_replica_is_one_that_need_not_write() -> None:
    url = "postgresql://shop@db1:5432,db2:5433/shop?target_session_attrs=read-write&sslmode=require&replica=db2:5433"

    address = Address.of(url, schema="diptych")

    assert address.server == "db1:5432,db2:5433"
    assert address.at_replica().dsn == "postgresql://shop@db2:5433/shop?sslmode=require"


@pytest.mark.parametrize("url", [URL, "postgresql:///shop?user=shop&password=secret"])
def test_no_way_to_show_an_address_shows_its_password(url: str) -> None:
    address = Address.of(url, schema="diptych")

    assert "secret" not in f"{address} {address!r} {address.server} {address.user} {address.database}"


def test_a_database_behind_a_local_socket_has_its_read_models_there_too() -> None:
    assert reads_beside("postgresql:///shop") == "postgresql:///shop?schema=diptych_reads"
    assert Address.of("postgresql:///shop?host=/tmp&schema=sales", schema="diptych").dsn == (
        "postgresql:///shop?host=%2Ftmp"
    )


def test_a_url_that_no_store_answers_to_is_told_without_its_password() -> None:
    with pytest.raises(SettingsError, match="no store answers") as refused:
        event_store(URL.replace("postgresql", "postgresql+psycopg"))

    assert "secret" not in str(refused.value)
