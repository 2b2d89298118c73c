"""Pictures of graphs: what is shown, where it lies, and how it is written.

fold, scene          a graph of Values -> boxes and arrows
placement            boxes and arrows -> their places
svg, dot, bitmap     places -> files
tree                 a graph as text
picture, parser      `draw`, of a Value and of an expression
"""
