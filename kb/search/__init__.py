"""Question into passages: vectors and words, fused and calibrated over all languages, and the gate."""
