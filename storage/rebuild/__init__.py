"""The catalogue and the search index made anew from the archive alone: `ocfl/`, `receipts/` and `ledger/`."""
