; The thread pool. thread_pool.py substitutes the names in braces: numbers, and loads of a job's words.

; Claims unclaimed segments, one at a time, and computes them.
define internal void @work(ptr %pool, i64 %thread) {
  %finished = getelementptr i64, ptr %pool, i64 ${finished}
  %address.job = getelementptr i64, ptr %pool, i64 ${job}
  %place = add i64 %thread, ${rows}
  br label %look
look:
  %state = load atomic i64, ptr %pool acquire, align 8
  %left = and i64 %state, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %out, label %claim
claim:
  %less = sub i64 %state, 1
  %tried = cmpxchg ptr %pool, i64 %state, i64 %less acq_rel acquire
  %mine = extractvalue { i64, i1 } %tried, 1
  br i1 %mine, label %compute, label %look
compute:                        ; the job does not change before the segment is counted as finished
  %job = load ptr, ptr %address.job
  ${load_examples}
  ${load_w}
  ${load_u}
  ${load_d}
  ${load_table}
  ${load_n}
  ${load_chunks}
  ${load_segments}
  ${load_sums}
  ${load_width}
  ${load_double}
  %address.seed = getelementptr i64, ptr %job, i64 ${job_seed}
  %seed.double = load double, ptr %address.seed
  %seed.float = load float, ptr %address.seed
  %address.v = getelementptr i64, ptr %job, i64 %place
  %v = load ptr, ptr %address.v
  %s = sub i64 %segments, %left
  %next = add i64 %s, 1
  %from = mul i64 %chunks, %s
  %to = mul i64 %chunks, %next
  %first = udiv i64 %from, %segments
  %last = udiv i64 %to, %segments
  %skip = mul i64 %width, %s
  %own = getelementptr i8, ptr %sums, i64 %skip
  %begins = icmp eq i64 %s, 0    ; the sums of the others are added to its sums
  %sums.r = select i1 %begins, ptr %u, ptr %own
  %sums.d = select i1 %begins, ptr %d, ptr %own
  %is.double = icmp ne i64 %double, 0
  br i1 %is.double, label %in.double, label %in.float
in.double:
  call void %examples(ptr %w, ptr %u, ptr %sums.r, ptr %sums.d, ptr %v, ptr %table,
                      double %seed.double, i64 %n, i64 %first, i64 %last)
  br label %done
in.float:
  call void %examples(ptr %w, ptr %u, ptr %sums.r, ptr %sums.d, ptr %v, ptr %table,
                      float %seed.float, i64 %n, i64 %first, i64 %last)
  br label %done
done:
  %before = atomicrmw add ptr %finished, i64 1 acq_rel
  br label %look
out:
  ret void
}

; The number of threads that went to sleep since the last call of this function.
define i64 @sleepers(ptr %pool) {
  %asleep = getelementptr i64, ptr %pool, i64 ${asleep}
  %count = atomicrmw xchg ptr %asleep, i64 0 seq_cst
  ret i64 %count
}

; A whole job: runs the phase before the examples and publishes the segments. The caller works too,
; waits for the segments that others have claimed, and adds up the sums in order.
define void @run(ptr %pool, ptr %job) {
  ${load_before}
  ${load_after}
  ${load_combine}
  ${load_w}
  ${load_u}
  ${load_d}
  ${load_table}
  ${load_segments}
  ${load_sums}
  ${load_width}
  call void %before(ptr %w, ptr %u, ptr %table)
  %address.job = getelementptr i64, ptr %pool, i64 ${job}
  store ptr %job, ptr %address.job
  %finished = getelementptr i64, ptr %pool, i64 ${finished}
  store atomic i64 0, ptr %finished monotonic, align 8
  %old = load atomic i64, ptr %pool monotonic, align 8
  %call = lshr i64 %old, 32
  %number = add i64 %call, 1
  %upper = shl i64 %number, 32
  %state = or i64 %upper, %segments
  store atomic i64 %state, ptr %pool release, align 8
  call void @work(ptr %pool, i64 0)
  br label %wait
wait:
  %looks = phi i64 [ 0, %0 ], [ %more, %again ], [ 0, %yield ]
  %count = load atomic i64, ptr %finished acquire, align 8
  %all = icmp eq i64 %count, %segments
  br i1 %all, label %add, label %hold
hold:
  %more = add i64 %looks, 1
  %long = icmp ugt i64 %more, ${polite}
  br i1 %long, label %yield, label %again
again:
  ${pause}
  br label %wait
yield:                          ; the thread that it waits for may need this processor
  ${yield}
  br label %wait
add:
  %s = phi i64 [ 1, %wait ], [ %next, %some ]
  %end = icmp uge i64 %s, %segments
  br i1 %end, label %out, label %some
some:
  %next = add i64 %s, 1
  %skip = mul i64 %width, %s
  %r = getelementptr i8, ptr %sums, i64 %skip
  call void %combine(ptr %u, ptr %d, ptr %r)
  br label %add
out:
  call void %after(ptr %w, ptr %u, ptr %table)
  ret void
}

; Works on one job after the other, until it has spun %patience times without one.
define void @serve(ptr %pool, i64 %thread, i64 %patience) {
entry:
  %asleep = getelementptr i64, ptr %pool, i64 ${asleep}
  br label %work
work:
  call void @work(ptr %pool, i64 %thread)
  br label %watch
watch:
  %looks = phi i64 [ 0, %work ], [ %more, %on ]
  %state = load atomic i64, ptr %pool acquire, align 8
  %left = and i64 %state, 4294967295
  %some = icmp ne i64 %left, 0
  br i1 %some, label %work, label %idle
idle:
  ${pause}
  %more = add i64 %looks, 1
  %turn = urem i64 %more, ${polite}
  %polite = icmp eq i64 %turn, 0
  br i1 %polite, label %yield, label %on
yield:
  ${yield}
  br label %on
on:
  %tired = icmp uge i64 %more, %patience
  br i1 %tired, label %sleep, label %watch
sleep:
  %others = atomicrmw add ptr %asleep, i64 1 seq_cst
  ret void
}
