"""What a text is made of: sentences, words, names, chunks, and the language it is in."""
