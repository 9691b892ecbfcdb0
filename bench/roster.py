"""A roster of 50,000 rows: how long the import takes and how much memory a process of its own needs for it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

ROWS = 50_000


def write(path: Path, rows: int = ROWS) -> None:
    """A roster file with invented people."""
    with path.open("w", newline="", encoding="utf-8-sig") as handle:
        out = csv.writer(handle)
        out.writerow(["工号", "姓名", "机构", "岗位", "角色"])
        for number in range(rows):
            out.writerow([f"R{number:06d}", f"学员{number}", f"第{number % 300}支行", "客户服务经理", "trainee"])


def measure(folder: Path) -> dict[str, float]:
    """Seconds and megabytes (peak, and before the import) of the command line's import in a process of its own."""
    file = folder / "roster.csv"
    write(file)
    data = folder / "roster-data"
    data.mkdir()
    environment = {**os.environ, "QIZHOU_DATA": str(data), "FLASK_APP": "app", "QIZHOU_DEMO": "0"}
    subprocess.run([sys.executable, "-c", "from app import create_app\nfrom foundation import schema\na=create_app()\nwith a.app_context(): schema.upgrade()"],
                   env=environment, check=True)
    command = ["/usr/bin/env", sys.executable, "-m", "flask", "people", "import", str(file)]
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    return {"rows": ROWS, "seconds": round(time.monotonic() - began, 1), "peak_mb": usage.ru_maxrss // 1024, "exit": os.waitstatus_to_exitcode(status)}
