"""From scalars to machine code. Read in this order; it is the pipeline.

trace     a Python function -> a graph of symbols
program   the rolled program: blocks of alike scalars. It prints, verifies and evaluates itself
roll      graph -> program
adjoint   program -> the program that also computes its gradient
schedule  program -> loops: which axis is vectorised, how it is tiled, what stays in registers
llvm      loops -> native code
cache     native code, kept on disk
c         loops -> C99, its formulas in expression
function  what `compile` and `vectorize` return
explain   what the scalars became, in the words of the user
"""
