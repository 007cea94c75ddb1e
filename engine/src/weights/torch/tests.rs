use super::*;
use proptest::prelude::*;

/// Small files that PyTorch wrote; `tests/parity/torch_files.py` makes them.
fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/torch").join(name)
}

fn numbers(state: &State, name: &str) -> Vec<f32> {
    state.read(name).unwrap()
}

#[test]
fn all_that_pytorch_writes_is_read() {
    for name in ["zip.pt", "legacy.pt"] {
        let state = State::open(&file(name)).unwrap();
        assert_eq!(numbers(&state, "plain"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{name}");
        assert_eq!(state.shape("turned"), Some(&[3, 2][..]));
        assert_eq!(numbers(&state, "turned"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0], "a stride is followed");
        assert_eq!(numbers(&state, "part"), [4.0, 5.0], "a storage is shared");
        assert_eq!(numbers(&state, "half"), [1.5, -2.25]);
        assert_eq!(numbers(&state, "brain"), [1.5, -2.25]);
        assert_eq!(numbers(&state, "double"), [0.1]);
        assert_eq!(numbers(&state, "count"), [7.0]);
        assert_eq!(numbers(&state, "parameter"), [9.0]);
        assert_eq!(state.tensors().count(), 8, "neither an optimiser's state nor a config is a tensor of the net");
    }
}

#[test]
fn a_net_is_found_under_each_of_its_holders_and_wrappers() {
    for holder in ["none", "state_dict", "model", "model_state_dict", "network_weights", "module"] {
        let state = State::open(&file(&format!("held_{holder}.pt"))).unwrap();
        let names: Vec<&str> = state.tensors().map(|(name, _)| name).collect();
        assert_eq!(names, ["conv.bias", "conv.weight"], "{holder}");
        assert_eq!(numbers(&state, "conv.bias"), [0.5, -0.5]);
    }
}

/// A file with some of its bytes changed, cut or doubled.
fn damaged(whole: &[u8], changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for &(at, value) in changes {
        let at = at % bytes.len();
        bytes[at] = value;
    }
    bytes.truncate(bytes.len() - cut % bytes.len());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_damage_makes_it_panic_or_claim_more_than_the_file_holds(
        which in 0..4_usize,
        // Headers and directories are where damage tells: often it is near the beginning.
        changes in proptest::collection::vec((prop_oneof![0..600_usize, any::<usize>()], any::<u8>()), 0..12),
        cut in prop_oneof![Just(0_usize), any::<usize>()],
    ) {
        let whole = std::fs::read(file(["zip.pt", "legacy.pt", "held_module.pt", "../published/scribbleprompt.safetensors"][which])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pt");
        let bytes = damaged(&whole, &changes, cut);
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(state) = State::open(&path) {
            for (name, stored) in state.tensors() {
                prop_assert!(stored.len() <= bytes.len());
                drop(state.read(name));
            }
        }
    }
}

#[test]
fn a_hostile_pickle_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    let path = folder.path().join("weights.pt");
    let mut stream = b"\x80\x02\x8a\x0a".to_vec();
    stream.extend(MAGIC);
    stream.extend(b".\x80\x02M\xe9\x03.\x80\x02}.");
    stream.extend(format!("cposix\nsystem\n(S'touch {}'\ntR.", victim.display()).bytes());
    stream.extend(b"\x80\x02].");
    std::fs::write(&path, stream).unwrap();
    let message = State::open(&path).err().unwrap();
    assert!(message.contains("no net's state"), "{message}");
    assert!(!victim.exists());
}
