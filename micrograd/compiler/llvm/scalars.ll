
; The number that an object is, if it is a float, an int, or NumPy's float64. Returns whether it is.
define internal i1 @number(ptr %python, ptr %object, ptr %to) {
entry:
  %type.of.at = getelementptr ptr, ptr %python, i64 ${TYPE_OF}
  %type.of = load ptr, ptr %type.of.at
  %dec.ref.at = getelementptr ptr, ptr %python, i64 ${DEC_REF}
  %dec.ref = load ptr, ptr %dec.ref.at
  %float.at = getelementptr ptr, ptr %python, i64 ${FLOAT}
  %float = load ptr, ptr %float.at
  %int.at = getelementptr ptr, ptr %python, i64 ${INT}
  %int = load ptr, ptr %int.at
  %float64.at = getelementptr ptr, ptr %python, i64 ${FLOAT64}
  %float64 = load ptr, ptr %float64.at
  %type = call ptr %type.of(ptr %object)
  call void %dec.ref(ptr %type)
  %is.float = icmp eq ptr %type, %float
  %is.int = icmp eq ptr %type, %int
  %is.float64 = icmp eq ptr %type, %float64
  %some = or i1 %is.float, %is.int
  %any = or i1 %some, %is.float64
  br i1 %any, label %convert, label %refuse
convert:
  %as.double.at = getelementptr ptr, ptr %python, i64 ${AS_DOUBLE}
  %as.double = load ptr, ptr %as.double.at
  %x = call double %as.double(ptr %object)
  store double %x, ptr %to
  %doubtful = fcmp oeq double %x, -1.0   ; the number, or an int too large for a float
  br i1 %doubtful, label %ask, label %good
ask:
  %occurred.at = getelementptr ptr, ptr %python, i64 ${ERR_OCCURRED}
  %occurred = load ptr, ptr %occurred.at
  %error = call ptr %occurred()
  %none = icmp eq ptr %error, null
  br i1 %none, label %good, label %clear
clear:
  %clear.at = getelementptr ptr, ptr %python, i64 ${ERR_CLEAR}
  %err.clear = load ptr, ptr %clear.at
  call void %err.clear()
  br label %refuse
good:
  ret i1 true
refuse:
  ret i1 false
}

; The program as a function that Python calls with numbers: one example, all memory on the stack. Returns
; the value, or the value and its gradient; None for other arguments, and if it sees a NaN.
define ptr @scalars(ptr %self, ptr %args, i64 %count) {
entry:
  %fields = getelementptr i8, ptr %self, i64 ${header}
  %python = load ptr, ptr %fields
  %build.at = getelementptr ptr, ptr %python, i64 ${BUILD_VALUE}
  %build = load ptr, ptr %build.at
  %numbers = alloca double, i64 ${numbers}
  %u = alloca double, i64 ${uniforms}
  %v = alloca double, i64 ${rows}
  %call = alloca i64, i64 ${words}
  %seed = bitcast double 1.0 to i64
  %u.word = ptrtoint ptr %u to i64
  %v.word = ptrtoint ptr %v to i64
${header_words}
  %table = getelementptr i64, ptr %call, i64 ${table}
  %outputs = getelementptr i64, ptr %table, i64 ${outputs_at}
  %fit = icmp eq i64 %count, ${inputs}
  br i1 %fit, label %input, label %refuse
input:
  %k = phi i64 [ 0, %entry ], [ %k.next, %next ]
  %more = icmp slt i64 %k, ${inputs}
  br i1 %more, label %convert, label %output
convert:
  %x.at = getelementptr ptr, ptr %args, i64 %k
  %x = load ptr, ptr %x.at
  %to = getelementptr double, ptr %numbers, i64 %k
  %good = call i1 @number(ptr %python, ptr %x, ptr %to)
  br i1 %good, label %next, label %refuse
next:
  %twice = mul i64 %k, 2
  %address.to = getelementptr i64, ptr %table, i64 %twice
  store ptr %to, ptr %address.to
  %stride.to = getelementptr i64, ptr %address.to, i64 1
  store i64 1, ptr %stride.to
  %k.next = add i64 %k, 1
  br label %input
output:
  %j = phi i64 [ 0, %input ], [ %j.next, %place ]
  %left = icmp slt i64 %j, ${outputs}
  br i1 %left, label %place, label %compute
place:
  %number = add i64 %j, ${inputs}
  %out = getelementptr double, ptr %numbers, i64 %number
  %out.to = getelementptr i64, ptr %outputs, i64 %j
  store ptr %out, ptr %out.to
  %j.next = add i64 %j, 1
  br label %output
compute:
  call void @run(ptr %call)
  %nan.at = getelementptr i64, ptr %call, i64 ${HAS_NAN}
  %nan = load i64, ptr %nan.at
  %is.nan = icmp ne i64 %nan, 0
${loads}
  %undefined = fcmp uno double %result.0, %result.0
  %bad = or i1 %is.nan, %undefined
  br i1 %bad, label %refuse, label %answer
answer:
  %answer.value = call ptr (ptr, ...) %build(ptr @format${results})
  ret ptr %answer.value
refuse:
  %none = call ptr (ptr, ...) %build(ptr @nothing)
  ret ptr %none
}
@format = private constant [${format_size} x i8] c"${format}\00"
@nothing = private constant [1 x i8] zeroinitializer
