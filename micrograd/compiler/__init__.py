"""From scalars to machine code. Read in this order; it is the pipeline.

trace         a Python function -> a graph of symbols
program       the rolled program: blocks of alike scalars. It prints, verifies, evaluates itself
roll          graph -> program
adjoint       program -> the program that also computes its gradient
exact         graph -> the same, with every operation of the eager engine in its order
schedule      program -> loops: which axis is vectorised, what is tiled, what stays in registers
lifetimes     which rows of memory may be used again
vectormath    exp, log, sin and their kin, as vector code
builder       LLVM's instructions, as lines of text
instructions  what native code is made of: loops, loads and stores, arithmetic
nests         one nest of loops -> instructions
llvm          all of them -> a module of LLVM
native, cache a module -> machine code, kept on disk
c, expression loops -> C99
kernel        a program that is ready to run on arrays
function      what `compile` and `vectorize` return
explain       what became of the scalars, in the words of the user's program
"""
