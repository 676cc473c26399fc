"""What is kept: the catalog and its tables, snapshots, the ledger of collecting, answers, backup."""
