//! Transfer syntaxes whose pixels are not decoded: each is refused with a sentence that names it.

use crate::support::{element, folder};
use imaging::files::{self as formats, Fault};

/// Transfer syntaxes after `1.2.840.10008.1.2.4.`, and what the sentence has to say of each.
const REFUSED: [(&str, &str); 40] = [
    ("52", "retired kind of JPEG"),
    ("54", "retired kind of JPEG"),
    ("56", "retired kind of JPEG"),
    ("58", "retired kind of JPEG"),
    ("59", "retired kind of JPEG"),
    ("60", "retired kind of JPEG"),
    ("61", "retired kind of JPEG"),
    ("62", "retired kind of JPEG"),
    ("63", "retired kind of JPEG"),
    ("64", "retired kind of JPEG"),
    ("65", "retired kind of JPEG"),
    ("66", "retired kind of JPEG"),
    ("94", "on a server (JPIP)"),
    ("95", "on a server (JPIP)"),
    ("100", "an MPEG-2 film"),
    ("100.1", "an MPEG-2 film"),
    ("101", "an MPEG-2 film"),
    ("101.1", "an MPEG-2 film"),
    ("102", "an MPEG-4 (H.264) film"),
    ("102.1", "an MPEG-4 (H.264) film"),
    ("103", "an MPEG-4 (H.264) film"),
    ("103.1", "an MPEG-4 (H.264) film"),
    ("104", "an MPEG-4 (H.264) film"),
    ("104.1", "an MPEG-4 (H.264) film"),
    ("105", "an MPEG-4 (H.264) film"),
    ("105.1", "an MPEG-4 (H.264) film"),
    ("106", "an MPEG-4 (H.264) film"),
    ("106.1", "an MPEG-4 (H.264) film"),
    ("107", "an HEVC (H.265) film"),
    ("108", "an HEVC (H.265) film"),
    ("110", "JPEG XL"),
    ("111", "JPEG XL"),
    ("112", "JPEG XL"),
    ("201", "High-Throughput JPEG 2000"),
    ("202", "High-Throughput JPEG 2000"),
    ("203", "High-Throughput JPEG 2000"),
    ("204", "on a server (JPIP)"),
    ("205", "on a server (JPIP)"),
    // Of 12 bits; its 8 bits are read.
    ("51", "lossy JPEG of 12 bits"),
    ("999", "1.2.840.10008.1.2.4.999, is not one that this program knows"),
];

/// A JPEG frame of 2 x 2 grey pixels whose header declares so many bits, and no more than the header.
fn jpeg(bits: u8) -> Vec<u8> {
    vec![0xff, 0xd8, 0xff, 0xc1, 0, 11, bits, 0, 2, 0, 2, 1, 1, 0x11, 0, 0xff, 0xd9, 0]
}

/// An image of 2 x 2 pixels of 12 bits, whose only frame is `frame`.
fn image(syntax: &str, frame: &[u8]) -> Vec<u8> {
    let text = |tag, vr: &[u8; 2], text: &str, padding: char| {
        let padded = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text}{padding}") };
        element(tag, vr, padded.as_bytes())
    };
    let short = |tag, number: u16| element(tag, b"US", &number.to_le_bytes());
    let item =
        |tag: u16, bytes: &[u8]| [&[0xfe, 0xff], &tag.to_le_bytes()[..], &(bytes.len() as u32).to_le_bytes(), bytes].concat();
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(text([0x0002, 0x0010], b"UI", syntax, '\0'));
    file.extend(text([0x0008, 0x0018], b"UI", "1.2.3", '\0'));
    file.extend(text([0x0008, 0x0060], b"CS", "MR", ' '));
    file.extend(text([0x0020, 0x000e], b"UI", "1.2.3.4", '\0'));
    file.extend(short([0x0028, 0x0002], 1));
    file.extend(text([0x0028, 0x0004], b"CS", "MONOCHROME2", ' '));
    [(0x0010, 2), (0x0011, 2), (0x0100, 16), (0x0101, 12), (0x0102, 11), (0x0103, 0)]
        .into_iter()
        .for_each(|(tag, number)| file.extend(short([0x0028, tag], number)));
    file.extend([0xe0, 0x7f, 0x10, 0x00, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff]);
    file.extend([item(0xe000, &[]), item(0xe000, frame), item(0xe0dd, &[])].concat());
    file
}

#[test]
fn each_that_is_not_decoded_is_named_in_words() {
    let folder = folder();
    let path = folder.path().join("a.dcm");
    for (syntax, says) in REFUSED {
        std::fs::write(&path, image(&format!("1.2.840.10008.1.2.4.{syntax}"), &jpeg(12)))
            .expect("a test's folder can be written");
        let error = formats::open(&path).expect_err("its pixels are not decoded");
        assert!(matches!(error.fault, Fault::Unsupported(_)) && error.to_string().contains(says), "{syntax}: {error}");
    }
}

#[test]
fn the_same_file_is_read_where_its_pixels_are_not_compressed() {
    let folder = folder();
    let path = folder.path().join("a.dcm");
    std::fs::write(&path, image("1.2.840.10008.1.2.1.98", &[1, 0, 2, 0, 3, 0, 4, 0])).expect("a test's folder can be written");
    let image = formats::open(&path).expect("nothing but the syntax speaks against it");
    assert_eq!((0..4).map(|at| image.value(at)).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
}
