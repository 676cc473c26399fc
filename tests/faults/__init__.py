"""The fault matrix as a command: what may go wrong, made to go wrong, with a verdict line for each row.

python -m tests.faults run --seed 1 [--rows 1,2,9,20-38] [--full]
"""
