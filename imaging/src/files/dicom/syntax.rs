//! Transfer syntaxes: how a file's elements are written, and how its pixels are compressed.

use super::walk::Encoding;

/// A transfer syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub encoding: Encoding,
    pub compression: Compression,
    /// Whether the whole data set is deflated.
    pub is_deflated: bool,
}

/// How pixels are compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    /// Uncompressed, but in fragments.
    Fragments,
    Deflate,
    RunLength,
    Jpeg,
    JpegLs,
    Jpeg2000,
    /// Why not, in words.
    Undecodable(String),
}

impl Syntax {
    /// The syntax of an identifier. One that is not known is taken as explicit and little-endian, as all but the
    /// three oldest are.
    pub fn from_uid(uid: &str) -> Self {
        let encoding = match uid {
            "1.2.840.10008.1.2" | "" => Encoding::ImplicitLittle,
            "1.2.840.10008.1.2.2" => Encoding::ExplicitBig,
            _ => Encoding::ExplicitLittle,
        };
        Self { encoding, compression: compression(uid), is_deflated: uid == "1.2.840.10008.1.2.1.99" }
    }
}

fn compression(uid: &str) -> Compression {
    match uid.strip_prefix("1.2.840.10008.1.2").unwrap_or(uid) {
        "" | ".1" | ".2" | ".1.99" => Compression::None,
        ".1.98" => Compression::Fragments,
        ".8.1" => Compression::Deflate,
        ".5" => Compression::RunLength,
        ".4.50" | ".4.51" | ".4.53" | ".4.55" | ".4.57" | ".4.70" => Compression::Jpeg,
        ".4.52" | ".4.54" | ".4.56" | ".4.58" | ".4.59" | ".4.60" | ".4.61" | ".4.62" | ".4.63" | ".4.64" | ".4.65" | ".4.66" => {
            undecodable(
                "its pixels are compressed as a retired kind of JPEG (arithmetic or hierarchical), for which this program has no decoder",
            )
        }
        ".4.80" | ".4.81" => Compression::JpegLs,
        ".4.90" | ".4.91" | ".4.92" | ".4.93" => Compression::Jpeg2000,
        ".4.94" | ".4.95" | ".4.204" | ".4.205" => undecodable("its pixels are on a server (JPIP), and no network is ever used"),
        ".4.100" | ".4.100.1" | ".4.101" | ".4.101.1" => undecodable("its pixels are an MPEG-2 film, and films are not decoded"),
        film if film.starts_with(".4.102")
            || film.starts_with(".4.103")
            || film.starts_with(".4.104")
            || film.starts_with(".4.105")
            || film.starts_with(".4.106") =>
        {
            undecodable("its pixels are an MPEG-4 (H.264) film, and films are not decoded")
        }
        ".4.107" | ".4.108" => undecodable("its pixels are an HEVC (H.265) film, and films are not decoded"),
        ".4.110" | ".4.111" | ".4.112" => {
            undecodable("its pixels are compressed as JPEG XL, for which this program has no decoder")
        }
        ".4.201" | ".4.202" | ".4.203" => {
            undecodable("its pixels are compressed as High-Throughput JPEG 2000, for which this program has no decoder")
        }
        other => undecodable(&format!("its transfer syntax, {}, is not one that this program knows", printable(other, uid))),
    }
}

fn printable(rest: &str, uid: &str) -> String {
    let whole = if rest.len() == uid.len() { uid.to_owned() } else { format!("1.2.840.10008.1.2{rest}") };
    whole.chars().filter(|c| c.is_ascii_digit() || *c == '.').take(64).collect()
}

fn undecodable(why: &str) -> Compression {
    Compression::Undecodable(why.to_owned())
}
