"""What can go wrong with the books. Only a full disk is survived in place: else the agent stops and is started anew."""


class BooksError(Exception):
    """Raised with what is wrong and a hint that an operator can act on; only its subclasses are raised."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(f"{why}. {hint}")
        self.why = why
        self.hint = hint


class BooksRefusedError(BooksError):
    """The file cannot be used as it is: another store's, a newer program's, settings that do not hold, in use."""


class BooksDamagedError(BooksRefusedError):
    """The file is not what was written: its pages, its chain or its sums are wrong."""


class BooksLostError(BooksError):
    """A write failed in a way that leaves open whether it is on disk. Open the books anew and read what is true."""


class BooksFullError(BooksError):
    """The disk has no room: the transaction is surely not in the books, and can be asked for again."""


class BooksClosedError(Exception):
    """The books are not the right ones to enter anything in; `str` says why and what to do. Nothing was entered."""
