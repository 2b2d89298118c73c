"""The tutorial: lessons in Markdown, as notebooks, and as one page that is built on the reader's
machine.

lessons      the text of a lesson -> cells
notebooks    cells -> a notebook
site         cells, run -> a page with their output and pictures
"""
