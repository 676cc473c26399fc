"""How results look and travel: the JSON contract, HTML for notebooks, data frames, Markdown, words."""
