"""What HQ's database may raise that ends the process: nothing here can be gone on from in place."""


class DatabaseRefused(Exception):
    """Raised at start when the database cannot be trusted with the books; says what to do."""


class DatabaseLost(Exception):
    """Raised when the database failed under HQ, or another HQ took it over.

    Whether the last transaction is there, only a fresh look tells: the process ends and is started anew.
    """
