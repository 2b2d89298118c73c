"""Pictures of graphs: content, coordinates, and files.

fold, scene          a graph of Values -> boxes and arrows
placement            boxes and arrows -> their coordinates
svg, dot, bitmap     coordinates -> files
tree                 a graph as text
recording, serving   a training run as a page, while it runs and afterwards
rows, page           a graph as a page that steps through it
picture              `draw`
"""
