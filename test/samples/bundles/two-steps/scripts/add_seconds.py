"""Adds up the seconds of each kind: add_seconds.py WORKSPACE."""

import csv
import pathlib
import sys

from seconds_table import total_by_kind

workspace = pathlib.Path(sys.argv[1])
with open(workspace / "csv" / "table.csv", newline="", encoding="utf-8") as table:
    totals = total_by_kind(csv.DictReader(table))
(workspace / "totals").mkdir()
lines = [f"{kind},{seconds}\n" for kind, seconds in sorted(totals.items())]
(workspace / "totals" / "seconds.csv").write_text("".join(lines), encoding="utf-8")
