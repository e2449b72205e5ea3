class StackError(Exception):
    """Something that an operator can mend: one sentence with the way out."""
