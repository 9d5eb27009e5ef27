//! What was found is found no more; and a short look for more, the same in every run.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::{TARGETS, Target};

/// Changed inputs for each target; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more, and for others.
const TRIES: u32 = 1_000;

/// What structure is made of, so that a change can mean something.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "-1",
    "18446744073709551616",
    "1e999",
    "\"\"",
    "[]",
    "{}",
    ",",
    "\\u0000",
    "\u{202e}",
    "é",
    "..",
    "/../",
    "%2e",
    "%2F",
    "@",
    "?",
    "#",
    "\\",
    ":",
    "api-c0ffee00-1111-4222-8333-444455556666",
    "[ldtokens ",
    "kubernetes.io/",
];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name)
}

/// The corpus of a target, always in the same order.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(target.name)).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders: BTreeSet<_> = fs::read_dir(folder(""))
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    let names: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(folders, names);
}

#[test]
fn nothing_in_the_corpus_breaks_a_promise() {
    for target in TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= 4, "{}", target.name);
        for input in inputs {
            (target.run)(&input);
        }
    }
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    /// Go on as another input does.
    Join(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), select(WORDS.to_vec())).prop_map(|(at, word)| Edit::Insert(at, word)),
        (any::<Index>(), 1..16_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1..64_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, other)| Edit::Join(at, other)),
    ]
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>, others: &[Vec<u8>]) {
        let place = |at: &Index, input: &[u8]| at.index(input.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let at = place(at, input);
                if let Some(old) = input.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Insert(at, word) => {
                let at = place(at, input);
                input.splice(at..at, word.bytes());
            }
            Self::Remove(at, length) => {
                let at = place(at, input);
                input.drain(at..(at + length).min(input.len()));
            }
            Self::Repeat(at, length) => {
                let at = place(at, input);
                let part = input[at..(at + length).min(input.len())].to_vec();
                input.splice(at..at, part);
            }
            Self::Join(at, other) => {
                let other = other.get(others);
                let at = place(at, input);
                input.truncate(at);
                input.extend_from_slice(&other[at.min(other.len())..]);
            }
        }
    }
}

#[test]
fn no_change_of_what_is_in_the_corpus_breaks_a_promise() {
    for target in TARGETS {
        let inputs = corpus(target);
        let changed = (any::<Index>(), vec(edit(), 1..6));
        let given = Config::default();
        let config = Config {
            cases: TRIES.max(given.cases),
            rng_seed: match given.rng_seed {
                RngSeed::Random => RngSeed::Fixed(20_261_122),
                RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
            },
            failure_persistence: None,
            ..given
        };
        let outcome = TestRunner::new(config).run(&changed, |(first, edits)| {
            let mut input = first.get(&inputs).clone();
            for edit in &edits {
                edit.apply(&mut input, &inputs);
            }
            catch_unwind(AssertUnwindSafe(|| (target.run)(&input)))
                .map_err(|_| TestCaseError::fail(format!("{:?}", String::from_utf8_lossy(&input))))
        });
        if let Err(failure) = outcome {
            panic!("{}: {failure}", target.name);
        }
    }
}
