"""The xray stage of a run: stories written token by token, and the report."""

from pathlib import Path
from typing import Any

from cygnet.console import say
from cygnet.files import write_json
from cygnet.recipe import XrayOptions
from cygnet.xray.live import watch
from cygnet.xray.report.writing import REPORT, SAMPLES, draw_samples, write_report


def build(options: XrayOptions, folder: Path, run_folder: Path) -> dict[str, Any]:
    """Write samples and ``report.html`` into ``folder``; the first sample also on the terminal."""
    samples = draw_samples(run_folder, options, watch)
    write_json(folder / SAMPLES, [sample.to_dict() for sample in samples])
    n_bytes = write_report(run_folder, folder / REPORT, samples)
    say(f"  the report: {folder / REPORT}")
    return {"samples": len(samples), "report_bytes": n_bytes}
