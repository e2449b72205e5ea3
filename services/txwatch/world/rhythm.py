"""When people pay: the hours of a day, and how they fall together over the world's time zones."""

import numpy as np
import numpy.typing as npt

HOURS = 24

# Relative number of payments by local hour: asleep until six, a lunch peak, the highest after work.
LOCAL_HOUR_WEIGHTS = np.array(
    [6, 3, 2, 2, 2, 5, 14, 28, 42, 48, 54, 62, 74, 66, 58, 58, 64, 76, 84, 78, 62, 44, 28, 14], dtype=float
)

CHRONOTYPE_SHIFT_HOURS = np.array([-2, 0, 3])
"""Early risers, most people, night owls: how much later than the usual day theirs runs."""
CHRONOTYPE_SHARE = np.array([0.25, 0.55, 0.20])


def clock_group(
    utc_hours: npt.NDArray[np.int64], shift_hours: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Number the customers' own clocks: hours, 0 to 23, that their day runs ahead of UTC's."""
    return (utc_hours - shift_hours) % HOURS


def hour_weights() -> npt.NDArray[np.float64]:
    """Return the relative activity, shape (24, 24): by UTC hour and clock group."""
    utc_hour, group = np.meshgrid(np.arange(HOURS), np.arange(HOURS), indexing="ij")
    weights: npt.NDArray[np.float64] = LOCAL_HOUR_WEIGHTS[(utc_hour + group) % HOURS]
    return weights
