"""The use-cases: what page, REST route and CLI all call. Synchronous; callers put them in threads."""
