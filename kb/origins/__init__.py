"""Same story: copies and translations of a text are one origin, however many outlets print it.

tracing      each committed version gets a trace; versions of one story are tied in pairs
likeness     the decision for texts of one language: shingles, then series (numbers that must not merge)
translation  the decision across languages: vectors, figures and dates, names
groups       what the ties connect, as known on a day; one passage an origin
credit       which agency a text credits
"""
