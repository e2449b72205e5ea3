"""Devices: the card, phone and browser that a customer pays with."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from txwatch.world.identity import fixed_width_strings, hex_text, mix64

HEX_BYTES = 6
STRANGERS = 1 << 40
"""Device numbers from here on belong to no customer."""


class Device(IntEnum):
    """What kind of device: a customer has one of each."""

    CARD = 0
    PHONE = 1
    BROWSER = 2


_PREFIXES = pa.array([f"{device.name.lower()}-" for device in Device])


def device_ids(kinds: npt.NDArray[np.int64], numbers: npt.ArrayLike, salt_bits: np.uint64) -> pa.StringArray:
    """Name devices, for example `phone-1f00c3a94b7e`.

    Args:
        kinds: of `Device`.
        numbers: one for each device: `own_device`, or any number from `STRANGERS` on for somebody else's.
        salt_bits: of the world's devices.
    """
    scrambled = mix64(numbers, salt_bits).astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = fixed_width_strings(hex_text(scrambled[:, :HEX_BYTES]))
    return pc.binary_join_element_wise(_PREFIXES.take(pa.array(kinds)), digits, "")


def own_device(customer: npt.NDArray[np.int64], kind: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the device number of a customer's own device of one kind."""
    return customer * len(Device) + kind
