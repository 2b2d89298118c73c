"""From scalars to machine code. Read in this order; it is the pipeline.

trace         a Python function -> a graph of symbols
formula       whether a function is one of numbers, which broadcasts, or one of arrays
program       the rolled program: blocks of alike scalars. It prints, verifies, evaluates itself
roll          graph -> program
adjoint       program -> the program that also computes its gradient
exact         graph -> the same, with every operation of the eager engine in its order
access        where a gather reads, as a formula of the place in the loops
plan          the loops, as data. They print and verify themselves
fusion        program -> nests of loops: what shares one, in which order, what is computed again
straight      small irregular programs without loops
lifetimes     which rows of memory may be used again
schedule      nests -> plan: what is vectorised, how it is tiled, where blocks lie
vectormath    exp, log, sin and their kin, as vector code
builder       LLVM's instructions, as lines of text
instructions  what native code is made of: loops, loads and stores, arithmetic
nests         one nest of loops -> instructions
llvm          all of them -> a module of LLVM
native, cache a module -> machine code, kept on disk
fingerprint   what tells a program from all others, and finds its code there
c, expression loops -> C99
crew          threads that stand by to share out the examples of a call
kernel        a program that is ready to run on arrays
specialised   a function for arguments of one structure and shape, and what was compiled of it
arguments     what comes in, as arrays
compiled      calls, gradients, and a look at every stage
function      what `compile` and `vectorize` return: one example a call, or all
explain       what became of the scalars, in the words of the user's program
"""
