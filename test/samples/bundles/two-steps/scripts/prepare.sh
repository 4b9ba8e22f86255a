#!/usr/bin/env bash
# Copies the table into the workspace: prepare.sh TABLE WORKSPACE
set -euo pipefail
mkdir -p "$2/csv"
cp "$1" "$2/csv/table.csv"
