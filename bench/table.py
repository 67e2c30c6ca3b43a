"""The record of a benchmark as a table."""

from typing import Any

OURS = "cygnet"
HEAD = ("row", "what", "who", "median (min to max)", "most memory", "cygnet is", "target")
UNITS = {"bytes": "MB/s", "tokens": "M tokens/s"}


def as_lines(case: dict[str, Any]) -> list[str]:
    """A case as lines for a terminal."""
    lines = [case["what"]]
    for _, _, who, figure, memory, ratio, target in as_cells(case):
        notes = "; ".join(note for note in (memory, ratio, target and f"target {target}") if note)
        lines.append(f"  {who:12} {figure:34} {notes}".rstrip())
    return lines


def as_markdown(record: dict[str, Any]) -> str:
    """A record as a markdown page: where, what texts, and the table."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    lines = [
        f"{record['processor']}, {record['processors']} processors, {record['memory_gb']} GB,"
        f" {record['system']}, Python {record['python']}, {record['date']}.",
        f"{versions}.",
        f"Medians of {record['runs']}; load average before {record['load_average']:.2f}.",
        "",
        *(
            f"- {name}: {text['bytes'] / 1e6:.1f} MB in {text['documents']:,} documents, its source"
            f" {text['repeats']} times"
            for name, text in record["texts"].items()
        ),
        "",
        _row(HEAD),
        _row(["---"] * len(HEAD)),
    ]
    lines += [_row(cells) for case in record["cases"] for cells in as_cells(case)]
    lines += ["", *(f"Failed: {message}" for message in record["failed"])]
    return "\n".join(lines).rstrip() + "\n"


def as_cells(case: dict[str, Any]) -> list[tuple[str, ...]]:
    """A line of the table for each contestant."""
    return [
        (
            str(case["row"]),
            case["what"],
            who,
            _figure(found, case["work"]),
            _memory(found),
            *_verdict(case, who),
        )
        for who, found in case["figures"].items()
    ]


def _figure(found: dict[str, Any], work: str) -> str:
    if work not in found:
        return f"{found['median']:.3f} s ({found['min']:.3f} to {found['max']:.3f})"
    slow, middle, fast = (found[work] / found[key] / 1e6 for key in ("max", "median", "min"))
    digits = 1 if middle < 100 else 0
    return f"{middle:.{digits}f} {UNITS[work]} ({slow:.{digits}f} to {fast:.{digits}f})"


def _memory(found: dict[str, Any]) -> str:
    return f"{found['peak_bytes'] / 1e6:.0f} MB" if "peak_bytes" in found else ""


def _verdict(case: dict[str, Any], who: str) -> tuple[str, str]:
    """How many times as fast cygnet is, and what was wanted."""
    if who == OURS:
        found = case["figures"][OURS]
        wanted = (_limit(name, most, found[name]) for name, most in case["limits"].items())
        return "", ", ".join(wanted)
    if who not in case["ratios"]:
        return "", ""
    ratio, target = case["ratios"][who], case["targets"].get(who)
    said = "" if target is None else f"{target:g}: {_met(ratio >= target)}"
    return f"{ratio:.2f} times as fast", said


def _limit(name: str, most: float, found: float) -> str:
    said = f"{most / 1e6:.0f} MB" if name == "peak_bytes" else f"{most:g} s"
    return f"under {said}: {_met(found < most)}"


def _met(reached: bool) -> str:
    return "met" if reached else "missed"


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
