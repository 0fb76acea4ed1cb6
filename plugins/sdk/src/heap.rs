//! The memory of a guest: first a stretch of its module's own, then what it asks the host for.
//!
//! A fresh instance that grows its memory makes the host change the protection of pages, and change it
//! back afterwards. That is a good part of the time of a small call, and small calls fit in here.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Bytes of the stretch. Those that are not touched cost nothing.
const BYTES: usize = 128 << 10;
/// Alignment of the stretch: larger ones go to the system.
const ALIGN: usize = 16;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: Heap = Heap::new();

/// Gives memory from the start of the stretch to its end. Only the last piece can be given back, or
/// grow where it is: an instance lives for one call, and the system's allocator takes over in time.
struct Heap {
    stretch: Stretch,
    used: Cell<usize>,
}

#[repr(align(16))]
struct Stretch(UnsafeCell<[u8; BYTES]>);

#[expect(
    unsafe_code,
    reason = "a static must be shared between threads, and a guest has one"
)]
// SAFETY: a guest has one thread. The tests share none.
unsafe impl Sync for Heap {}

impl Heap {
    #[expect(clippy::large_stack_arrays, reason = "it becomes a static")]
    const fn new() -> Self {
        Self {
            stretch: Stretch(UnsafeCell::new([0; BYTES])),
            used: Cell::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.stretch.0.get().cast()
    }

    /// Where a piece begins in the stretch, if it is there.
    fn position(&self, piece: *mut u8) -> Option<usize> {
        let position = (piece as usize).wrapping_sub(self.start() as usize);
        (position < BYTES).then_some(position)
    }

    /// Whether a piece is the last one: only then does the stretch end where it does.
    fn is_last(&self, position: usize, size: usize) -> bool {
        position + size == self.used.get()
    }
}

#[expect(unsafe_code, reason = "an allocator hands out raw memory")]
// SAFETY: pieces lie inside the stretch, aligned and apart: `used` only falls back to the start of the
// last piece when that is given back. Everything else is the system's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let position = self.used.get().next_multiple_of(layout.align());
        match position.checked_add(layout.size()) {
            Some(end) if end <= BYTES && layout.align() <= ALIGN => {
                self.used.set(end);
                unsafe { self.start().add(position) }
            }
            _ => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match self.position(piece) {
            Some(position) if self.is_last(position, layout.size()) => self.used.set(position),
            Some(_) => {}
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let position = self.used.get().next_multiple_of(layout.align());
        if layout.align() > ALIGN || position.saturating_add(layout.size()) > BYTES {
            return unsafe { System.alloc_zeroed(layout) };
        }
        let piece = unsafe { self.alloc(layout) };
        // It may have been used before.
        unsafe { piece.write_bytes(0, layout.size()) };
        piece
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(position) = self.position(piece) else {
            return unsafe { System.realloc(piece, layout, size) };
        };
        if self.is_last(position, layout.size()) && size <= BYTES - position {
            self.used.set(position + size);
            return piece;
        }
        let Ok(moved) = Layout::from_size_align(size, layout.align()) else {
            return std::ptr::null_mut();
        };
        let to = unsafe { self.alloc(moved) };
        if !to.is_null() {
            unsafe { to.copy_from_nonoverlapping(piece, layout.size().min(size)) };
            unsafe { self.dealloc(piece, layout) };
        }
        to
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator hands out raw memory")]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn pieces_lie_apart_and_aligned_and_the_last_one_comes_back() {
        let heap = Box::new(Heap::new());
        unsafe {
            let (a, b) = (heap.alloc(layout(3, 1)), heap.alloc(layout(8, 8)));
            assert_eq!((heap.position(a), heap.position(b)), (Some(0), Some(8)));
            heap.dealloc(a, layout(3, 1));
            assert_eq!(heap.used.get(), 16);
            heap.dealloc(b, layout(8, 8));
            assert_eq!(heap.used.get(), 8);
        }
    }

    #[test]
    fn the_last_piece_grows_where_it_is_and_others_move_with_their_bytes() {
        let heap = Box::new(Heap::new());
        unsafe {
            let a = heap.alloc(layout(4, 4));
            a.write_bytes(7, 4);
            assert_eq!(heap.realloc(a, layout(4, 4), 64), a);
            let b = heap.alloc(layout(4, 4));
            let moved = heap.realloc(a, layout(64, 4), 80);
            assert_eq!(
                (heap.position(b), heap.position(moved)),
                (Some(64), Some(68))
            );
            assert_eq!(moved.add(3).read(), 7);
        }
    }

    #[test]
    fn memory_that_was_used_before_is_zero_where_that_is_asked() {
        let heap = Box::new(Heap::new());
        unsafe {
            let a = heap.alloc(layout(8, 8));
            a.write_bytes(0xff, 8);
            heap.dealloc(a, layout(8, 8));
            assert_eq!(*heap.alloc_zeroed(layout(8, 8)).cast::<[u8; 8]>(), [0; 8]);
        }
    }

    #[test]
    fn the_stretch_is_used_to_its_last_byte_and_then_the_system_takes_over() {
        let heap = Box::new(Heap::new());
        unsafe {
            let all = heap.alloc(layout(BYTES, 1));
            assert_eq!(heap.position(all), Some(0));
            let beyond = heap.alloc(layout(16, 8));
            assert_eq!(heap.position(beyond), None);
            beyond.write_bytes(7, 16);
            let grown = heap.realloc(beyond, layout(16, 8), 4096);
            assert_eq!(grown.add(15).read(), 7);
            heap.dealloc(grown, layout(4096, 8));
            heap.dealloc(all, layout(BYTES, 1));
            let wide = heap.alloc(layout(64, 64));
            assert_eq!((heap.position(wide), wide as usize % 64), (None, 0));
            heap.dealloc(wide, layout(64, 64));
        }
    }
}
