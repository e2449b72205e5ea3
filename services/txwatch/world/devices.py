"""Devices: the card, phone and browser that a customer pays with."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from txwatch.world.identity import fixed_width_strings, hex_text, mix64

HEX_BYTES = 6


class Device(IntEnum):
    """What kind of device: a customer has one of each."""

    CARD = 0
    PHONE = 1
    BROWSER = 2


_PREFIXES = pa.array([f"{device.name.lower()}-" for device in Device])


def device_ids(kinds: npt.NDArray[np.int64], numbers: npt.ArrayLike, salt_bits: np.uint64) -> pa.StringArray:
    """Name devices, for example `phone-1f00c3a94b7e`: `kinds` of `Device`, one number for each device."""
    scrambled = mix64(numbers, salt_bits).astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = fixed_width_strings(hex_text(scrambled[:, :HEX_BYTES]))
    return pc.binary_join_element_wise(_PREFIXES.take(pa.array(kinds)), digits, "")


def customer_devices(customers: int, salt_bits: np.uint64) -> pa.StringArray:
    """Name all customers' devices; customer c's device of kind k stands at `len(Device) * c + k`."""
    numbers = np.arange(customers * len(Device))
    return device_ids(numbers % len(Device), numbers, salt_bits)
