"""Whatever a person or a program may hand over, for hypothesis to draw from."""

import os
from collections.abc import Callable

from hypothesis import strategies as st

from txwatch.errors import UsageError

TEXT: st.SearchStrategy[str] = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    | st.binary(max_size=20).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
    | st.floats().map(repr)
    | st.integers().map(str)
    | st.sampled_from(
        ["", "-", "--", "~nobody", "x" * 300, "/" + "x" * 5000, "9" * 5000, "1e400", "NaN", "[", "{}", "[[]]"]
    )
    | st.sampled_from(["[/x]", "[red]x", "%s {0} ${x}", "\x1b[2J", "a\nb", "\u2028", "\u0663", "\u00b2"])
)
"""As an argument or a variable of the environment can hold it: no NUL, bytes that are no text among it."""


def refusal(reading: Callable[[], object]) -> str | None:
    """Return the sentence in which something is refused; `None`: it is taken."""
    try:
        reading()
    except UsageError as error:
        return str(error)
    return None
