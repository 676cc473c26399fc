"""The pages, one a file: each has a function `page` that draws it.

Not called `pages`: Streamlit would run the files of such a folder by themselves.
"""
