//! Codes for what a segment is (SNOMED CT, as PS3.16 CID 7150 and 7166 use it), by the name that the user gave it. A
//! name that is not listed is tissue: a code that is too wide, and never a wrong one.

/// A coded term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub value: &'static str,
    pub scheme: &'static str,
    pub meaning: &'static str,
}

const fn sct(value: &'static str, meaning: &'static str) -> Code {
    Code { value, scheme: "SCT", meaning }
}

const TISSUE: Code = sct("85756007", "Tissue");
const ANATOMICAL: Code = sct("123037004", "Anatomical Structure");
const ALTERED: Code = sct("49755003", "Morphologically Altered Structure");

/// Words for organs, and their codes.
const ORGANS: [(&[&str], Code); 24] = [
    (&["liver"], sct("10200004", "Liver")),
    (&["spleen"], sct("78961009", "Spleen")),
    (&["kidney", "kidneys"], sct("64033007", "Kidney")),
    (&["pancreas"], sct("15776009", "Pancreas")),
    (&["stomach"], sct("69695003", "Stomach")),
    (&["gallbladder", "gall bladder"], sct("28231008", "Gallbladder")),
    (&["esophagus", "oesophagus"], sct("32849002", "Esophagus")),
    (&["duodenum"], sct("38848004", "Duodenum")),
    (&["colon"], sct("71854001", "Colon")),
    (&["urinary bladder", "bladder"], sct("89837001", "Bladder")),
    (&["prostate"], sct("41216001", "Prostate")),
    (&["uterus"], sct("35039007", "Uterus")),
    (&["heart"], sct("80891009", "Heart")),
    (&["left ventricle"], sct("87878005", "Left ventricle of heart")),
    (&["aorta"], sct("15825003", "Aorta")),
    (&["lung", "lungs"], sct("39607008", "Lung")),
    (&["trachea"], sct("44567001", "Trachea")),
    (&["brain"], sct("12738006", "Brain")),
    (&["spinal cord", "cord"], sct("2748008", "Spinal cord")),
    (&["thyroid"], sct("69748006", "Thyroid")),
    (&["bone", "bones"], sct("272673000", "Bone")),
    (&["vertebra"], sct("51282000", "Vertebra")),
    (&["rib"], sct("113197003", "Rib")),
    (&["skin"], sct("39937001", "Skin")),
];

const ALTERATIONS: [(&[&str], Code); 2] =
    [(&["mass", "lesion"], sct("4147007", "Mass")), (&["tumor", "tumour", "neoplasm", "cancer"], sct("108369006", "Neoplasm"))];

/// Category and type of a structure of that name.
pub(super) fn codes_of(name: &str) -> (Code, Code) {
    let name = name.trim().to_lowercase();
    let find = |table: &[(&[&str], Code)]| table.iter().find(|(words, _)| words.contains(&name.as_str())).map(|(_, code)| *code);
    match (find(&ORGANS), find(&ALTERATIONS)) {
        (Some(organ), _) => (ANATOMICAL, organ),
        (_, Some(alteration)) => (ALTERED, alteration),
        _ => (TISSUE, TISSUE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_listed_is_tissue() {
        assert_eq!(codes_of(" Liver ").1.value, "10200004");
        assert_eq!(codes_of("tumour").0, ALTERED);
        assert_eq!(codes_of("structure 1"), (TISSUE, TISSUE));
    }
}
