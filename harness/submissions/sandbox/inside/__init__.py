"""All that runs inside the sandbox, beside hostile code: of the project, only this is in its view.

Imports the standard library, numpy, keras and itself, nothing else of the project.
"""
