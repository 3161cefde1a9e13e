"""Every parser of the project that is given what somebody else has written."""

from tests.fuzzing import (
    data_targets,
    kaggle_targets,
    network_targets,
    picture_targets,
    report_targets,
    store_targets,
    toml_targets,
)

TARGETS = (
    *data_targets.TARGETS,
    *kaggle_targets.TARGETS,
    *picture_targets.TARGETS,
    *network_targets.TARGETS,
    *report_targets.TARGETS,
    *store_targets.TARGETS,
    *toml_targets.TARGETS,
)
