"""The command `python -m harness.kaggle`; it is in `harness/app`."""

from harness.app.kaggle import main

raise SystemExit(main())
