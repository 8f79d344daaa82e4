"""Brings a catalogue file into the books, in the transaction it is given."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from agent import catalogue_file
from agent.catalogue_file import BadCatalogueError, Progress
from agent.core.catalogue import Catalogue, sold_otherwise, update
from agent.core.catalogue_rows import BadLine
from agent.store import catalogues, untold


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file did to the catalogue, in SKUs. `skipped` lines were left out; their SKUs are as they were."""

    catalogue: Catalogue
    added: int
    changed: int
    retired: int
    deleted: int
    skipped: tuple[BadLine, ...]


def bring_in(
    tx: sqlite3.Connection,
    path: Path,
    *,
    whole: bool,
    skip_bad: bool = False,
    progress: Progress = lambda done, of: None,
) -> Imported:
    """Import a file; nothing of it comes in if a line is bad, unless `skip_bad`. Raises BadCatalogueError.

    `whole`: SKUs that are not in the file are retired; those that were never booked are deleted.
    """
    known = catalogues.load(tx)
    found = catalogue_file.read(path, catalogue_file.contents(path), known, whole=whole, progress=progress)
    if found.bad and (not skip_bad or any(bad.line == 1 for bad in found.bad)):
        raise BadCatalogueError(catalogue_file.listed(path, found.bad))
    change = update(known, found.skus, whole=whole, spared=[bad.sku for bad in found.bad])
    catalogues.enter(tx, change)
    untold.note(tx, sold_otherwise(known, change.catalogue))
    deleted = catalogues.forget_unused(tx)
    catalogue = change.catalogue
    if deleted:
        catalogue = Catalogue(sku for name, sku in catalogue.skus.items() if name not in deleted)
    return Imported(
        catalogue,
        len(change.added),
        len(change.changed),
        len(change.retired) - len(deleted),
        len(deleted),
        tuple(found.bad),
    )


def follow_file(tx: sqlite3.Connection, path: Path | None) -> Catalogue:
    """The catalogue in the books, after the configured file, if any, has come in if it is another than last time.

    Raises BadCatalogueError: the file cannot be read, or a line of it is bad.
    """
    if path is None:
        return catalogues.load(tx)
    fingerprint = catalogue_file.fingerprint(catalogue_file.contents(path))
    if fingerprint == catalogues.last_file(tx):
        return catalogues.load(tx)
    imported = bring_in(tx, path, whole=True)
    catalogues.note_file(tx, fingerprint)
    return imported.catalogue


def check(path: Path) -> Catalogue:
    """The catalogue in a file, for new books; it changes nothing. Raises BadCatalogueError naming every bad line."""
    found = catalogue_file.read(path, catalogue_file.contents(path), Catalogue(), whole=True)
    if found.bad:
        raise BadCatalogueError(catalogue_file.listed(path, found.bad))
    return Catalogue(found.skus.values())
