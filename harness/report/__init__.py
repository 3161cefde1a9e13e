"""The report: one HTML page made from results.json and nothing else.

html = render(json.load(file))          # pure: the same results, the same bytes
write(results_path, output_path)        # or: python -m harness.report results.json
"""

from harness.report.render import markdown, render, write

__all__ = ["markdown", "render", "write"]
