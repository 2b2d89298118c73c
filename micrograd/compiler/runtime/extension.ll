; The extension. extension.py substitutes the names in braces: words of the ABI, and header, the bytes
; before the fields of an object. Each function takes what Python passes: an object that belongs to the
; function, the arguments, and their count. A result of null means an exception.

; The fields of a NumPy array: data, number of axes, shape, strides, base, dtype, flags.
%fields = type { ptr, i32, ptr, ptr, ptr, ptr, i32 }

define internal ptr @fields(ptr %object) alwaysinline {
  %fields = getelementptr i8, ptr %object, i64 ${header}
  ret ptr %fields
}

define internal ptr @data(ptr %array) alwaysinline {
  %fields = call ptr @fields(ptr %array)
  %data = load ptr, ptr %fields
  ret ptr %data
}

define internal ptr @word(ptr %words, i64 %k) alwaysinline {
  %place = getelementptr i64, ptr %words, i64 %k
  %word = load ptr, ptr %place
  ret ptr %word
}

; The type of an object: as long as the object exists.
define internal ptr @type_of(ptr %python, ptr %object) alwaysinline {
  %ask = call ptr @word(ptr %python, i64 ${TYPE_OF})
  %release = call ptr @word(ptr %python, i64 ${DEC_REF})
  %type = call ptr %ask(ptr %object)
  call void %release(ptr %type)
  ret ptr %type
}

define internal ptr @none(ptr %python) alwaysinline {
  %build = call ptr @word(ptr %python, i64 ${BUILD_VALUE})
  %none = call ptr (ptr, ...) %build(ptr @empty)
  ret ptr %none
}
@empty = private constant [1 x i8] zeroinitializer

; The dtypes and shapes of arrays, as bytes; None if one is not a contiguous array of floats. If `first`
; is 1, the first axes must be equally long, and their length is left out.
define internal ptr @layout(ptr %self, ptr %args, i64 %count, i64 %first) {
entry:
  %key = alloca i64, i64 ${most}
  %python = call ptr @data(ptr %self)
  %array = call ptr @word(ptr %python, i64 ${ARRAY})
  %double = call ptr @word(ptr %python, i64 ${DOUBLE})
  %single = call ptr @word(ptr %python, i64 ${SINGLE})
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k.next, %done ]
  %at = phi i64 [ 0, %entry ], [ %at.axis, %done ]
  %n = phi i64 [ 0, %entry ], [ %n.next, %done ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %look, label %end
look:
  %x = call ptr @word(ptr %args, i64 %k)
  %type = call ptr @type_of(ptr %python, ptr %x)
  %is.array = icmp eq ptr %type, %array
  br i1 %is.array, label %read, label %unfit
read:
  %fields = call ptr @fields(ptr %x)
  %axes.at = getelementptr %fields, ptr %fields, i32 0, i32 1
  %axes.32 = load i32, ptr %axes.at
  %axes = sext i32 %axes.32 to i64
  %shape.at = getelementptr %fields, ptr %fields, i32 0, i32 2
  %shape = load ptr, ptr %shape.at
  %dtype.at = getelementptr %fields, ptr %fields, i32 0, i32 5
  %dtype = load ptr, ptr %dtype.at
  %flags.at = getelementptr %fields, ptr %fields, i32 0, i32 6
  %flags = load i32, ptr %flags.at
  %both = and i32 %flags, ${contiguous}
  %fits = icmp eq i32 %both, ${contiguous}
  %is.double = icmp eq ptr %dtype, %double
  %is.single = icmp eq ptr %dtype, %single
  %is.float = or i1 %is.double, %is.single
  %has.first = icmp sge i64 %axes, %first
  %room = add i64 %at, %axes
  %short = icmp slt i64 %room, ${room}
  %and.1 = and i1 %fits, %is.float
  %and.2 = and i1 %has.first, %short
  %fit = and i1 %and.1, %and.2
  br i1 %fit, label %write, label %unfit
write:
  %dtype.to = getelementptr i64, ptr %key, i64 %at
  store ptr %dtype, ptr %dtype.to
  %at.1 = add i64 %at, 1
  %axes.to = getelementptr i64, ptr %key, i64 %at.1
  store i64 %axes, ptr %axes.to
  %at.2 = add i64 %at, 2
  %leave = icmp eq i64 %first, 1
  br i1 %leave, label %length, label %axis
length:
  %n.here = load i64, ptr %shape
  %is.first = icmp eq i64 %k, 0
  %same = icmp eq i64 %n.here, %n
  %agree = or i1 %is.first, %same
  br i1 %agree, label %axis, label %unfit
axis:
  %i = phi i64 [ %first, %write ], [ %first, %length ], [ %i.next, %copy ]
  %at.axis = phi i64 [ %at.2, %write ], [ %at.2, %length ], [ %at.next, %copy ]
  %n.next = phi i64 [ %n, %write ], [ %n.here, %length ], [ %n.next, %copy ]
  %some = icmp slt i64 %i, %axes
  br i1 %some, label %copy, label %done
copy:
  %size.at = getelementptr i64, ptr %shape, i64 %i
  %size = load i64, ptr %size.at
  %size.to = getelementptr i64, ptr %key, i64 %at.axis
  store i64 %size, ptr %size.to
  %at.next = add i64 %at.axis, 1
  %i.next = add i64 %i, 1
  br label %axis
done:
  %k.next = add i64 %k, 1
  br label %next
unfit:
  %none = call ptr @none(ptr %python)
  ret ptr %none
end:
  %bytes = mul i64 %at, 8
  %make = call ptr @word(ptr %python, i64 ${BYTES})
  %made = call ptr %make(ptr %key, i64 %bytes)
  ret ptr %made
}

define ptr @layout_of_one(ptr %self, ptr %args, i64 %count) {
  %made = call ptr @layout(ptr %self, ptr %args, i64 %count, i64 0)
  ret ptr %made
}

define ptr @layout_of_many(ptr %self, ptr %args, i64 %count) {
  %made = call ptr @layout(ptr %self, ptr %args, i64 %count, i64 1)
  ret ptr %made
}

; Writes the addresses and strides of arrays into the words of a call: of the parameters, the inputs and
; the outputs; None leaves a word as it is. Returns whether all others are arrays.
define internal i1 @placed(ptr %self, ptr %args, i64 %count) {
entry:
  %words = call ptr @data(ptr %self)
  %python = call ptr @word(ptr %words, i64 ${PYTHON})
  %array = call ptr @word(ptr %python, i64 ${ARRAY})
  %none = call ptr @none(ptr %python)
  %release = call ptr @word(ptr %python, i64 ${DEC_REF})
  %derives = call ptr @word(ptr %python, i64 ${IS_SUBTYPE})
  %inputs.at = getelementptr i64, ptr %words, i64 ${INPUTS}
  %inputs = load i64, ptr %inputs.at
  %n.at = getelementptr i64, ptr %words, i64 ${EXAMPLES}
  %n = load i64, ptr %n.at
  %table = getelementptr i64, ptr %words, i64 ${table}
  %outputs.at = mul i64 %inputs, 2
  %after.inputs = add i64 %inputs, 1
  %outputs = sub i64 %count, %after.inputs
  %sizes.at = add i64 %outputs.at, %outputs
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k.next, %done ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %look, label %end
look:
  %x = call ptr @word(ptr %args, i64 %k)
  %is.none = icmp eq ptr %x, %none
  br i1 %is.none, label %done, label %check
check:
  %type = call ptr @type_of(ptr %python, ptr %x)
  %is.array = call i32 %derives(ptr %type, ptr %array)
  %is.other = icmp eq i32 %is.array, 0
  br i1 %is.other, label %end, label %read
read:
  %data = call ptr @data(ptr %x)
  %is.parameters = icmp eq i64 %k, 0
  %is.input = icmp sle i64 %k, %inputs
  br i1 %is.parameters, label %parameters, label %other
parameters:
  %parameters.to = getelementptr i64, ptr %words, i64 ${PARAMETERS}
  store ptr %data, ptr %parameters.to
  br label %done
other:
  br i1 %is.input, label %input, label %output
input:
  %input.k = sub i64 %k, 1
  %input.word = mul i64 %input.k, 2
  %input.to = getelementptr i64, ptr %table, i64 %input.word
  store ptr %data, ptr %input.to
  %fields = call ptr @fields(ptr %x)
  %axes.at = getelementptr %fields, ptr %fields, i32 0, i32 1
  %axes.32 = load i32, ptr %axes.at
  %axes = sext i32 %axes.32 to i64
  %shape.at = getelementptr %fields, ptr %fields, i32 0, i32 2
  %shape = load ptr, ptr %shape.at
  %size.word = add i64 %sizes.at, %input.k
  %size.from = getelementptr i64, ptr %table, i64 %size.word
  %size = load i64, ptr %size.from
  br label %axis
axis:
  %i = phi i64 [ 0, %input ], [ %i.next, %times ]
  %total = phi i64 [ 1, %input ], [ %total.next, %times ]
  %some = icmp slt i64 %i, %axes
  br i1 %some, label %times, label %stride
times:
  %length.at = getelementptr i64, ptr %shape, i64 %i
  %length = load i64, ptr %length.at
  %total.next = mul i64 %total, %length
  %i.next = add i64 %i, 1
  br label %axis
stride:
  %wanted = mul i64 %size, %n
  %whole = icmp eq i64 %total, %wanted
  %apart = select i1 %whole, i64 %size, i64 0
  %stride.to = getelementptr i64, ptr %input.to, i64 1
  store i64 %apart, ptr %stride.to
  br label %done
output:
  %output.k = sub i64 %k, %after.inputs
  %output.word = add i64 %outputs.at, %output.k
  %output.to = getelementptr i64, ptr %table, i64 %output.word
  store ptr %data, ptr %output.to
  br label %done
done:
  %k.next = add i64 %k, 1
  br label %next
end:
  %fit = phi i1 [ true, %next ], [ false, %check ]
  call void %release(ptr %none)
  ret i1 %fit
}

; Places arrays. Returns None.
define ptr @place(ptr %self, ptr %args, i64 %count) {
  %fit = call i1 @placed(ptr %self, ptr %args, i64 %count)
  %words = call ptr @data(ptr %self)
  %python = call ptr @word(ptr %words, i64 ${PYTHON})
  br i1 %fit, label %good, label %bad
good:
  %none = call ptr @none(ptr %python)
  ret ptr %none
bad:
  call void @refuse(ptr %python)
  ret ptr null
}

; Places arrays, if any are passed, and runs the program, without Python's lock. Returns whether it saw a
; NaN.
define ptr @call(ptr %self, ptr %args, i64 %count) {
  %words = call ptr @data(ptr %self)
  %python = call ptr @word(ptr %words, i64 ${PYTHON})
  %as.before = icmp eq i64 %count, 0
  br i1 %as.before, label %compute, label %move
move:
  %fit = call i1 @placed(ptr %self, ptr %args, i64 %count)
  br i1 %fit, label %compute, label %bad
bad:
  call void @refuse(ptr %python)
  ret ptr null
compute:
  %run = call ptr @word(ptr %words, i64 ${RUN})
  %save = call ptr @word(ptr %python, i64 ${SAVE_THREAD})
  %restore = call ptr @word(ptr %python, i64 ${RESTORE_THREAD})
  %state = call ptr %save()
  call void %run(ptr %words)
  call void %restore(ptr %state)
  %nan.at = getelementptr i64, ptr %words, i64 ${HAS_NAN}
  %nan = load i64, ptr %nan.at
  %nan.is = icmp ne i64 %nan, 0
  %nan.${long} = zext i1 %nan.is to ${long}
  %bool = call ptr @word(ptr %python, i64 ${BOOL})
  %answer = call ptr %bool(${long} %nan.${long})
  ret ptr %answer
}

define internal void @refuse(ptr %python) {
  %raise = call ptr @word(ptr %python, i64 ${ERR_SET_STRING})
  %type = call ptr @word(ptr %python, i64 ${TYPE_ERROR})
  call void %raise(ptr %type, ptr @expected)
  ret void
}
@expected = private constant [19 x i8] c"expected an array.\00"
