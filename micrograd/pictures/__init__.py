"""Pictures of graphs: what is shown, where it lies, and how it is written.

fold, scene          a graph of Values -> boxes and arrows
placement            boxes and arrows -> their places
svg, dot, bitmap     places -> files
tree                 a graph as text
recording, serving   a training run as a page, while it runs and afterwards
rows, page           a graph as a page, which steps through it
picture, parser      `draw`, of a Value and of an expression
"""
