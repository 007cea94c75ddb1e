//! What is freed goes back to the system, so that a long run holds no more memory than a short one.

/// Buffers of so many bytes are mapped for themselves, and unmapped when they are freed. The C library begins at 128 KiB,
/// but raises that to 32 MiB as such buffers are freed, and then holes between tensors add up: the peak of 98 volumes was
/// 279 and 301 MB where that of 10 was 256; with this 255 where that of 10 was 232. At 1 MiB runs took 15 % longer, here no
/// longer.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: i32 = 8 << 20;

/// Has large buffers given back to the system as soon as they are freed. To be called before any thread is started.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's allocator is set in no other way")]
pub fn give_back() {
    // SAFETY: mallopt takes two numbers and changes nothing but where later buffers come from. Where it refuses, all stays
    // as it was.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED) };
}

/// Elsewhere the allocator is left as it is.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
