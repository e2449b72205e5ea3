"""Airflow's tasks run beside each other, `txwatch transform` runs alone."""

import pytest

from txwatch.errors import UnavailableError, UsageError
from txwatch.settings import Settings
from txwatch.transform.lock import no_transformation, only_transformation


def test_models_are_built_beside_each_other_and_keep_a_whole_transformation_out(pipeline: Settings) -> None:
    options = pipeline.postgres("transformer")
    with (
        no_transformation(options, 1),
        no_transformation(options, 1),
        pytest.raises(UsageError, match="at work on this warehouse"),
        only_transformation(options),
    ):
        pass
    with only_transformation(options):
        pass


def test_a_model_waits_for_a_transformation_only_so_long(pipeline: Settings) -> None:
    options = pipeline.postgres("transformer")
    with (
        only_transformation(options),
        pytest.raises(UnavailableError, match="end it, then clear this task"),
        no_transformation(options, 1),
    ):
        pass
    with no_transformation(options, 1):
        pass
