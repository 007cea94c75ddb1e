//! RLE Lossless (PS3.5 annex G): one PackBits segment for each byte of a sample, the greater first.

use super::bytes_a_sample;
use crate::files::dicom::frames::unpacked;
use crate::files::dicom::instance::Form;
use crate::files::fault::Fault;

pub(super) fn decode(bytes: &[u8], form: &Form) -> Result<Vec<u8>, Fault> {
    if form.bits_allocated == 1 {
        let packed = Form { rows: 1, columns: (form.rows * form.columns).div_ceil(8), bits_allocated: 8, ..form.clone() };
        return Ok(unpacked(&decode(bytes, &packed)?, 0, form.rows * form.columns));
    }
    let (pixels, width) = (form.rows * form.columns, bytes_a_sample(form));
    let (head, _) = bytes.as_chunks::<4>();
    let words: Vec<usize> = head.iter().take(16).map(|word| u32::from_le_bytes(*word) as usize).collect();
    let want = form.samples * width;
    if words.len() < 16 || words[0] != want || want > 15 {
        return Err(Fault::Damaged("a run-length frame does not hold the segments that its header needs".to_owned()));
    }
    let mut samples = vec![0; pixels * want];
    for segment in 0..want {
        let begin = words[1 + segment];
        let end = if segment + 1 < want { words[2 + segment] } else { bytes.len() };
        let packed = bytes.get(begin..end.max(begin).min(bytes.len())).unwrap_or_default();
        let (sample, byte) = (segment / width, width - 1 - segment % width);
        let at = sample * width + byte;
        if unpack(packed, pixels, |pixel, value| samples[pixel * want + at] = value) < pixels {
            return Err(Fault::Damaged("a run-length frame ends too early".to_owned()));
        }
    }
    Ok(samples)
}

/// Unpacks at most `pixels` bytes; says how many there were.
fn unpack(mut packed: &[u8], pixels: usize, mut put: impl FnMut(usize, u8)) -> usize {
    let mut done = 0;
    while let [control, rest @ ..] = packed
        && done < pixels
    {
        packed = match *control as i8 {
            -128 => rest,
            literal @ 0.. => {
                let (values, after) = rest.split_at((literal as usize + 1).min(rest.len()));
                for &value in &values[..values.len().min(pixels - done)] {
                    put(done, value);
                    done += 1;
                }
                after
            }
            run => {
                let Some((&value, after)) = rest.split_first() else { break };
                let count = (1 - isize::from(run)) as usize;
                for _ in 0..count.min(pixels - done) {
                    put(done, value);
                    done += 1;
                }
                after
            }
        };
    }
    done
}
