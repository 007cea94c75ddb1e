//! NRRD, MetaImage and GIPL, made here byte by byte: what their headers may say, and what they must not.

use crate::make::{folder, gzipped, write};
use imaging::files::{self, Fault, Item, Part};
use imaging::{Affine, Image, Pixels};
use std::io::Write as _;
use std::path::Path;

const NRRD: &str = "NRRD0004\n# a remark\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 2 1\n\
                    space directions: (2,0,0) (0,3,0) (0,0,4)\nkinds: domain domain domain\nendian: little\n\
                    encoding: raw\nspace origin: (5,-7,11)\n";
const PLACE: [[f64; 4]; 3] = [[-2.0, 0.0, 0.0, -5.0], [0.0, -3.0, 0.0, 7.0], [0.0, 0.0, 4.0, 11.0]];
const VALUES: [i16; 6] = [0, 1, -2, 3, 400, -500];

fn voxels() -> Vec<u8> {
    VALUES.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn file(header: &str, voxels: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b"\n", voxels].concat()
}

fn open(path: &Path) -> Image {
    files::open(path).unwrap_or_else(|error| panic!("a sound file opens: {error}"))
}

fn read(name: &str, bytes: &[u8]) -> Image {
    let folder = folder();
    open(&write(folder.path(), name, bytes))
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = folder();
    let path = write(folder.path(), name, bytes);
    files::open(&path).expect_err("it cannot be opened").to_string()
}

#[test]
fn nrrd_in_each_space_and_encoding() {
    let image = read("a.nrrd", &file(NRRD, &voxels()));
    assert_eq!((image.pixels, image.grid.world_from_voxel), (Pixels::I16(VALUES.to_vec()), Affine(PLACE)));
    let turned =
        |space: &str| read("a.nrrd", &file(&NRRD.replace("left-posterior-superior", space), &voxels())).grid.world_from_voxel.0;
    assert_eq!(turned("RAS"), [[2.0, 0.0, 0.0, 5.0], [0.0, 3.0, 0.0, -7.0], [0.0, 0.0, 4.0, 11.0]]);
    assert_eq!(turned("left-anterior-superior"), [[-2.0, 0.0, 0.0, -5.0], [0.0, 3.0, 0.0, -7.0], [0.0, 0.0, 4.0, 11.0]]);
    let packed = read("a.nrrd", &file(&NRRD.replace("raw", "gzip"), &gzipped(&voxels())));
    assert_eq!(packed.pixels, Pixels::I16(VALUES.to_vec()));
    let text = read("a.nrrd", &file(&NRRD.replace("raw", "ascii"), b"0 1, -2\n3 400\t-500\n"));
    assert_eq!(text.pixels, Pixels::I16(VALUES.to_vec()));
    let big: Vec<u8> = VALUES.iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(read("a.nrrd", &file(&NRRD.replace("little", "big"), &big)).pixels, Pixels::I16(VALUES.to_vec()));
}

#[test]
fn nrrd_without_directions_has_its_spacings() {
    let header = "NRRD0001\ntype: uchar\ndimension: 2\nsizes: 2 2\nspacings: 0.5 nan\nencoding: raw\n";
    let image = read("a.nrrd", &file(header, &[1, 2, 3, 4]));
    assert_eq!((image.grid.shape, image.grid.spacing_mm()), ([2, 2, 1], [0.5, 1.0, 1.0]));
    assert_eq!(image.warnings.len(), 1, "the patient's sides are not told");
}

#[test]
fn nrrd_beside_its_voxels_with_lines_and_bytes_to_skip() {
    let folder = folder();
    let detached = |extra: &str| format!("{NRRD}{extra}data file: ./a.raw\n");
    write(folder.path(), "a.raw", &[b"one\ntwo\nxyz".to_vec(), voxels()].concat());
    let path = write(folder.path(), "a.nhdr", detached("line skip: 2\nbyteskip: 3\n").as_bytes());
    assert_eq!(open(&path).pixels, Pixels::I16(VALUES.to_vec()));
    let path = write(folder.path(), "b.nhdr", detached("byte skip: -1\n").as_bytes());
    assert_eq!(open(&path).pixels, Pixels::I16(VALUES.to_vec()));
    let path = write(folder.path(), "c.nhdr", detached("line skip: 9\n").as_bytes());
    assert!(files::open(&path).is_err());
    for elsewhere in ["../a.raw", "/etc/passwd", "C:\\a.raw", "sub/../../a.raw"] {
        let path = write(folder.path(), "d.nhdr", format!("{NRRD}data file: {elsewhere}\n").as_bytes());
        let said = files::open(&path).expect_err("that is another folder").to_string();
        assert!(said.contains("it names voxels in another folder"), "{elsewhere}: {said}");
    }
    let path = write(folder.path(), "e.nhdr", format!("{NRRD}data file: none.raw\n").as_bytes());
    assert!(matches!(files::open(&path).expect_err("it is not there").fault, Fault::MissingHalf(_)));
}

#[test]
fn nrrd_of_colours_channels_and_times() {
    let four = |kinds: &str, sizes: &str, directions: &str| {
        NRRD.replace("short", "uchar")
            .replace("dimension: 3", "dimension: 4")
            .replace("domain domain domain", kinds)
            .replace("3 2 1", sizes)
            .replace("(2,0,0) (0,3,0) (0,0,4)", directions)
    };
    let colours = read(
        "a.nrrd",
        &file(&four("RGB-color domain domain domain", "3 2 1 1", "none (2,0,0) (0,3,0) (0,0,4)"), &[1, 2, 3, 4, 5, 6]),
    );
    assert_eq!(colours.pixels, Pixels::Rgb(vec![[1, 2, 3], [4, 5, 6]]));
    assert_eq!(colours.grid.world_from_voxel, Affine(PLACE));
    let folder = folder();
    let interleaved = four("list domain domain domain", "2 3 1 1", "none (2,0,0) (0,3,0) (0,0,4)");
    let path = write(folder.path(), "b.nrrd", &file(&interleaved, &[1, 10, 2, 20, 3, 30]));
    let part = |path: &Path, at| files::open_item(&Item::new(path, Part::Volume(at))).expect("the part is there").pixels;
    assert_eq!(files::items(&path).expect("it is listed").len(), 2);
    assert_eq!((part(&path, 0), part(&path, 1)), (Pixels::I16(vec![1, 2, 3]), Pixels::I16(vec![10, 20, 30])));
    let behind = four("domain domain domain time", "3 1 1 2", "(2,0,0) (0,3,0) (0,0,4) none");
    let path = write(folder.path(), "c.nrrd", &file(&behind, &[1, 2, 3, 10, 20, 30]));
    assert_eq!(files::items(&path).expect("it is listed")[1].title, "time point 1");
    assert_eq!((part(&path, 0), part(&path, 1)), (Pixels::I16(vec![1, 2, 3]), Pixels::I16(vec![10, 20, 30])));
    let between = four("domain list domain domain", "3 1 1 2", "(2,0,0) none (0,3,0) (0,0,4)");
    assert!(refused("d.nrrd", &file(&between, &[0; 6])).contains("do not lie side by side"));
    let complex = four("complex domain domain domain", "2 3 1 1", "none (2,0,0) (0,3,0) (0,0,4)");
    assert!(refused("e.nrrd", &file(&complex, &[0; 6])).contains("complex"));
}

#[test]
fn nrrd_that_cannot_be_is_refused_in_words() {
    let changed = |from: &str, to: &str| refused("a.nrrd", &file(&NRRD.replace(from, to), &voxels()));
    assert!(changed("sizes: 3 2 1", "sizes: 3 0 1").contains("its header declares"));
    assert!(changed("sizes: 3 2 1", "sizes: 3 2").contains("do not fit its dimension"));
    assert!(changed("sizes: 3 2 1", "sizes: 99999999999 99999999999 99999999999").contains("too large"));
    assert!(changed("sizes: 3 2 1", "sizes: 3 2 2").contains("the file ends after 6 of 12 voxels"));
    assert!(changed("type: short", "type: block").contains("blocks"));
    assert!(changed("type: short", "type: nonsense").contains("does not exist"));
    assert!(changed("encoding: raw", "encoding: bzip2").contains("bzip2"));
    assert!(changed("encoding: raw", "encoding: hex").contains("hexadecimal"));
    assert!(changed("encoding: raw", "").contains("lacks the field encoding"));
    assert!(changed("(2,0,0) (0,3,0)", "(2,0,0").contains("directions"));
    let nan = read("a.nrrd", &file(&NRRD.replace("(2,0,0)", "(nan,0,0)"), &voxels()));
    assert!(nan.grid.world_from_voxel.is_valid() && nan.warnings.len() == 1, "{:?}", nan.warnings);
    let header = NRRD.replace("raw", "gzip").replace("3 2 1", "2000 1000 1000");
    assert!(refused("b.nrrd", &file(&header, &gzipped(&voxels()))).contains("more than so small a file can hold"));
}

const META: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n\
                    TransformMatrix = 0 1 0 1 0 0 0 0 1\nOffset = 5 -7 11\nElementSpacing = 2 3 4\nDimSize = 3 2 1\n\
                    ElementType = MET_SHORT\nElementDataFile = LOCAL";

#[test]
fn metaimage_local_beside_and_packed() {
    let turned = [[0.0, -3.0, 0.0, -5.0], [-2.0, 0.0, 0.0, 7.0], [0.0, 0.0, 4.0, 11.0]];
    let image = read("a.mha", &file(META, &voxels()));
    assert_eq!((image.pixels, image.grid.world_from_voxel), (Pixels::I16(VALUES.to_vec()), Affine(turned)));
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&voxels()).expect("memory takes all");
    let packed = zlib.finish().expect("memory takes all");
    let header = META.replace("CompressedData = False", "CompressedData = True");
    assert_eq!(read("a.mha", &file(&header, &packed)).pixels, Pixels::I16(VALUES.to_vec()));
    let folder = folder();
    write(folder.path(), "a.raw", &[vec![9; 5], voxels()].concat());
    for size in ["5", "-1"] {
        let header = META.replace("ElementDataFile = LOCAL", &format!("HeaderSize = {size}\nElementDataFile = a.raw\n"));
        assert_eq!(open(&write(folder.path(), "a.mhd", header.as_bytes())).pixels, Pixels::I16(VALUES.to_vec()));
    }
    let header = META.replace("LOCAL", "../a.raw\n");
    assert!(refused("b.mhd", header.as_bytes()).contains("another folder"));
}

#[test]
fn metaimage_of_channels_and_bad_ones() {
    let colour =
        META.replace("MET_SHORT", "MET_UCHAR").replace("DimSize = 3 2 1", "ElementNumberOfChannels = 3\nDimSize = 2 1 1");
    assert_eq!(read("a.mha", &file(&colour, &[1, 2, 3, 4, 5, 6])).pixels, Pixels::Rgb(vec![[1, 2, 3], [4, 5, 6]]));
    let changed = |from: &str, to: &str| refused("a.mha", &file(&META.replace(from, to), &voxels()));
    assert!(changed("DimSize = 3 2 1", "DimSize = 3 2").contains("do not fit its dimension"));
    assert!(changed("DimSize = 3 2 1", "DimSize = 3 -2 1").contains("do not fit its dimension"));
    assert!(changed("DimSize = 3 2 1", "DimSize = 3 2 7").contains("the file ends after 6 of 42 voxels"));
    assert!(changed("MET_SHORT", "MET_STRING").contains("not read"));
    assert!(changed("LOCAL", "LIST").contains("several files"));
    assert!(refused("a.mha", b"ObjectType = Image\nNDims = 3\n").contains("lacks the field"));
}

#[test]
fn gipl_with_spacing_origin_and_the_greater_byte_first() {
    let mut header = vec![0_u8; 256];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    [3_u16, 2, 1, 0, 15].iter().enumerate().for_each(|(n, value)| put(n * 2, &value.to_be_bytes()));
    [2_f32, 3.0, 4.0].iter().enumerate().for_each(|(n, value)| put(10 + n * 4, &value.to_be_bytes()));
    [5_f64, -7.0, 11.0].iter().enumerate().for_each(|(n, value)| put(204 + n * 8, &value.to_be_bytes()));
    put(252, &4_026_526_128_u32.to_be_bytes());
    let voxels: Vec<u8> = VALUES.iter().flat_map(|value| value.to_be_bytes()).collect();
    for name in ["a.gipl", "a.gipl.gz"] {
        let image = read(name, &[header.clone(), voxels.clone()].concat());
        assert_eq!((image.pixels, image.grid.world_from_voxel), (Pixels::I16(VALUES.to_vec()), Affine(PLACE)));
        assert!(refused(name, &[header.clone(), voxels[..5].to_vec()].concat()).contains("the file ends after 2 of 6 voxels"));
    }
    header[9] = 144;
    assert!(refused("b.gipl", &[header, voxels].concat()).contains("complex"));
}

#[test]
fn a_mask_of_any_format_is_a_nifti_at_the_same_place() {
    let folder = folder();
    for (name, bytes) in [("a.nrrd", file(NRRD, &voxels())), ("a.mha", file(META, &voxels()))] {
        let source = Item::from(write(folder.path(), name, &bytes));
        let mask = imaging::Mask::from_fn([3, 2, 1], |index| index % 2 == 1);
        let to = folder.path().join(format!("{name}.nii.gz"));
        imaging::export::export_nifti(&source, &[(3, &mask)], &to, false).expect("a sound export");
        let back = files::open_labels(&to).expect("it reads back");
        assert_eq!((back.mask(3), back.grid), (mask, open(&source.path).grid));
    }
}
