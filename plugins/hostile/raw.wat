;; A guest without a language behind it, for what no compiler would emit. The seed of `evaluate` names
;; the act; 0 is calm. Tests add fields of their own before the last parenthesis.
;;
;; Memory: 16 what `describe` does | 1024 texts | 2048 descriptor | 2176 its metric | 2304 a
;; measurement | 2560 answers, 16 bytes each | from 65536 on what the host hands over.
(module
  (import "leeway:detector/windows@1.0.0" "[resource-drop]window" (func $drop (param i32)))
  (import "leeway:detector/windows@1.0.0" "[method]window.rows" (func $rows (param i32) (result i64)))
  (import "leeway:detector/windows@1.0.0" "[method]window.columns" (func $columns (param i32 i32)))
  (import "leeway:detector/windows@1.0.0" "[method]window.numbers" (func $numbers (param i32 i32 i32 i32 i32)))
  (import "leeway:detector/kernels@1.0.0" "quantiles" (func $quantiles (param i32 i32 i32 i32 i32)))
  (import "leeway:detector/logging@1.0.0" "log" (func $log (param i32 i32 i32)))

  (memory (export "memory") 8)
  (memory $one_page 1 1)
  (memory $second 0)
  (memory $third 0)
  (memory $fourth 0)
  (table $table 1 funcref)
  (table $other_table 0 funcref)
  (global $top (mut i32) (i32.const 65536))
  ;; What `cabi_realloc` does: 0 its work, else as its body says.
  (global $realloc_act (mut i32) (i32.const 0))
  ;; The handle of the current window, for `cabi_realloc`.
  (global $window (mut i32) (i32.const 0))
  ;; What happens after the answer was read: 0 nothing, 1 a loop, 2 a trap.
  (global $after_act (mut i32) (i32.const 0))
  (type $nothing (func))

  ;; Texts: 1024 "raw", 1032 "1.0.0", 1040 "calm", 1048 the schema, 1080 no UTF-8, 1088 in colour.
  (data (i32.const 1024) "raw\00\00\00\00\001.0.0\00\00\00calm\00\00\00\00{\"type\":\"object\"}")
  (data (i32.const 1080) "\ff\fe\00\00\00\00\00\00\1b[31mred\07\0anext\c2\9b")

  ;; The descriptor.
  (data (i32.const 2048)
    "\00\04\00\00\03\00\00\00" ;; name
    "\08\04\00\00\05\00\00\00" ;; version
    "\00\04\00\00\03\00\00\00" ;; summary
    "\00\00\00\00"             ;; kind: data
    "\00\09\00\00\01\00\00\00" ;; accepts: one kind, the zero at 2304 - 0 = numeric
    "\00\09\00\00\01\00\00\00" ;; roles: one, feature
    "\00\00\00\00"             ;; needs: profiles
    "\01\00\00\00"             ;; rows-min
    "\80\08\00\00\01\00\00\00" ;; metrics: one, at 2176
    "\18\04\00\00\11\00\00\00" ;; config-schema
    "\01\00\00\00")            ;; state-format
  (data (i32.const 2176) "\10\04\00\00\04\00\00\00" "\10\04\00\00\04\00\00\00" "\10\04\00\00\00\00\00\00")

  ;; The measurement at 2320: metric "calm", value 0.5, verdict stable, all else absent or zero.
  (data (i32.const 2320) "\10\04\00\00\04\00\00\00")
  (data (i32.const 2344) "\00\00\00\00\00\00\e0\3f")

  ;; Answers of `evaluate`.
  (data (i32.const 2560) "\00\00\00\00" "\10\09\00\00\01\00\00\00") ;; 0: the measurement
  (data (i32.const 2576) "\00\00\00\00" "\00\ff\ff\7f\01\00\00\00") ;; 1: a list past the memory
  (data (i32.const 2592) "\00\00\00\00" "\11\09\00\00\01\00\00\00") ;; 2: a list at an odd address
  (data (i32.const 2608) "\01\00\00\00" "\00\00\00\00\38\04\00\00\02\00\00\00") ;; 3: text that is not UTF-8
  (data (i32.const 2624) "\09\00\00\00") ;; 4: neither result nor error
  (data (i32.const 2640) "\01\00\00\00" "\09\00\00\00") ;; 5: an unknown kind of failure
  (data (i32.const 2656) "\01\00\00\00" "\01\00\00\00\40\04\00\00\10\00\00\00") ;; 6: words in colour
  (data (i32.const 2672) "\00\00\00\00" "\10\09\00\00\ff\ff\ff\ff") ;; 7: a list of 2^32 - 1
  (data (i32.const 2688) "\00\00\00\00" "\00\00\00\00\00\00\00\00") ;; 8: an empty list

  (func $endless (loop (br 0)))
  (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))

  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (if (i32.eq (global.get $realloc_act) (i32.const 1)) (then (return (i32.const 0x7ffffff0))))
    (if (i32.eq (global.get $realloc_act) (i32.const 2)) (then (call $endless)))
    (if (i32.eq (global.get $realloc_act) (i32.const 3)) (then (return (i32.const 65537))))
    (if (i32.eq (global.get $realloc_act) (i32.const 4)) (then (call $log (i32.const 0) (i32.const 1024) (i32.const 3))))
    ;; The same place again and again: the guest's memory never fills.
    (if (i32.eq (global.get $realloc_act) (i32.const 5)) (then (return (i32.const 65536))))
    (if (i32.eq (global.get $realloc_act) (i32.const 6)) (then (call $drop (global.get $window))))
    (if (i32.eq (global.get $realloc_act) (i32.const 7))
      (then (call $numbers (global.get $window) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 3072))))
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size))))

  (func (export "leeway:detector/batch@1.0.0#describe") (result i32)
    (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 1)) (then (call $endless)))
    (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 2)) (then (unreachable)))
    (i32.const 2048))

  (func (export "leeway:detector/batch@1.0.0#check-config") (param i32 i32) (result i32) (i32.const 2688))
  (func (export "leeway:detector/batch@1.0.0#fit") (param i32 i32 i32 i64) (result i32) (i32.const 2688))

  (func (export "leeway:detector/batch@1.0.0#evaluate")
    (param $baseline i32) (param $baseline_len i32) (param $window i32) (param $config i32) (param $config_len i32)
    (param $seed i64) (result i32)
    (local $act i32)
    (local $turns i32)
    (local.set $act (i32.wrap_i64 (local.get $seed)))

    ;; 1 to 8: answers that are none.
    (if (i32.and (i32.ge_u (local.get $act) (i32.const 1)) (i32.le_u (local.get $act) (i32.const 8)))
      (then (return (i32.add (i32.const 2560) (i32.mul (local.get $act) (i32.const 16))))))
    ;; 9: an answer past the memory. 10: one at an odd address. 11: an unknown verdict.
    (if (i32.eq (local.get $act) (i32.const 9)) (then (return (i32.const 0x7ffffff0))))
    (if (i32.eq (local.get $act) (i32.const 10)) (then (return (i32.const 2561))))
    (if (i32.eq (local.get $act) (i32.const 11)) (then (i32.store8 (i32.const 2456) (i32.const 77))))

    ;; 20: uses the window after dropping it. 21: drops it twice. 22: a handle nobody gave. 23: drops it, calmly.
    (if (i32.eq (local.get $act) (i32.const 20))
      (then (call $drop (local.get $window)) (drop (call $rows (local.get $window)))))
    (if (i32.eq (local.get $act) (i32.const 21))
      (then (call $drop (local.get $window)) (call $drop (local.get $window))))
    (if (i32.eq (local.get $act) (i32.const 22)) (then (drop (call $rows (i32.const 77)))))
    (if (i32.eq (local.get $act) (i32.const 23)) (then (call $drop (local.get $window))))

    ;; 30: numbers from past the memory. 31: 2^31 of them. 32: the answer goes past the memory. 33: a log line does.
    ;; 34: the level of a log line is unknown.
    (if (i32.eq (local.get $act) (i32.const 30))
      (then (call $quantiles (local.get $window) (i32.const 0) (i32.const 0x7ffffff0) (i32.const 4) (i32.const 3072))))
    (if (i32.eq (local.get $act) (i32.const 31))
      (then (call $quantiles (local.get $window) (i32.const 0) (i32.const 65536) (i32.const 0x80000000) (i32.const 3072))))
    (if (i32.eq (local.get $act) (i32.const 32)) (then (call $columns (local.get $window) (i32.const 0x7ffffff0))))
    (if (i32.eq (local.get $act) (i32.const 33)) (then (call $log (i32.const 0) (i32.const 0x7ffffff0) (i32.const 64))))
    (if (i32.eq (local.get $act) (i32.const 34)) (then (call $log (i32.const 9) (i32.const 1024) (i32.const 3))))

    ;; 40: the allocator points past the memory. 41: it loops. 42: it points to an odd address. 43: it calls
    ;; the host back. 44: it always points to one place, and the guest asks for columns for ever.
    (if (i32.eq (i32.div_u (local.get $act) (i32.const 10)) (i32.const 4))
      (then
        (global.set $realloc_act (i32.sub (local.get $act) (i32.const 39)))
        (loop
          (call $columns (local.get $window) (i32.const 3072))
          (br_if 0 (i32.eq (local.get $act) (i32.const 44))))))

    ;; 80: reads rows to where there is no memory. 81 to 87: reads rows with an allocator as above; 86: that
    ;; drops the window meanwhile, 87: that reads other rows meanwhile. 85 does so for ever.
    (global.set $window (local.get $window))
    (if (i32.eq (local.get $act) (i32.const 80))
      (then (call $numbers (local.get $window) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0x7ffffff0))))
    (if (i32.and (i32.ge_u (local.get $act) (i32.const 81)) (i32.le_u (local.get $act) (i32.const 87)))
      (then
        (global.set $realloc_act (i32.sub (local.get $act) (i32.const 80)))
        (loop
          (call $numbers (local.get $window) (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 3072))
          (br_if 0 (i32.eq (local.get $act) (i32.const 85))))))

    ;; 50: calls itself for ever. 51: grows a table. 52: two tables, together. 53: three memories, together. 54: asks
    ;; in vain for more than a memory may have, ten thousand times. 55: fills memory for ever.
    (if (i32.eq (local.get $act) (i32.const 50)) (then (drop (call $deep (i32.const 0)))))
    (if (i32.eq (local.get $act) (i32.const 51))
      (then (drop (table.grow $table (ref.null func) (i32.const 200000)))))
    (if (i32.eq (local.get $act) (i32.const 52))
      (then
        (drop (table.grow $table (ref.null func) (i32.const 60000)))
        (drop (table.grow $other_table (ref.null func) (i32.const 60000)))))
    (if (i32.eq (local.get $act) (i32.const 53))
      (then
        (drop (memory.grow $second (i32.const 400)))
        (drop (memory.grow $third (i32.const 400)))
        (drop (memory.grow $fourth (i32.const 400)))))
    (if (i32.eq (local.get $act) (i32.const 54))
      (then
        (loop
          (drop (memory.grow $one_page (i32.const 1)))
          (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
          (br_if 0 (i32.lt_u (local.get $turns) (i32.const 10000))))))
    (if (i32.eq (local.get $act) (i32.const 55))
      (then (loop (memory.fill (i32.const 65536) (i32.const 7) (i32.const 400000)) (br 0))))

    ;; 60 to 65: traps.
    (if (i32.eq (local.get $act) (i32.const 60)) (then (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))))
    (if (i32.eq (local.get $act) (i32.const 61)) (then (drop (i32.trunc_f64_s (f64.const nan)))))
    (if (i32.eq (local.get $act) (i32.const 62)) (then (drop (i32.load (i32.const 0x7ffffff0)))))
    (if (i32.eq (local.get $act) (i32.const 63)) (then (call_indirect $table (type $nothing) (i32.const 0))))
    (if (i32.eq (local.get $act) (i32.const 64)) (then (call_indirect $table (type $nothing) (i32.const 9))))
    (if (i32.eq (local.get $act) (i32.const 65)) (then (unreachable)))

    ;; 70: loops, 71: traps once its answer was read.
    (if (i32.eq (local.get $act) (i32.const 70)) (then (global.set $after_act (i32.const 1))))
    (if (i32.eq (local.get $act) (i32.const 71)) (then (global.set $after_act (i32.const 2))))
    (i32.const 2560))

  (func (export "cabi_post_leeway:detector/batch@1.0.0#evaluate") (param i32)
    (if (i32.eq (global.get $after_act) (i32.const 1)) (then (call $endless)))
    (if (i32.eq (global.get $after_act) (i32.const 2)) (then (unreachable))))
)
