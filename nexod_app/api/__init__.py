"""The REST side: one router file per resource, all of them thin over `engine.services`."""
