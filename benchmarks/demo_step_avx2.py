"""How long does one step of the demo take on a machine without AVX-512?

Our program and the program by hand are compiled for x86-64-v3, which has vectors of 32 bytes and 16
registers for them.
"""

import os
import sys

os.environ["MICROGRAD_CPU"] = "x86-64-v3"

import demo_step
import side_by_side
from side_by_side import Within


def main() -> bool:
    side_by_side.header("g++")
    sides = {"micrograd, in scalars": demo_step.ours, "C++ by hand": demo_step.cpp()}
    demo_step.check(sides)
    bars = {"C++ by hand": (Within(2),)}
    return side_by_side.compare("demo step: loss and 337 gradients", sides, bars)


if __name__ == "__main__":
    sys.exit(not main())
