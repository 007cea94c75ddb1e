//! An allocator that ends the process where one piece of memory is larger than any input of a fuzzer may cost.
//!
//! libFuzzer's own `-malloc_limit_mb` needs a sanitizer's runtime, which a stable compiler does not have.

use std::alloc::{GlobalAlloc, Layout, System};

/// A file of 64 KB inflates to 70 MB at most, and each voxel of a byte is kept in four at most.
const MOST_BYTES: usize = 400 << 20;

/// The system's allocator with a bound.
pub struct Limited;

fn check(bytes: usize) {
    if bytes > MOST_BYTES {
        // A panic would be contained, and to say how much allocates: the stack tells where.
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator with the arguments that came.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        check(bytes);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, bytes) }
    }
}
