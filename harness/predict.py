"""The command `python -m harness.predict`; it is in `harness/app`."""

from harness.app.predict.__main__ import main

raise SystemExit(main())
