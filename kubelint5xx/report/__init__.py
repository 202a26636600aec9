"""How a report is written down: one module a format, each a pure function ``render(report, …) -> str``."""
