"""Everything that lasts: tables, the session bound to one workspace, and the ledger that workers live by."""
