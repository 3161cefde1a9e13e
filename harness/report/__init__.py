"""The report: pages, Markdown, terminal lines and exports, made from results.json alone."""
