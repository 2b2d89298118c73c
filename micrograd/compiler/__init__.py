"""From scalars to machine code. Read the folders in this order: they are the pipeline.

folder     takes              gives                               prints by
trace      a Python function  a graph of symbols                  source("trace")
program    a graph            blocks of scalars, gradients        source("program")
schedule   blocks             loops, lanes, memory                source("plan")
llvm       loops              LLVM IR                             source("llvm")
c          loops              C99                                 source("c")
runtime    LLVM IR            machine code, buffers, threads      source("assembly")
api        all of these       the public interface                explain()
"""
