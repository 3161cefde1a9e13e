"""What the documents did beyond training a network once: a section of the report for each.

`schema` reads, `sections` puts together, one module a kind says what is shown, `drawings` draws.
"""
