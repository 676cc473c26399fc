"""Measures over test data: retrieval, answers, refusals, planted orders."""
