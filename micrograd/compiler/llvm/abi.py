"""ABI: the words that native code is passed. Emitted code and its callers agree here.

Every word has 64 bits. A call passes one pointer to:

    the words of `Call`       addresses, the number of examples, the seed; one word is a result
    for each input            its address, and its stride: the distance between examples, in numbers
    for each output           its address
    for each input            how many numbers an example has

The stride 0 means that all examples share the input. A negative stride ~d means: stride d, with the
row of example k given by ROW_NUMBERS[k].

>>> gathered(3), ~gathered(3)
(-4, 3)
"""

from enum import IntEnum

BYTES = 8  # of a word
HEADER = object.__basicsize__  # bytes of a Python object before its fields


class Call(IntEnum):
    """The words of a call, before its table of inputs and outputs."""

    PARAMETERS = 0  # address
    UNIFORMS = 1  # address: numbers that are the same for all examples
    ROWS = 2  # address: rows of lanes, one for each varying scalar
    EXAMPLES = 3  # count
    SEED = 4  # a number, of the program's width
    ROW_NUMBERS = 5  # address: the row of each example, used if a stride is negative
    HAS_NAN = 6  # result: not 0 if an output after the first holds a NaN
    # These three are for `extension`, not for the program itself.
    RUN = 7  # address: the function that computes the call
    PYTHON = 8  # address: the words of `Python`
    INPUTS = 9  # count


TABLE = len(Call)  # the word at which the table of inputs and outputs begins


def input_address(k: int) -> int:
    """The word of the table that holds the address of input k."""
    return 2 * k


def input_stride(k: int) -> int:
    """The word of the table that holds the stride of input k."""
    return 2 * k + 1


def output_address(k: int, inputs: int) -> int:
    """The word of the table that holds the address of output k; outputs follow all inputs."""
    return 2 * inputs + k


def input_size(k: int, inputs: int, outputs: int) -> int:
    """The word of the table that holds the size of input k."""
    return output_address(outputs, inputs) + k


def words(inputs: int, outputs: int) -> int:
    """The number of words of a call."""
    return TABLE + input_size(inputs, inputs, outputs)


def gathered(stride: int) -> int:
    """The stride word of an input whose examples are gathered by ROW_NUMBERS."""
    return ~stride


class Job(IntEnum):
    """The words of a call that threads share; the address of each thread's rows follows them."""

    EXAMPLES_FUNCTION = 0  # addresses of functions
    BEFORE_FUNCTION = 1
    AFTER_FUNCTION = 2
    COMBINE_FUNCTION = 3
    UNIFORMS = 4  # addresses
    TABLE = 5
    SUMS = 6
    PARAMETERS = 7  # the words from here to SEGMENTS differ from call to call
    IN_PLACE = 8  # address: the output that is computed in the caller's array
    EXAMPLES = 9
    SEED = 10
    CHUNKS = 11
    SEGMENTS = 12
    WIDTH = 13  # bytes: the size of the sums of a segment
    IS_DOUBLE = 14


JOB_ROWS = len(Job)  # the word at which the addresses of the threads' rows begin
PER_CALL = slice(Job.PARAMETERS, Job.SEGMENTS + 1)


class Python(IntEnum):
    """The words that tell native code where Python's functions and objects are."""

    AS_DOUBLE = 0  # functions, by their names in Python's C interface: PyFloat_AsDouble
    BUILD_VALUE = 1
    BYTES = 2  # PyBytes_FromStringAndSize
    DEC_REF = 3
    ERR_CLEAR = 4
    ERR_OCCURRED = 5
    ERR_SET_STRING = 6
    IS_SUBTYPE = 7
    RESTORE_THREAD = 8
    SAVE_THREAD = 9
    TYPE_OF = 10
    FLOAT = 11  # types: float, int, and those of NumPy
    INT = 12
    FLOAT64 = 13
    ARRAY = 14
    TYPE_ERROR = 15
    DOUBLE = 16  # NumPy's dtypes float64 and float32
    SINGLE = 17
    BOOL = 18  # PyBool_FromLong


# Operations that native code calls back in Python.

LOST = "opaque.lost"  # the variable that says that a Python function has not answered


def callback_name(k: int) -> str:
    """The name of the pointer to the Python function of a module's k-th opaque operation."""
    return f"opaque.{k}"
