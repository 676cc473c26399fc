"""Passages into a checked answer: prompt, call, citations, screening, verdicts, the record."""
