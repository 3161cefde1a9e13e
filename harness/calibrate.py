"""The command `python -m harness.calibrate`; it is in `harness/app`."""

from harness.app.calibrate import main

raise SystemExit(main())
