"""`retail` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retail.cli import main
from retail.importing.lines import HEADER
from retail.place import Place

SALE = "1,A,sold,2,2010-12-01 08:26:00,1.50,7,United Kingdom"


def retail(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "sales.csv"
    file.write_text(f"{HEADER}\n{SALE}\n")
    return file


def test_import_and_report_give_the_figures_as_json(file: Path, home: Place, tmp_path: Path) -> None:
    imported = retail("import", file, "--data", home, "--rejects", tmp_path / "rejects.csv")
    report = retail("report", "--data", home, "--json")

    assert imported.exit_code == 0, imported.output
    assert "1 lines: 3 commands accepted, 0 had been before, 0 lines of 0 documents rejected" in imported.stderr
    figures = json.loads(report.stdout)
    assert (figures["sales"], figures["gross_sales"], figures["total_stock"]) == (1, "3", -2)


def test_report_prints_a_table_for_people(file: Path, tmp_path: Path) -> None:
    retail("import", file, "--data", tmp_path / "shop")

    report = retail("report", "--data", tmp_path / "shop")

    assert report.exit_code == 0
    assert "gross sales" in report.stdout


def test_a_rejected_line_ends_the_import_with_status_1(file: Path, tmp_path: Path) -> None:
    file.write_text(f"{HEADER}\nwrong\n{SALE}\n")

    imported = retail("import", file, "--data", tmp_path / "shop")

    assert imported.exit_code == 1
    assert "1 lines of 1 documents rejected" in imported.stderr
    assert "wrong" in (tmp_path / "shop" / "rejects.csv").read_text()
    assert json.loads(retail("report", "--data", tmp_path / "shop", "--json").stdout)["sales"] == 1


def test_another_file_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    file.write_text("a,b\n")

    imported = retail("import", file, "--data", tmp_path / "shop")

    assert imported.exit_code == 1
    assert "expected 'InvoiceNo,StockCode" in imported.stderr
    assert "Traceback" not in imported.output


def test_a_report_of_no_shop_says_what_to_do(tmp_path: Path) -> None:
    report = retail("report", "--data", tmp_path)

    assert report.exit_code == 1
    assert "there is no shop" in report.output


def test_traffic_brings_customers_to_an_empty_shop(tmp_path: Path) -> None:
    traffic = retail("traffic", "--data", tmp_path / "shop", "--seconds", 1, "--rate", 50, "--seed", 7)

    assert traffic.exit_code == 0, traffic.output
    assert "ProcessSale accepted" in traffic.stdout
    assert json.loads(retail("report", "--data", tmp_path / "shop", "--json").stdout)["sales"] > 10


def test_the_demo_shows_address_commands_and_figures_and_ends_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from retail.cli import main; main()", "demo"]
    options = ["--data", str(tmp_path / "shop"), "--port", "0", "--seconds", "2"]

    demo = subprocess.run([*command, *options], capture_output=True, text=True, timeout=50, check=False)

    assert demo.returncode == 0, demo.stderr
    assert "The shop is open: http://127.0.0.1:" in demo.stdout
    assert demo.stdout.count("curl ") == 2
    assert "takings today" in demo.stdout
